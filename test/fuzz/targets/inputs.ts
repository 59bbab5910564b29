import fc from 'fast-check';
import type { ZodType } from 'zod';
import * as inputs from '../../../src/model/inputs.ts';
import { mutatedJson } from '../mutations.ts';
import { receptionOf, target } from '../target.ts';

const HONEST = [
  { services: ['graph'], repositories: ['local'], consistent: true, wait: true },
  {
    set: 'before 2026-01-01T00:00:00Z',
    services: ['graph'],
    databases: ['neo4j'],
    stage: 'elsewhere',
    check: false,
  },
  { set: 'latest verified', collections: ['a'], into: { a: 'b' }, switchAlias: true, dryRun: true },
  { services: ['graph'], clear: true, confirm: 'graph' },
  { hosts: ['a', 'b'], concurrency: 2, backup: { wait: true }, hostsARun: 10 },
  { set: 'latest', from: 'local', to: ['offsite'] },
  {},
  undefined,
];

const SCHEMAS = Object.entries(inputs).flatMap(([name, one]) =>
  name.endsWith('Input') && typeof one === 'object' ? [[name.slice(0, -5), one as ZodType] as const] : [],
);

export const INPUTS = target<{ type: readonly [string, ZodType]; value: unknown }>({
  name: 'inputs',
  what: 'the JSON that a workflow is started with, for every type of workflow',
  inputs: () => fc.record({ type: fc.constantFrom(...SCHEMAS), value: mutatedJson(...HONEST) }),
  async read({ type: [name, schema], value }) {
    return await receptionOf(() => {
      const taken = inputs.parseInput(name, schema, value);
      const again = inputs.parseInput(name, schema, JSON.parse(JSON.stringify(taken)));
      if (JSON.stringify(again) !== JSON.stringify(taken))
        throw new Error('It is read otherwise the second time.');
    });
  },
});
