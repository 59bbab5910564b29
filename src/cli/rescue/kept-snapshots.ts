import { listDebts, type RecordedDebt } from '../../adapters/docker/debt.ts';
import { actFor, connectEngine } from '../../adapters/docker/engine.ts';
import { messageOf } from '../../model/failures.ts';

/**
 * What rescues on this engine have kept of Qdrant collections, in words, and how to remove it: `list --kept` of an installation knows only its own.
 * Empty when there is nothing.
 * @param installation whose the records are.
 */
export async function keptByRescues(installation: string): Promise<string[]> {
  try {
    const engine = connectEngine();
    actFor(engine, installation);
    return keptLines((await listDebts(engine)).filter(({ kind }) => kind === 'qdrant-restore'));
  } catch (error) {
    return [`What was kept of Qdrant collections is not known: ${messageOf(error)}`];
  }
}

/** A line each, and one that says what can be done. */
export function keptLines(kept: readonly RecordedDebt[]): string[] {
  if (kept.length === 0) return [];
  return [
    'Kept of what Qdrant had before, until the next rescue of the same collection:',
    ...kept.map(({ collection, name, node, volume, kept: about }) => {
      const what = name === '' ? 'where its aliases pointed' : `the snapshot ${name} on ${node}`;
      return `  ${collection}: ${what}, from ${about?.at || 'an earlier time'}; its record is the volume ${volume}`;
    }),
    'Only this list knows of it, and no undo. When it is not wanted any more: DELETE /collections/<collection>/snapshots/<snapshot> on the server, then docker volume rm <volume>.',
  ];
}
