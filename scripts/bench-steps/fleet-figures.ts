import { setTimeout } from 'node:timers/promises';
import type { FleetBackupResult } from '../../src/workflows/fleet-backup.ts';
import { costsOf, type RunCost } from '../fleet-steps/history-cost.ts';
import { scheduleLateness, startMetronome } from '../fleet-steps/metronome.ts';
import { mostMemory } from '../fleet-steps/most-memory.ts';
import { hostsOf, type Scene, setScene } from '../fleet-steps/scene.ts';

/** One fleet: what it came to and what it cost. */
export interface FleetRow {
  hosts: number;
  atOnce: number;
  seconds: number;
  ok: number;
  failed: number;
  unreachable: number;
  /** Dead and failing hosts that there were: the run has to name just these. */
  dead: number;
  failing: number;
  /** Runs that the fleet's workflow took, each continuing the one before. */
  runs: number;
  /** The largest history of those. */
  longestRun: { events: number; bytes: number };
  /** Of the fleet's workflow and of the hosts' own ones, for each host. */
  perHost: {
    fleet: { events: number; bytes: number; workflowTasks: number };
    host: { events: number; bytes: number; workflowTasks: number };
    workflowTasks: number;
  };
  /** From the start of a run of the fleet's workflow to the proof that the last of its dead hosts is dead (seconds). */
  deadFoundSeconds: number;
  /** From the start of a host's backup to its first workflow task (milliseconds). */
  hostWaitMs: { median: number; p99: number };
  /** Of a schedule that fires every two seconds meanwhile: from the time that it names to the start (milliseconds). */
  scheduleLateMs: { median: number; most: number; starts: number };
  /** Resident at most (MiB). */
  memoryMiB: { server: number; controller: number; hosts: number };
}

export interface FleetFigures {
  rows: FleetRow[];
  /** Workflow tasks per host, largest fleet / smallest fleet; of all workflows, and of the fleet's alone. */
  fleetTasks: number;
  fleetTasksOfFleetAlone: number;
}

export interface FleetOptions {
  /** Default: 10, 100 and 1000. */
  sizes?: number[];
  /** The time of a step that moves data, about (milliseconds). Default 200. */
  stepMs?: number;
  say?: (row: FleetRow) => void;
}

/** Hosts that are backed up at the same time, at every size. */
const AT_ONCE = 20;

/**
 * Back up simulated fleets of several sizes, each with a Temporal server of its own: real workflows, the hosts' own ones too, and activities
 * that only take time. The processes of the servers and workers are gone when it answers.
 */
export async function fleetFigures({
  sizes = [10, 100, 1000],
  stepMs = 200,
  say = () => {},
}: FleetOptions = {}): Promise<FleetFigures> {
  const rows: FleetRow[] = [];
  for (const size of sizes) {
    const row = await measureFleet(size, stepMs);
    rows.push(row);
    say(row);
  }
  const [least, most] = [rows[0], rows.at(-1)];
  if (!least || !most) throw new Error('No size of a fleet was named.');
  return {
    rows,
    fleetTasks: round(most.perHost.workflowTasks / least.perHost.workflowTasks),
    fleetTasksOfFleetAlone: round(most.perHost.fleet.workflowTasks / least.perHost.fleet.workflowTasks),
  };
}

async function measureFleet(size: number, stepMs: number): Promise<FleetRow> {
  const hosts = hostsOf(size);
  const scene = await setScene({ hosts: hosts.map(({ name }) => name), concurrency: AT_ONCE });
  try {
    const living = hosts.flatMap(({ name, kind }) => (kind === 'dead' ? [] : [{ host: name, kind }]));
    await scene.startHosts(living, stepMs);
    const metronome = await startMetronome(scene.client, living[0]?.host ?? '');
    const began = performance.now();
    const run = await scene.client.workflow.start('fleetBackup', {
      taskQueue: 'lifeboat',
      workflowId: 'fleet',
    });
    const result = (await run.result()) as FleetBackupResult;
    const seconds = round((performance.now() - began) / 1000);
    await metronome.delete();
    const { fleet, backups, sections } = await allCosts(scene, result);
    const own = [...backups, ...sections];
    const perHost = {
      fleet: costPer(size, fleet),
      host: costPer(size, own),
      workflowTasks: round(sumOf([...fleet, ...own], 'workflowTasks') / size),
    };
    return {
      hosts: size,
      atOnce: AT_ONCE,
      seconds,
      ok: result.ok,
      failed: result.failed,
      unreachable: result.unreachable,
      dead: size - living.length,
      failing: hosts.filter(({ kind }) => kind === 'fails').length,
      runs: fleet.length,
      longestRun: {
        events: Math.max(...fleet.map(({ events }) => events)),
        bytes: Math.max(...fleet.map(({ bytes }) => bytes)),
      },
      perHost,
      deadFoundSeconds: round(Math.max(0, ...fleet.map(({ lastSilenceMs = 0 }) => lastSilenceMs)) / 1000),
      hostWaitMs: {
        median: quantile(
          backups.map(({ waitedMs }) => waitedMs),
          0.5,
        ),
        p99: quantile(
          backups.map(({ waitedMs }) => waitedMs),
          0.99,
        ),
      },
      scheduleLateMs: await lateness(scene),
      memoryMiB: {
        server: mostMemory(scene.server.process?.pid),
        controller: mostMemory(process.pid),
        hosts: scene.processes.reduce((sum, { pid }) => sum + mostMemory(pid), 0),
      },
    };
  } finally {
    await scene.close();
  }
}

/** Every run of the fleet and of its hosts; the list of runs is a little late, so it is asked until all are there. */
async function allCosts({ client }: Scene, { ok, failed }: FleetBackupResult) {
  const fleets = `WorkflowId = "fleet"`;
  const backups = `WorkflowType = "backup"`;
  const sections = `WorkflowType = "criticalSection"`;
  const closed = ' AND ExecutionStatus != "Running"';
  for (let tries = 0; tries < 600; tries += 1) {
    const counts = await Promise.all(
      [backups, sections].map((query) => client.workflow.count(query + closed)),
    );
    if (counts[0]?.count === ok + failed && counts[1]?.count === ok) break;
    await setTimeout(200);
  }
  return {
    fleet: await costsOf(client, fleets),
    backups: await costsOf(client, backups),
    sections: await costsOf(client, sections),
  };
}

const lateness = async ({ client }: Scene): Promise<FleetRow['scheduleLateMs']> => {
  const late = await scheduleLateness(client);
  return { median: quantile(late, 0.5), most: quantile(late, 1), starts: late.length };
};

const sumOf = (costs: RunCost[], key: 'events' | 'bytes' | 'workflowTasks'): number =>
  costs.reduce((sum, cost) => sum + cost[key], 0);
const costPer = (hosts: number, costs: RunCost[]) => ({
  events: round(sumOf(costs, 'events') / hosts),
  bytes: Math.round(sumOf(costs, 'bytes') / hosts),
  workflowTasks: round(sumOf(costs, 'workflowTasks') / hosts),
});
const round = (value: number): number => Math.round(value * 1000) / 1000;

/** Rounded; 0 of nothing. */
function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
}
