import type { Measured, Ratios } from './ratios.ts';
import type { Row } from './watched-way.ts';

const GOALS: [key: keyof Ratios['ratios'], what: string, goal: string][] = [
  ['freezeWait', 'longest wait of a client, `freeze`, whole copy / document’s offline window', '≤ 0.10'],
  ['freezeWaitPrecopy', 'the same with pre-copy, 1 % changed since', '≤ 0.03'],
  ['copyExcess', '(window of `copy` − restart) / (document’s window − restart), whole copy', '≤ 0.10'],
  ['copyExcessPrecopy', 'the same with pre-copy', '≤ 0.03'],
  ['copyVsTar', 'window of `copy`, whole copy / stop + tar + zstd + start', '≤ 0.60'],
  ['setVsDocument', 'total time of a set / the document’s procedure', '≤ 1.1'],
  ['pipeline', 'pipeline throughput into a directory / slowest stage alone', '≥ 0.9'],
  ['rss', 'memory at 20 GB / at 1 GB', '≤ 1.1'],
];

/** Goals first, then what every way cost on every store. */
export function benchTable({ stores, freezes, qdrant, pipeline, fleets }: Measured, result: Ratios): string {
  const { ratios, overheadSeconds, lostConnections, lostWrites } = result;
  const goals = GOALS.map(([key, what, goal]) => `| ${what} | ${goal} | ${ratios[key] ?? 'not measured'} |`);
  const [least, most] = [fleets.rows[0]?.hosts, fleets.rows.at(-1)?.hosts];
  const size = ({ gib, volumeBytes }: Measured['stores'][number]) =>
    `${gib} (${(volumeBytes / 1024 ** 3).toFixed(2)})`;
  const backups = stores.flatMap((store) =>
    store.backups.map(
      (row) =>
        `| ${size(store)} | ${row.way} | ${row.longestSeconds.toFixed(2)} | ${row.restartSeconds?.toFixed(2) ?? ''} | ${row.failed} | ${row.lost} | ${row.totalSeconds.toFixed(1)} |`,
    ),
  );
  const restores = stores.flatMap((store) =>
    store.restores.map(
      (row) =>
        `| ${size(store)} | ${row.way} | ${row.longestSeconds.toFixed(2)} | ${row.totalSeconds.toFixed(1)} |`,
    ),
  );
  return `| figure | goal | this run |
| --- | --- | --- |
${goals.join('\n')}
| pipeline throughput into nothing / slowest stage alone, where two sha256 and one age have the processor to themselves | | ${pipeline.large.ratio} |
| workflow tasks per host, ${most} hosts / ${least} hosts | ≤ 1.1 | ${ratios.fleetTasks ?? 'not measured'} |
| orchestration overhead on an empty database (s) | ≤ 2 | ${overheadSeconds ?? 'not measured'} |
| failed requests of a writing client during \`freeze\` / acknowledged writes missing, over ${stores.filter(({ gib }) => gib > 0).length * 2 + freezes.length} backups | 0 / 0 | ${lostConnections} / ${lostWrites} |

${freezesLine(freezes)}

![For how long clients have no answer](images/bench-away.svg)

| GiB of text (volume) | way of a backup | longest time without an answer, s | the same of a restart just before | failed requests | acknowledged writes lost | total, s |
| --- | --- | --- | --- | --- | --- | --- |
${backups.join('\n')}

Of \`restart\`, \`document\` and \`copy\`, on stores of up to 1 GiB, and of everything on an empty database, the one in the middle of three is shown; of \`copy\` by what it adds to the restart. The total time of a set with pre-copy is compared with
the document’s procedure taken just before each.

| GiB of text (volume) | way of a restore | longest time without an answer, s | total, s |
| --- | --- | --- | --- |
${restores.join('\n')}

| Qdrant, two collections with 2,800 points | by hand, s | Lifeboat, s |
| --- | --- | --- |
| backup | ${qdrant.byHand.backup.toFixed(1)} | ${qdrant.lifeboat.backup.toFixed(1)} |
| restore | ${qdrant.byHand.restore.toFixed(1)} | ${qdrant.lifeboat.restore.toFixed(1)} |

${qdrant.real ? 'A real Qdrant server answered.' : 'The stand-in for Qdrant answered, whose speed says nothing about Qdrant’s own: the difference is what Lifeboat adds.'}`;
}

function freezesLine(freezes: Row[]): string {
  if (freezes.length === 0) return '';
  const waits = freezes.map(({ longestSeconds }) => longestSeconds).toSorted((a, b) => a - b);
  const at = (part: number) => (waits[Math.floor(part * (waits.length - 1))] ?? 0).toFixed(2);
  const written = freezes.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  return `${freezes.length} of those froze the store of ${freezes[0]?.gib} GiB one after the other, while a client wrote ${written} times: its longest wait was ${at(0)} s at best, ${at(0.5)} s in the middle, ${at(1)} s at worst.`;
}
