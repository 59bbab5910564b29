import assert from 'node:assert/strict';
import type { Exchange } from './recording.ts';
import { shapeDifferences } from './shape.ts';

/** What stands in the recordings → what stands for it on this server. */
export type Names = Map<string, string>;

export interface Live {
  status: number;
  headers: Headers;
  bytes: Buffer;
}

/** A recorded text with the names of this server. */
export function translate(text: string, names: Names): string {
  const known = [...names.keys()].sort((a, b) => b.length - a.length);
  const found = new RegExp(known.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  return text.replace(found, (name) => names.get(name)!);
}

/** Send the recorded request to a server; `upload` makes the multipart body that the recording shows only the length of. */
export async function replay(
  url: string,
  exchange: Exchange,
  names: Names,
  options: { key?: string | undefined; upload?: (exchange: string) => Buffer } = {},
): Promise<Live> {
  const { key, upload } = options;
  const { request } = exchange;
  const headers: Record<string, string> = { ...request.headers, 'accept-encoding': 'identity' };
  delete headers['api-key'];
  if (key) headers['api-key'] = key;
  const binary = typeof request.body === 'string' && /^<\d+ bytes>$/.test(request.body);
  const body = binary
    ? upload!(exchange.name)
    : request.body === null
      ? undefined
      : withKey(translate(JSON.stringify(request.body), names), key);
  const response = await fetch(url + translate(request.path, names), {
    method: request.method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

/** A server with an API key needs it to fetch a snapshot from itself. */
function withKey(body: string, key: string | undefined): string {
  const recovers = key !== undefined && body.startsWith('{"location":"http');
  return recovers ? JSON.stringify({ ...(JSON.parse(body) as object), api_key: key }) : body;
}

/** The body without what belongs to others: lists of everything on a server that other people use as well. */
function ours(body: unknown, names: Names): unknown {
  const mine = (entry: unknown): boolean =>
    typeof entry !== 'object' || entry === null || 'size' in entry
      ? true
      : [...names.values()].some((name) => Object.values(entry as object).includes(name));
  const filter = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.filter(mine);
    return value;
  };
  const { result, ...rest } = body as { result?: unknown };
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return body;
  const kept = Object.fromEntries(
    Object.entries(result).map(([key, value]) => [
      key,
      ['collections', 'aliases'].includes(key) ? filter(value) : value,
    ]),
  );
  return { ...rest, result: kept };
}

/** Values that are the same on every server. */
const LITERAL =
  /^(title|status|status\.error|result|result\.(count|exists|points_count|status|shard_count)|result\.(collections|aliases)(\[\]\..*)?|result\.config\.params\..*|result\.payload_schema\..*)$/;
/** What names a temporary file, or may be busy: their beginning and type are compared, not the words. */
const LOOSE = /^(upload-truncated|upload-garbage|recover-http-location|collection-info.*|cluster)$/;

interface Snapshot {
  name: string;
  checksum?: string;
}

/** Snapshot lists are compared entry by entry by name: a snapshot asked for without waiting may come a second later. */
function compareSnapshots(recorded: Snapshot[], live: unknown, exact: boolean): string[] {
  if (!Array.isArray(live)) return ['result: expected a list'];
  if (recorded.length === 0) return [];
  return recorded.flatMap((entry) => {
    const found = live.find((one: Snapshot) => one.name === entry.name);
    if (!found) return [`${entry.name} is missing`];
    return shapeDifferences(entry, found, { exact, literal: (path) => path === 'name' });
  });
}

/** Assert that the answer has the recorded status, types and shape, and the recorded values where they are the same everywhere. */
export function check(exchange: Exchange, live: Live, names: Names, standIn: boolean): void {
  const { response } = exchange;
  const said = live.bytes.toString('utf8', 0, 400);
  assert.equal(live.status, response.status, said);
  for (const header of ['content-type', 'accept-ranges', 'content-disposition']) {
    const expected = response.headers?.[header];
    if (expected !== undefined) assert.equal(live.headers.get(header), translate(expected, names), header);
  }
  if (response.headers?.['content-length'] !== undefined && live.headers.get('content-length') !== null)
    assert.equal(Number(live.headers.get('content-length')), live.bytes.length);
  if (typeof response.body === 'string') {
    const binary =
      /^<\d+ bytes>$/.test(response.body) ||
      response.headers?.['content-type'] === 'application/octet-stream';
    if (binary) assert.ok(live.bytes.length > 0);
    else assert.equal(said, translate(response.body, names));
    return;
  }
  const recorded = JSON.parse(translate(JSON.stringify(response.body), names)) as { result?: unknown };
  const body = ours(JSON.parse(live.bytes.toString('utf8')), names) as { result?: unknown };
  // The recording of the telemetry was shortened by hand.
  const exact = standIn && exchange.name !== 'telemetry';
  const literal = (path: string): boolean =>
    LITERAL.test(path) && !(LOOSE.test(exchange.name) && /^(status\.error|result\.status)$/.test(path));
  if (Array.isArray(recorded.result) && Array.isArray(body.result)) {
    assert.deepEqual(compareSnapshots(recorded.result as Snapshot[], body.result, exact), []);
    return;
  }
  assert.deepEqual(shapeDifferences(recorded, body, { exact, literal }), []);
}
