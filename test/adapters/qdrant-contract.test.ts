import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Exchange,
  exchanges,
  multipartOf,
  RECORDED,
  recordedSnapshot,
} from '../testbed/qdrant/recording.ts';
import { shapeDifferences } from '../testbed/qdrant/shape.ts';
import { type QdrantTarget, qdrantTarget } from '../testbed/qdrant/target.ts';

/** What stands in the recordings → what stands for it on this server. */
type Names = Map<string, string>;

interface Live {
  status: number;
  headers: Headers;
  bytes: Buffer;
}

function translate(text: string, names: Names): string {
  const known = [...names.keys()].sort((a, b) => b.length - a.length);
  const found = new RegExp(known.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  return text.replace(found, (name) => names.get(name)!);
}

/** The multipart bodies that the recordings show only the length of. */
function uploadOf(exchange: string, names: Names): Buffer {
  const good = recordedSnapshot();
  const name = names.get(RECORDED.snapshot)!;
  if (exchange === 'upload-truncated') return multipartOf(name, good.subarray(0, good.length / 2));
  if (exchange === 'upload-garbage') return multipartOf('x.snapshot', Buffer.alloc(5000, 'garbage '));
  return multipartOf(name, good);
}

async function replay(
  target: QdrantTarget,
  exchange: Exchange,
  names: Names,
  key: string | undefined,
): Promise<Live> {
  const { request } = exchange;
  const headers: Record<string, string> = { ...request.headers, 'accept-encoding': 'identity' };
  delete headers['api-key'];
  if (key) headers['api-key'] = key;
  const binary = typeof request.body === 'string' && /^<\d+ bytes>$/.test(request.body);
  const body = binary
    ? uploadOf(exchange.name, names)
    : request.body === null
      ? undefined
      : translate(JSON.stringify(request.body), names);
  const response = await fetch(target.url + translate(request.path, names), {
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

function check(exchange: Exchange, live: Live, names: Names, standIn: boolean): void {
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

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('what a Qdrant server answers', () => {
  let target: QdrantTarget;
  const names: Names = new Map();
  let checksum = '';

  before(async () => {
    target = await qdrantTarget();
    for (const name of ['lifeos_notes', 'restored_notes', 'copy_notes', 'notes_live', 'nope'])
      names.set(name, target.unique(name));
    // A server in a container of its own listens on the standard port inside, whatever it is outside.
    if (target.standIn) names.set(RECORDED.server, target.url);
  });
  after(() => target?.close());

  for (const exchange of exchanges('exchanges')) {
    it(exchange.name, async () => {
      // Names have the time to a second: in the same second this would replace the first snapshot.
      if (exchange.name === 'snapshot-create-2') await delay(1000);
      const live = await replay(target, exchange, names, target.apiKey);
      check(exchange, live, names, target.standIn);
      if (exchange.name.includes('snapshot-create')) {
        const { result } = JSON.parse(live.bytes.toString('utf8')) as { result?: Snapshot };
        if (exchange.name === 'snapshot-create') {
          names.set(RECORDED.snapshot, result!.name);
          checksum = result!.checksum!;
          const form = new RegExp(`^${names.get('lifeos_notes')}-\\d+-\\d{4}(-\\d\\d){5}\\.snapshot$`);
          assert.match(result!.name, form);
          assert.match(checksum, /^[0-9a-f]{64}$/);
        }
        if (exchange.name === 'snapshot-create-2') names.set(RECORDED.secondSnapshot, result!.name);
        if (exchange.name === 'shard-snapshot-create') names.set(RECORDED.shardSnapshot, result!.name);
        if (exchange.name === 'full-snapshot-create') names.set(RECORDED.fullSnapshot, result!.name);
      }
      if (exchange.name === 'snapshot-download-range') assert.equal(live.bytes.length, 100);
      if (exchange.name === 'snapshot-download') {
        // In the same second a snapshot that was asked for without waiting may have taken this one's place.
        const list = (await (
          await fetch(`${target.url}/collections/${names.get('lifeos_notes')}/snapshots`, {
            headers: target.apiKey ? { 'api-key': target.apiKey } : {},
          })
        ).json()) as { result: Snapshot[] };
        const listed = list.result.find((one) => one.name === names.get(RECORDED.snapshot));
        assert.ok([checksum, listed?.checksum].includes(sha256(live.bytes)));
      }
      if (exchange.name === 'full-snapshots-after')
        assert.ok(!live.bytes.toString().includes(names.get(RECORDED.fullSnapshot)!));
      if (exchange.name === 'snapshots-after-delete')
        assert.ok(!live.bytes.toString().includes(names.get(RECORDED.secondSnapshot)!));
      if (exchange.name === 'metrics') assert.match(live.bytes.toString(), /^app_info\{/m);
    });
  }
});

describe('what a Qdrant server with API keys answers', () => {
  let target: QdrantTarget;
  const names: Names = new Map();

  before(async () => {
    target = await qdrantTarget({ keys: true });
    names.set('/collections/c', `/collections/${target.unique('c')}`);
  });
  after(() => target?.close());

  for (const exchange of exchanges('exchanges-api-key')) {
    it(exchange.name, async (test) => {
      const asked = exchange.request.headers['api-key'];
      if (!target.apiKey) return test.skip('the configured server wants no API key');
      if (asked === 'read-key' && !target.readOnlyApiKey) return test.skip('no read-only key is configured');
      const keys: Record<string, string | undefined> = {
        'secret-key': target.apiKey,
        'read-key': target.readOnlyApiKey,
      };
      const live = await replay(
        target,
        exchange,
        names,
        asked === undefined ? undefined : (keys[asked] ?? asked),
      );
      check(exchange, live, names, target.standIn);
    });
  }
});
