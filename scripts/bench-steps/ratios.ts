import type { FleetFigures } from './fleet-figures.ts';
import type { QdrantFigures } from './measure-qdrant.ts';
import type { Figures } from './measure-store.ts';
import type { PipelineFigures } from './pipeline-figures.ts';
import type { Row } from './watched-way.ts';

/** Everything that one run measured. */
export interface Measured {
  stores: Figures[];
  /** Backups of one store again and again, in mode `freeze`. */
  freezes: Row[];
  qdrant: QdrantFigures;
  pipeline: PipelineFigures;
  fleets: FleetFigures;
}

/** The figures by which Lifeboat is judged; null where this run could not tell. */
export interface Ratios {
  ratios: Record<
    | 'freezeWait'
    | 'freezeWaitPrecopy'
    | 'copyExcess'
    | 'copyExcessPrecopy'
    | 'copyVsTar'
    | 'setVsDocument'
    | 'pipeline'
    | 'rss'
    | 'fleetTasks',
    number | null
  >;
  /** Seconds that a backup of an empty database takes longer than the plain commands. */
  overheadSeconds: number | null;
  lostConnections: number;
  lostWrites: number;
}

/** The store that the goals speak of, or the nearest that was measured (GiB). */
const GOAL_GIB = 1;

export function ratiosOf({ stores, freezes, pipeline, fleets }: Measured): Ratios {
  const filled = stores.filter(({ gib }) => gib > 0);
  const store = filled.toSorted((a, b) => Math.abs(a.gib - GOAL_GIB) - Math.abs(b.gib - GOAL_GIB))[0];
  const row = (way: string, at = store): Row | undefined => at?.backups.find((one) => one.way === way);
  const longest = (way: string) => row(way)?.longestSeconds;
  const restart = longest('restart');
  const excess = (way: string) =>
    over(minus(longest(way), row(way)?.restartSeconds), minus(longest('document'), restart));
  const empty = stores.find(({ gib }) => gib === 0);
  const overhead = minus(row('lifeboat dump', empty)?.totalSeconds, row('document', empty)?.totalSeconds);
  const once = filled
    .flatMap(({ backups }) => backups)
    .filter(({ way }) => way.startsWith('lifeboat freeze'));
  const frozen = [...once, ...freezes];
  return {
    ratios: {
      freezeWait: over(longest('lifeboat freeze, whole'), longest('document')),
      freezeWaitPrecopy: over(longest('lifeboat freeze'), longest('document')),
      copyExcess: excess('lifeboat copy, whole'),
      copyExcessPrecopy: excess('lifeboat copy'),
      copyVsTar: over(longest('lifeboat copy, whole'), longest('tar')),
      setVsDocument: over(row('lifeboat copy')?.timesDocument, 1),
      pipeline: pipeline.directory.ratio,
      rss: over(pipeline.large.rssMiB, pipeline.small.rssMiB),
      fleetTasks: fleets.fleetTasks,
    },
    overheadSeconds: overhead === undefined ? null : round(overhead),
    lostConnections: frozen.reduce((sum, { failed }) => sum + failed, 0),
    lostWrites: frozen.reduce((sum, { lost }) => sum + lost, 0),
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
const minus = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a - b;
const over = (a: number | undefined, b: number | undefined): number | null =>
  a === undefined || b === undefined || b === 0 ? null : round(a / b);
