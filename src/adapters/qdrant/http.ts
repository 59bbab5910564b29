import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';
import type { Secret } from '../../config/secret.ts';
import { LifeboatError } from '../../model/failures.ts';
import { bigNumbersAsText } from './big-numbers.ts';
import { type Asked, brokenConnection, refusedAnswer } from './qdrant-failure.ts';

/** How long silence is borne (milliseconds). None of them limits how long a whole transfer takes. */
export interface QdrantTimeouts {
  /** Until a connection stands. Default 10 s. */
  connect: number;
  /** Until the answer to a plain question begins. Default 30 s. */
  answer: number;
  /** Between two pieces of a transfer, in either direction. Default 60 s. */
  idle: number;
  /** Until the server has done what it answers only after: write or recover a snapshot, drop a collection. Default 6 h. */
  work: number;
}

export const DEFAULT_TIMEOUTS: QdrantTimeouts = {
  connect: 10_000,
  answer: 30_000,
  idle: 60_000,
  work: 6 * 3_600_000,
};

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is; its headers must say what it is. */
  body?: Readable;
  headers?: Record<string, string>;
  /** The answer comes after work on the server. Default false. */
  works?: boolean;
  signal?: AbortSignal;
  /** For the sentence of a failure. */
  doing: string;
  collection?: string;
  snapshot?: string;
}

/** Speaks HTTP with one Qdrant server: its key, its timeouts, and failures as sentences. */
export class QdrantHttp {
  readonly url: string;
  readonly server: string;
  readonly timeouts: QdrantTimeouts;
  readonly #apiKey: Secret | undefined;
  readonly #agent: Agent;

  constructor(options: {
    name: string;
    url: string;
    apiKey?: Secret | undefined;
    timeouts?: Partial<QdrantTimeouts> | undefined;
  }) {
    this.url = options.url.replace(/\/+$/, '');
    this.server = `The Qdrant server "${options.name}" (${withoutSecrets(this.url)})`;
    this.#apiKey = options.apiKey;
    this.timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.#agent = new Agent({
      connect: { timeout: this.timeouts.connect },
      headersTimeout: this.timeouts.answer,
      bodyTimeout: this.timeouts.idle,
    });
  }

  /** The `result` of the server's envelope. */
  async result<T>(call: Call): Promise<T> {
    const text = await this.text(call);
    try {
      return (JSON.parse(text, bigNumbersAsText) as { result: T }).result;
    } catch (cause) {
      throw new LifeboatError(
        'QdrantFailed',
        `${this.server} answered with something other than JSON when ${call.doing}. Check that the URL is that of a Qdrant server.`,
        { cause },
      );
    }
  }

  /** The whole body of a small answer. */
  async text(call: Call): Promise<string> {
    const response = await this.open(call);
    try {
      return await response.body.text();
    } catch (error) {
      throw brokenConnection(this.asked(call), error);
    }
  }

  /** The answer with its body still to be read; anything but success is thrown. */
  async open(call: Call): Promise<Dispatcher.ResponseData> {
    const response = await this.#request(call);
    if (response.statusCode < 300) return response;
    const body = await response.body.text().catch(() => '');
    throw refusedAnswer(this.asked(call), response.statusCode, body, response.headers);
  }

  asked(call: Pick<Call, 'doing' | 'collection' | 'snapshot'>): Asked {
    return { server: this.server, ...call };
  }

  async #request(call: Call): Promise<Dispatcher.ResponseData> {
    const headers: Record<string, string> = { ...call.headers };
    if (this.#apiKey) headers['api-key'] = this.#apiKey.reveal();
    if (call.json !== undefined) headers['content-type'] = 'application/json';
    try {
      return await request(this.url + call.path, {
        method: call.method,
        headers,
        dispatcher: this.#agent,
        ...(call.json === undefined ? {} : { body: JSON.stringify(call.json) }),
        ...(call.body === undefined ? {} : { body: call.body }),
        ...(call.works ? { headersTimeout: this.timeouts.work } : {}),
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
    } catch (error) {
      // undici wraps a signal's reason only for its own default, so any abort is recognised by the signal itself.
      if (call.signal?.aborted) throw call.signal.reason;
      throw brokenConnection(this.asked(call), error);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** A URL that somebody wrote a password into, fit for a message. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//');
}
