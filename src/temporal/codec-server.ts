import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Payload } from '@temporalio/common';
import { z } from 'zod';
import type { CodecServerConfig } from '../config/codec.ts';
import { LifeboatError } from '../model/failures.ts';
import { localAccess, tokenAccess } from '../status/access.ts';
import { type Listening, listen } from '../telemetry/listen.ts';
import { type CodecUse, payloadCodec } from './payload-codec.ts';

/** A longer request is refused (bytes). Temporal takes 4 MiB in one message, which base64 makes a third longer. */
const MAX_BYTES = 16 * 1024 * 1024;

/** What the Temporal UI and CLI send besides the usual: the namespace, and who asks. */
const HEADERS = 'authorization, content-type, x-namespace';

const requestSchema = z.object({
  // Protobuf's JSON leaves out what is empty, also the whole list.
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), z.string()).nullish(), data: z.string().nullish() }))
    .default([]),
});

/** The protocol of Temporal's codec servers: `POST /encode` and `/decode` with payloads as protobuf's JSON has them. */
type Payloads = z.infer<typeof requestSchema>;

/** An answer that ends a request; the text is for the log of whoever asked. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Serve the codec for the Temporal UI and CLI. Only pages from the configured origins may ask; a token is asked for where there
 * is one, and without it only callers that name this machine are answered.
 * @throws {LifeboatError} `InvalidConfiguration` when it can not listen there.
 */
export async function serveCodec(config: CodecServerConfig, use: CodecUse): Promise<Listening> {
  const access = config.token ? tokenAccess(config.token, { secureCookie: false }) : localAccess;
  const codec = payloadCodec(use);
  return await listen('The codec server', config, (request, response) => {
    const answered = async () => {
      allowOrigin(config.origins, request, response);
      if (request.method === 'OPTIONS') return void response.writeHead(204).end();
      if (!access.allows(request)) throw refusedCaller(access.guarded);
      const step = stepOf(request);
      const asked = await readPayloads(request);
      const payloads = await codec[step](asked.payloads.map(fromJson));
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify({ payloads: payloads.map(toJson) }));
    };
    answered().catch((error: unknown) => refuse(response, error));
  });
}

/** A page from elsewhere is not only unable to read the answer: it gets none. */
function allowOrigin(origins: string[], request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('vary', 'origin');
  const { origin } = request.headers;
  if (origin === undefined) return;
  if (!origins.some((one) => one.toLowerCase() === origin.toLowerCase())) {
    throw new Refusal(403, `Pages from ${origin} may not ask: add it to temporal.codec.server.origins.`);
  }
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader('access-control-allow-headers', HEADERS);
  response.setHeader('access-control-max-age', '600');
}

const refusedCaller = (guarded: boolean): Refusal =>
  guarded
    ? new Refusal(401, 'The token of temporal.codec.server is needed: Authorization: Bearer …')
    : new Refusal(421, 'Ask for 127.0.0.1 or localhost.');

function stepOf(request: IncomingMessage): 'encode' | 'decode' {
  const step = /\/(encode|decode)\/?$/.exec(new URL(request.url ?? '/', 'http://localhost').pathname)?.[1];
  if (step === undefined) throw new Refusal(404, 'There are /encode and /decode.');
  if (request.method !== 'POST') throw new Refusal(405, 'Payloads are posted.');
  // Other types a page may send without asking first.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new Refusal(415, 'The payloads have to be application/json.');
  }
  return step as 'encode' | 'decode';
}

const tooLong = (): Refusal => new Refusal(413, `More than ${MAX_BYTES} bytes are not taken at once.`);

async function readPayloads(request: IncomingMessage): Promise<Payloads> {
  // One that says its length is told; one that does not is cut off.
  let bytes = Number(request.headers['content-length'] ?? 0);
  if (bytes > MAX_BYTES) throw tooLong();
  const parts: Buffer[] = [];
  bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BYTES) throw tooLong();
    parts.push(part);
  }
  try {
    return requestSchema.parse(JSON.parse(Buffer.concat(parts).toString()));
  } catch {
    throw new Refusal(400, 'The body has to be {"payloads": [{"metadata": {…}, "data": …}, …]}.');
  }
}

const fromJson = ({ metadata, data }: Payloads['payloads'][number]): Payload => ({
  metadata: Object.fromEntries(
    Object.entries(metadata ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
  ),
  data: Buffer.from(data ?? '', 'base64'),
});

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const toJson = ({ metadata, data }: Payload): object => ({
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([key, value]) => [key, base64(value)])),
  data: base64(data ?? new Uint8Array()),
});

function refuse(response: ServerResponse, error: unknown): void {
  const told = error instanceof Refusal || error instanceof LifeboatError;
  const status = error instanceof Refusal ? error.status : error instanceof LifeboatError ? 400 : 500;
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`${told ? error.message : 'The payloads could not be read.'}\n`);
}
