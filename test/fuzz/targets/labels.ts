import fc from 'fast-check';
import { type LabelledContainer, SERVICE_LABELS, servicesFromLabels } from '../../../src/config/labels.ts';
import { HOSTILE_TEXTS } from '../mutations.ts';
import { target } from '../target.ts';

const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...SERVICE_LABELS) },
  fc.constantFrom(
    'com.docker.compose.project',
    'com.docker.compose.service',
    'lifeboat.role',
    '__proto__',
    'lifeboat.',
  ),
  fc.string({ maxLength: 10 }).map((text) => `lifeboat.${text}`),
);

const value = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'true',
      'neo4j',
      'qdrant',
      'http://127.0.0.1:6333',
      '180s',
      'a,b',
      'PASSWORD',
      'copy',
    ),
  },
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: 'binary', maxLength: 30 }),
);

const containers: fc.Arbitrary<LabelledContainer[]> = fc.array(
  fc.record({
    id: fc.constantFrom('0'.repeat(64), '1'.repeat(64)),
    name: fc.constantFrom('/neo4j', 'qdrant', '', ...HOSTILE_TEXTS),
    labels: fc
      .tuple(
        fc.constantFrom<object>(
          {},
          { 'lifeboat.enable': 'true' },
          { 'lifeboat.enable': 'true', 'lifeboat.kind': 'neo4j' },
        ),
        fc.dictionary(key, value, { maxKeys: 6 }),
      )
      .map(([some, more]) => ({ ...some, ...more })),
  }),
  { maxLength: 4 },
);

export const LABELS = target<LabelledContainer[]>({
  name: 'labels',
  what: 'labels of containers that anybody who may start one can write',
  inputs: () => containers,
  read(list) {
    const declared = servicesFromLabels([
      { id: 'a', name: 'graph', labels: { 'lifeboat.enable': 'true', 'lifeboat.kind': 'neo4j' } },
    ]).services;
    // Like the one of a process, it has what every object has.
    const { errors, services } = servicesFromLabels(list, declared, process.env);
    for (const error of errors) {
      if (!/^container .*: .+ .+/s.test(error))
        throw new Error(`The problem ${JSON.stringify(error)} says too little.`);
    }
    for (const { name } of services) {
      if (!/^[\w.-]+$/.test(name)) throw new Error(`It took the name ${JSON.stringify(name)}.`);
    }
    return errors.length > 0 ? 'refused' : 'taken';
  },
});
