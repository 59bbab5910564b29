import { createHash } from 'node:crypto';
import { LABELS } from '../../model/names.ts';
import type { Engine } from './engine.ts';
import { createVolume, listVolumes, removeVolume } from './volume.ts';

/** Something that a run made outside the engine and has to remove again: known by its name, never by guess. */
export interface Debt {
  kind: 'qdrant-snapshot' | 'qdrant-collection' | 'qdrant-restore' | 'store-snapshot';
  service: string;
  /** Base URL of the node; of a `store-snapshot` the directory that it is of. */
  node: string;
  /** Empty for a `store-snapshot`. */
  collection: string;
  /** The snapshot's file, or its id; empty for a collection. */
  name: string;
  /** Of a `qdrant-restore`, which is kept and no debt: what an undo has to know. */
  kept?: KeptCollection;
}

/** What a restore keeps of a collection beside its safety snapshot. */
export interface KeptCollection {
  restore: string;
  /** The set that was restored. */
  set: string;
  /** ISO time. */
  at: string;
  /** Where the aliases that the restore set pointed before; null for one that there was not. */
  aliases: { alias: string; collection: string | null }[];
}

export interface RecordedDebt extends Debt {
  volume: string;
  workflowId: string;
  runId: string;
}

const DEBT = 'lifeboat.debt';

/** Write a debt down, as a volume's labels, like the record of a stop: it outlasts worker and Temporal. */
export async function recordDebt(
  engine: Engine,
  debt: Debt,
  run: { workflowId: string; runId: string },
): Promise<void> {
  await createVolume(engine, volumeOf(debt), {
    [LABELS.role]: 'debt',
    [LABELS.service]: debt.service,
    [LABELS.workflow]: run.workflowId,
    [LABELS.run]: run.runId,
    [DEBT]: JSON.stringify(debt),
  });
}

/** It was paid. */
export async function clearDebt(engine: Engine, debt: Debt): Promise<void> {
  await removeVolume(engine, volumeOf(debt));
}

export async function listDebts(engine: Engine): Promise<RecordedDebt[]> {
  const volumes = await listVolumes(engine, { [LABELS.role]: 'debt' });
  return volumes.map(({ name, labels }) => ({
    ...(JSON.parse(labels[DEBT] ?? '{}') as Debt),
    volume: name,
    workflowId: labels[LABELS.workflow] ?? '',
    runId: labels[LABELS.run] ?? '',
  }));
}

function volumeOf({ kind, service, node, collection, name }: Debt): string {
  const text = JSON.stringify([kind, service, node, collection, name]);
  return `lifeboat-debt-${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
}
