import { isCancellation, upsertSearchAttributes, uuid4, workflowInfo } from '@temporalio/workflow';
import { keptInput, parseInput } from '../model/inputs.ts';
import { setId } from '../model/names.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import { probe } from './activity-options.ts';
import { causeOf, orFail } from './failure.ts';
import { ProgressReport } from './progress.ts';

/** What one restore has kept of the state before it: `restore` with `undo` brings the newest back. */
export interface KeptState {
  /** The id of the restore; null where an earlier Lifeboat did not write it down. */
  restore: string | null;
  /** The set that was restored then. */
  set: string | null;
  /** When the restore ran (ISO 8601). */
  at: string | null;
  /** Databases, or collections. */
  holds: string[];
  /** On the service's volume or a volume of its own; null for snapshots, whose size the server keeps to itself. */
  bytes: number | null;
}

export interface KeptOfService {
  service: string;
  kind: 'neo4j' | 'qdrant';
  /** Newest first. */
  kept: KeptState[];
  /** Why nothing is known of it. */
  problem?: string;
}

export interface KeptResult {
  services: KeptOfService[];
}

/** List what restores have kept; nothing is changed. A service that can't be looked at does not hide the others. */
export async function kept(input?: unknown): Promise<KeptResult> {
  const wanted = orFail(() => parseInput('kept', keptInput, input));
  const report = new ProgressReport();
  report.phase('looking');
  const run = await probe('See which services there are').planRun({ services: wanted.services });
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.service, value: run.services.map(({ name }) => name) }]);
  const services: KeptOfService[] = [];
  for (const { name: service, kind } of run.services) {
    report.service(service, 'looking');
    try {
      const found = kind === 'neo4j' ? await keptStores(service) : await keptSnapshots(service);
      services.push({ service, kind, kept: found });
      report.line(`${service} has kept ${found.length}.`);
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { message: problem } = causeOf(error);
      services.push({ service, kind, kept: [], problem });
      report.line(`${service}: ${problem}`);
    }
  }
  report.phase('done');
  return { services };
}

async function keptStores(service: string): Promise<KeptState[]> {
  const plan = await probe(`Look at ${service}`, { attempts: 2 }).planNeo4j({ service });
  // The helper that looks carries an id of its own, as those of a restore do.
  const set = setId(workflowInfo().startTime, uuid4());
  const copies = await probe(`See what ${service} has kept`, { attempts: 2 }).listKept({ set, plan });
  return copies.map(({ restore, bytes, record }) => ({
    restore,
    set: record?.set ?? null,
    at: record?.at ?? null,
    holds: record?.databases ?? [],
    bytes,
  }));
}

async function keptSnapshots(service: string): Promise<KeptState[]> {
  const look = probe(`See what ${service} has kept`, { attempts: 2 });
  const snapshots = await look.listKeptSnapshots({ service });
  return [...Map.groupBy(snapshots, ({ restore }) => restore)].map(([restore, kept]) => ({
    restore: restore || null,
    set: kept[0]?.set || null,
    at: kept[0]?.at || null,
    holds: [...new Set(kept.map(({ collection }) => collection))],
    bytes: null,
  }));
}
