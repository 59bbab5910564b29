// needs: nothing
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { exchanges, multipartOf, RECORDED, recordedSnapshot } from '../testbed/qdrant/recording.ts';
import { check, type Names, replay } from '../testbed/qdrant/replay.ts';
import { type QdrantTarget, qdrantTarget } from '../testbed/qdrant/target.ts';

interface Snapshot {
  name: string;
  checksum?: string;
}

/** The multipart bodies that the recordings show only the length of. */
function uploadOf(exchange: string, names: Names): Buffer {
  const good = recordedSnapshot();
  const name = names.get(RECORDED.snapshot)!;
  if (exchange === 'upload-truncated') return multipartOf(name, good.subarray(0, good.length / 2));
  if (exchange === 'upload-garbage') return multipartOf('x.snapshot', Buffer.alloc(5000, 'garbage '));
  return multipartOf(name, good);
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
    it(exchange.name, async (test) => {
      // It takes a snapshot of every collection there is, and takes those away that others took in the same second.
      if (!target.standIn && exchange.name.startsWith('full-snapshot'))
        return test.skip('a full snapshot would be one of everything on the configured server');
      // Names have the time to a second: in the same second this would replace the first snapshot.
      if (exchange.name === 'snapshot-create-2') await delay(1000);
      const live = await replay(target.url, exchange, names, {
        key: target.apiKey,
        upload: (name) => uploadOf(name, names),
      });
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
      const live = await replay(target.url, exchange, names, {
        key: asked === undefined ? undefined : (keys[asked] ?? asked),
      });
      check(exchange, live, names, target.standIn);
    });
  }
});
