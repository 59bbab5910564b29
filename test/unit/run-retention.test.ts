import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import { keepRuns, type Namespaces, RUNS_KEPT_HOURS } from '../../src/cli/run-retention.ts';

/** What a namespace with this retention is told (hours); undefined for nothing. */
async function told(hours: number): Promise<number | undefined> {
  let set: number | undefined;
  const server = {
    describeNamespace: async () => ({ config: { workflowExecutionRetentionTtl: msToTs(`${hours}h`) } }),
    updateNamespace: async ({ config }: Parameters<Namespaces['updateNamespace']>[0]) => {
      set = tsToMs(config?.workflowExecutionRetentionTtl) / 3_600_000;
      return {};
    },
  } as unknown as Namespaces;
  await keepRuns(server, 'default');
  return set;
}

test('a namespace that forgets its runs too soon keeps them longer, and one that does not is left alone', async () => {
  assert.equal(await told(24), RUNS_KEPT_HOURS);
  assert.equal(await told(RUNS_KEPT_HOURS), undefined);
  assert.equal(await told(10_000), undefined);
});

test('the embedded server keeps runs as long as that of the compose files', async () => {
  const script = await readFile(
    new URL('../../deploy/temporal/create-namespace.sh', import.meta.url),
    'utf8',
  );
  assert.match(script, new RegExp(`RETENTION:=${RUNS_KEPT_HOURS}h`));
});
