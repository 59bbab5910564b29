import { breakRun, type Fault } from '../../../faults/broken-run.ts';
import { until } from '../../../workflows/receivers.ts';
import type { Scenario } from '../record.ts';
import type { Scene } from '../scene.ts';

const broken = (
  name: string,
  input: { services: string[] } & object,
  step: string,
  fault: Fault,
): Scenario => ({
  name,
  play: async ({ lifeboat }) =>
    await breakRun(lifeboat, {
      service: input.services[0] ?? '',
      workflow: 'backup',
      input: { repositories: ['local'], ...input },
      step,
      fault,
    }),
});

/** Backups that fail, fall back, are cancelled, lose their worker, or meet another one. */
export const BROKEN_BACKUPS: Scenario[] = [
  broken('backup-failed', { services: ['graph'] }, 'dumpDatabase', 'failure'),
  broken('backup-cancelled', { services: ['graph'] }, 'dumpDatabase', 'cancel'),
  broken('backup-terminated', { services: ['graph'] }, 'dumpDatabase', 'terminate'),
  broken('backup-worker-lost', { services: ['graph'] }, 'dumpDatabase', 'kill -9'),
  broken('backup-section-terminated', { services: ['graph'] }, 'dumpDatabase', 'section terminated'),
  broken('backup-fallback', { services: ['frozen'] }, 'dumpCopies', 'failure'),
  broken('backup-partial', { services: ['graph', 'vectors'] }, 'storeSnapshot', 'failure'),
  broken('backup-vectors-cancelled', { services: ['vectors'] }, 'storeSnapshot', 'cancel'),
  broken(
    'backup-consistent-cancelled',
    { services: ['graph', 'vectors'], consistent: true } as { services: string[] },
    'takeSnapshot',
    'cancel',
  ),
  {
    name: 'backup-busy',
    async play(scene) {
      const refused = await whileInItsWindow(scene, async () => {
        const other = await scene.run('backup', { repositories: ['local'], services: ['graph'] });
        const waiting = await scene.lifeboat.start('backup', {
          repositories: ['local'],
          services: ['graph'],
          wait: true,
        });
        await untilItSleeps(scene, waiting.workflowId);
        return [other, waiting];
      });
      for (const handle of refused) await handle.result().catch(() => undefined);
      return refused;
    },
  },
];

/** Do something while a backup has the window of `graph` open. */
async function whileInItsWindow<T>(scene: Scene, call: () => Promise<T>): Promise<T> {
  let answer: Promise<T> | undefined;
  await breakRun(scene.lifeboat, {
    service: 'graph',
    workflow: 'backup',
    input: { repositories: ['local'], services: ['graph'] },
    step: 'dumpDatabase',
    fault: async () => {
      answer = call();
      await answer;
    },
  });
  if (!answer) throw new Error('The window was never open.');
  return await answer;
}

async function untilItSleeps({ lifeboat }: Scene, workflowId: string): Promise<void> {
  const handle = lifeboat.client.workflow.getHandle(workflowId);
  await until(async () => {
    const { events } = await handle.fetchHistory();
    return events?.some((event) => event.timerStartedEventAttributes);
  });
}
