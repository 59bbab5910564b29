import { randomUUID } from 'node:crypto';
import prettyMilliseconds from 'pretty-ms';
import type { Config } from '../../config/config.ts';
import { applySchedules } from '../../schedules/apply-schedules.ts';
import type { Connected } from '../session.ts';
import { hasWorker } from '../start-run.ts';
import { type Check, type Finding, fail, ok, warn } from './check.ts';

/** Clocks that are further apart than this are told (milliseconds): set ids, ages and Object Lock go by them. */
const SKEW = 5_000;

/** The Temporal server, its worker, its clock and its schedules. */
export function temporalChecks(config: Config, connect: () => Promise<Connected>): Check[] {
  return [
    {
      subject: 'Temporal',
      look: async () => {
        const { connection, namespace, address } = await connect();
        const { serverVersion } = await connection.workflowService.getSystemInfo({});
        await connection.workflowService.describeNamespace({ namespace });
        return ok('Temporal', `server ${serverVersion} at ${address}, namespace ${namespace}`);
      },
    },
    {
      subject: 'worker',
      look: async () => {
        const connected = await connect();
        return (await hasWorker(connected))
          ? ok('worker', `serves the task queue ${connected.taskQueue}`)
          : fail('worker', `none serves the task queue ${connected.taskQueue}`, 'Start one: lifeboat worker');
      },
    },
    { subject: 'clock', look: async () => lookAtClock(await connect()) },
    {
      subject: 'schedules',
      look: async () => {
        const { client, taskQueue } = await connect();
        const changes = await applySchedules(
          client.schedule,
          config.schedules,
          { taskQueue },
          { dryRun: true },
        );
        const open = changes.filter(({ change }) => change !== 'unchanged');
        if (open.length === 0) return ok('schedules', `${changes.length} are as declared`);
        const named = open.map(({ change, id }) => `${change} ${id}`).join(', ');
        return warn(
          'schedules',
          `the server has others than the file: ${named}`,
          'Run: lifeboat schedules apply',
        );
      },
    },
  ];
}

/**
 * The server tells its time only on what it makes: a paused schedule of ours, deleted at once. That shows also whether schedules
 * may be made.
 */
async function lookAtClock({ client, taskQueue }: Connected): Promise<Finding[]> {
  const before = Date.now();
  const handle = await client.schedule.create({
    scheduleId: `${taskQueue}/doctor-${randomUUID().slice(0, 8)}`,
    spec: {},
    action: { type: 'startWorkflow', workflowType: 'watchdog', taskQueue },
    state: { paused: true, note: 'Made by `lifeboat doctor` to read the clock; safe to delete.' },
  });
  try {
    const after = Date.now();
    const { createdAt } = (await handle.describe()).info;
    const server = createdAt.getTime();
    const skew = server < before ? before - server : Math.max(0, server - after);
    if (skew <= SKEW) return ok('clock', 'agrees with the Temporal server');
    const which = server < before ? 'ahead of' : 'behind';
    return warn(
      'clock',
      `this machine is ${prettyMilliseconds(skew)} ${which} the Temporal server`,
      'Let both keep their time by NTP.',
    );
  } finally {
    await handle.delete();
  }
}
