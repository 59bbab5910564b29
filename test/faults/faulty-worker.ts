import { existsSync, writeFileSync } from 'node:fs';
import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Activities } from '../../src/activities/index.ts';
import { loadConfig } from '../../src/config/load.ts';
import { runWorker } from '../../src/worker.ts';
import type { WorkerFault } from '../workflows/lifeboat.ts';

/**
 * The worker, but for one activity that does its work and then does not answer: the worst moment for a step to break, because its
 * effect is there and nobody knows.
 */
const fault = JSON.parse(process.env.LIFEBOAT_TEST_FAULT ?? '{}') as WorkerFault;

function around(activities: Activities): Activities {
  const real = activities[fault.activity as keyof Activities] as (...args: unknown[]) => Promise<unknown>;
  const broken = async (...args: unknown[]) => {
    const result = await real(...args);
    writeFileSync(fault.marker, fault.how);
    if (fault.how === 'fail') {
      throw ApplicationFailure.nonRetryable(`The test lets ${fault.activity} fail.`, 'HelperFailed');
    }
    const signal = cancellationSignal();
    while (!signal.aborted && !existsSync(`${fault.marker}.go`)) {
      heartbeat({ step: 'stalled by a test' });
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    signal.throwIfAborted();
    return result;
  };
  return { ...activities, [fault.activity]: broken };
}

await runWorker(await loadConfig(), { around, onReady: () => console.log('lifeboat: worker ready') });
