import type { Figures, Row } from './measure-store.ts';
import type { PipelineFigures } from './pipeline-figures.ts';

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

export function ratiosOf(stores: Figures[], pipeline: PipelineFigures): Ratios {
  const filled = stores.filter(({ gib }) => gib > 0);
  const store = filled.toSorted((a, b) => Math.abs(a.gib - GOAL_GIB) - Math.abs(b.gib - GOAL_GIB))[0];
  const row = (way: string, at = store): Row | undefined => at?.rows.find((one) => one.way === way);
  const longest = (way: string) => row(way)?.longestSeconds;
  const restart = longest('restart');
  const excess = (way: string) => over(minus(longest(way), restart), minus(longest('document'), restart));
  const empty = stores.find(({ gib }) => gib === 0);
  const overhead = minus(row('lifeboat dump', empty)?.totalSeconds, row('document', empty)?.totalSeconds);
  const frozen = filled.flatMap(({ rows }) => rows).filter(({ way }) => way.startsWith('lifeboat freeze'));
  return {
    ratios: {
      freezeWait: over(longest('lifeboat freeze, whole'), longest('document')),
      freezeWaitPrecopy: over(longest('lifeboat freeze'), longest('document')),
      copyExcess: excess('lifeboat copy, whole'),
      copyExcessPrecopy: excess('lifeboat copy'),
      copyVsTar: over(longest('lifeboat copy, whole'), longest('tar')),
      setVsDocument: over(row('lifeboat copy')?.totalSeconds, row('document')?.totalSeconds),
      pipeline: pipeline.large.ratio,
      rss: over(pipeline.large.rssMiB, pipeline.small.rssMiB),
      fleetTasks: null,
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

const GOALS: [key: keyof Ratios['ratios'], what: string, goal: string][] = [
  ['freezeWait', 'longest wait of a client, `freeze`, whole copy / document’s offline window', '≤ 0.10'],
  ['freezeWaitPrecopy', 'the same with pre-copy, 1 % changed meanwhile', '≤ 0.03'],
  ['copyExcess', '(window of `copy` − restart) / (document’s window − restart), whole copy', '≤ 0.10'],
  ['copyExcessPrecopy', 'the same with pre-copy', '≤ 0.03'],
  ['copyVsTar', 'window of `copy`, whole copy / stop + tar + zstd + start', '≤ 0.60'],
  ['setVsDocument', 'total time of a set / the document’s procedure', '≤ 1.1'],
  ['pipeline', 'pipeline throughput / slowest stage alone', '≥ 0.9'],
  ['rss', 'memory at 20 GB / at 1 GB', '≤ 1.1'],
  ['fleetTasks', 'workflow tasks per host, 1,000 hosts / 10 hosts', '≤ 1.1'],
];

/** Goals first, then what every way cost on every store. */
export function benchTable(stores: Figures[], { ratios, ...rest }: Ratios): string {
  const goals = GOALS.map(([key, what, goal]) => `| ${what} | ${goal} | ${ratios[key] ?? 'not measured'} |`);
  const rows = stores.flatMap(({ gib, volumeBytes, rows: all }) =>
    all.map(
      (row) =>
        `| ${gib} (${(volumeBytes / 1024 ** 3).toFixed(2)}) | ${row.way} | ${row.longestSeconds.toFixed(2)} | ${row.failed} | ${row.lost} | ${row.totalSeconds.toFixed(1)} |`,
    ),
  );
  return `| figure | goal | this run |
| --- | --- | --- |
${goals.join('\n')}
| orchestration overhead on an empty database (s) | ≤ 2 | ${rest.overheadSeconds ?? 'not measured'} |
| failed requests of a writing client during \`freeze\` / acknowledged writes missing | 0 / 0 | ${rest.lostConnections} / ${rest.lostWrites} |

| GiB of text (volume) | way | longest time without an answer, s | failed requests | acknowledged writes lost | total, s |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}`;
}
