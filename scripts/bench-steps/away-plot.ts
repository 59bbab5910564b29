import { linePlot } from './line-plot.ts';
import type { Measured } from './ratios.ts';

const WAYS: [way: string, name: string][] = [
  ['document', 'dump by hand'],
  ['tar', 'tar | zstd'],
  ['restic', 'restic'],
  ['lifeboat dump', 'Lifeboat dump'],
  ['lifeboat copy', 'Lifeboat copy'],
  ['lifeboat freeze', 'Lifeboat freeze'],
];

/** For how long a client has no answer, by the size of the store, in every way that was measured. */
export function awayPlot({ stores }: Pick<Measured, 'stores'>): string {
  const filled = stores.filter(({ gib }) => gib > 0);
  const lines = WAYS.map(([way, name]) => ({
    name,
    points: filled.flatMap(({ gib, backups }): [number, number][] => {
      const row = backups.find((one) => one.way === way);
      return row ? [[gib, row.longestSeconds]] : [];
    }),
  }));
  return linePlot(
    lines.filter(({ points }) => points.length > 0),
    { title: 'For how long clients have no answer during a backup', x: 'GiB of text', y: 's' },
  );
}
