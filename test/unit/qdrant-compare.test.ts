import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type CollectionFacts,
  compareCollection,
  describeDifference,
  isOfData,
} from '../../src/adapters/qdrant/compare-collection.ts';
import { canonicalJson, hashOf } from '../../src/adapters/qdrant/sample.ts';
import { exchanges } from '../testbed/qdrant/recording.ts';

/** What a real server said of its collection. */
function recorded(): CollectionFacts & { config: { params: Record<string, unknown> } } {
  const info = exchanges('exchanges').find((exchange) => exchange.name === 'collection-info')!;
  const { result } = info.response.body as {
    result: { config: { params: Record<string, unknown> }; payload_schema: Record<string, unknown> };
  };
  return { points: 20, config: structuredClone(result.config), payloadSchema: { ...result.payload_schema } };
}

const fields = (a: CollectionFacts, b: CollectionFacts): string[] =>
  compareCollection(a, b).map((difference) => difference.field);

describe('comparing a collection with what was recorded of it', () => {
  it('finds nothing in the same one, whatever its tuning', () => {
    const live = recorded();
    live.config = { ...live.config, hnsw_config: { m: 32 }, optimizer_config: {} } as typeof live.config;
    live.payloadSchema = { tag: { data_type: 'keyword', points: 3 } };
    assert.deepEqual(compareCollection(recorded(), live), []);
  });

  it('takes no parameter that only a newer server knows for a difference', () => {
    const live = recorded();
    live.config.params.of_next_year = true;
    live.config.params.vectors = { size: 4, distance: 'Cosine', memory: 'cold' };
    assert.deepEqual(compareCollection(recorded(), live), []);
  });

  it('tells differences of the data from those of a configuration that a restore leaves as it is', () => {
    const live = recorded();
    live.points = 19;
    live.config.params.vectors = { size: 8, distance: 'Dot', on_disk: true };
    live.config.params.on_disk_payload = false;
    live.payloadSchema = { more: { data_type: 'integer', points: 3 } };
    const all = compareCollection(recorded(), live);
    assert.deepEqual(
      all.filter(isOfData).map(({ field }) => field),
      ['points', 'config.params.vectors.distance', 'config.params.vectors.size', 'payloadSchema.tag'],
    );
    assert.ok(all.some(({ field }) => field === 'payloadSchema.more'));
  });

  it('finds points, vectors, parameters, quantization and indexes that differ', () => {
    const live = recorded();
    live.points = 19;
    live.config = { ...live.config, quantization_config: { scalar: { type: 'int8' } } } as typeof live.config;
    live.config.params = { ...live.config.params, vectors: { size: 5, distance: 'Dot' }, shard_number: 2 };
    live.payloadSchema = { other: { data_type: 'integer', points: 1 } };
    assert.deepEqual(fields(recorded(), live), [
      'points',
      'config.params.vectors.distance',
      'config.params.vectors.size',
      'config.params.shard_number',
      'config.quantization_config',
      'payloadSchema.other',
      'payloadSchema.tag',
    ]);
  });

  it('compares named vectors and indexes with parameters by name', () => {
    const [a, b] = [recorded(), recorded()];
    a.config.params.vectors = { text: { size: 3, distance: 'Dot' }, gone: { size: 1, distance: 'Dot' } };
    b.config.params.vectors = { text: { size: 4, distance: 'Dot' }, fresh: { size: 1, distance: 'Dot' } };
    a.payloadSchema.tag = { data_type: 'keyword', params: { type: 'keyword', is_tenant: true }, points: 1 };
    assert.deepEqual(fields(a, b), [
      'config.params.vectors.fresh',
      'config.params.vectors.gone',
      'config.params.vectors.text.size',
      'payloadSchema.tag.params',
    ]);
    assert.equal(
      describeDifference({ field: 'points', recorded: 20, live: 15 }),
      'points: 20 recorded, 15 now',
    );
    assert.equal(
      describeDifference({ field: 'x', recorded: undefined, live: [1] }),
      'x: none recorded, [1] now',
    );
  });

  it('hashes points the same whatever the order of their keys', () => {
    assert.equal(
      canonicalJson({ b: [1, { d: null, c: 'ü' }], a: 0.1 }),
      '{"a":0.1,"b":[1,{"c":"ü","d":null}]}',
    );
    const point = { id: 1, payload: { a: 1, b: 2 }, vector: { x: [1], y: [2] } };
    assert.equal(hashOf(point), hashOf({ id: 1, payload: { b: 2, a: 1 }, vector: { y: [2], x: [1] } }));
    assert.notEqual(hashOf(point), hashOf({ ...point, vector: { x: [1], y: [3] } }));
  });
});
