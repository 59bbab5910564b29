import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Activities } from '../../src/activities/index.ts';
import { loadConfig } from '../../src/config/load.ts';
import { runWorker } from '../../src/worker.ts';
import type { WorkerFault } from '../workflows/lifeboat.ts';

/**
 * The worker, but for one activity that does its work and then does not answer: the worst moment for a step to break, because its
 * effect is there and nobody knows. Which one, if any, stands in a file, so that a test can change it without another start.
 */
function faultOf(activity: string): WorkerFault | undefined {
  const file = process.env.LIFEBOAT_TEST_FAULT;
  if (!file || !existsSync(file)) return undefined;
  const fault = JSON.parse(readFileSync(file, 'utf8')) as WorkerFault;
  return fault.activity === activity ? fault : undefined;
}

type Activity = (...args: unknown[]) => Promise<unknown>;

const breakable =
  (name: string, real: Activity): Activity =>
  async (...args) => {
    const fault = faultOf(name);
    const result = await real(...args);
    if (!fault) return result;
    writeFileSync(fault.marker, fault.how);
    if (fault.how === 'fail') {
      throw ApplicationFailure.nonRetryable(`The test lets ${name} fail.`, 'HelperFailed');
    }
    const signal = cancellationSignal();
    while (!signal.aborted && !existsSync(`${fault.marker}.go`)) {
      heartbeat({ step: 'stalled by a test' });
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    signal.throwIfAborted();
    return result;
  };

function around(activities: Activities): Activities {
  const all = Object.entries(activities).map(([name, real]) => [name, breakable(name, real as Activity)]);
  return Object.fromEntries(all) as Activities;
}

await runWorker(await loadConfig(), { around, onReady: () => console.log('lifeboat: worker ready') });
