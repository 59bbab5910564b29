import { readFile, writeFile } from 'node:fs/promises';
import type { BackupFigures } from './many-backups.ts';
import type { SetFigures } from './many-sets.ts';
import type { ProcessFigures } from './process-watch.ts';

/** How busy the machine was besides: its load average over a minute, and its processors. */
export interface Surroundings {
  processors: number;
  loadBefore: number;
  loadAfter: number;
}

export interface LoadFigures {
  backups?: BackupFigures & { surroundings: Surroundings };
  sets?: SetFigures & { surroundings: Surroundings };
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;
const kibibytes = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;
const seconds = (value: number): string => `${value < 10 ? value.toFixed(2) : Math.round(value)} s`;
const worker = ({ residentBytes, handles }: ProcessFigures): string =>
  `${mebibytes(residentBytes)}, ${handles} handles`;

const around = ({ processors, loadBefore, loadAfter }: Surroundings): string =>
  `On ${processors} processors, with other work going on: the load average was ${loadBefore.toFixed(1)} before and ${loadAfter.toFixed(1)} after.`;

/** Each part that was measured, as Markdown. */
export function figures({ backups, sets }: LoadFigures): Partial<Record<keyof LoadFigures, string>> {
  return {
    ...(backups && { backups: [around(backups.surroundings), '', ...backupRows(backups)].join('\n') }),
    ...(sets && { sets: [around(sets.surroundings), '', ...setRows(sets)].join('\n') }),
  };
}

function backupRows(figures: BackupFigures): string[] {
  const { asked, neo4j, succeeded, busy, problems, before, most, after } = figures;
  return [
    `| ${asked} backups at once, ${neo4j} of them of two Neo4j | |`,
    '| --- | ---: |',
    `| succeeded | ${succeeded} |`,
    `| refused as busy | ${busy} |`,
    `| failed, or something wrong afterwards | ${problems.length} |`,
    `| until the last had ended | ${seconds(figures.seconds)} |`,
    `| the worker before | ${worker(before)} |`,
    `| the most of the worker meanwhile | ${worker(most)} |`,
    `| the worker when all was over | ${worker(after)} |`,
  ];
}

function setRows(figures: SetFigures): string[] {
  const { sets, problems, before, most, prunings } = figures;
  return [
    `| ${sets.toLocaleString('en')} sets in a directory | |`,
    '| --- | ---: |',
    `| \`lifeboat list\`, the start of the command included | ${seconds(figures.list)} |`,
    `| \`lifeboat list -n 20\` | ${seconds(figures.listTwenty)} |`,
    `| status page: from the worker's start until it shows every set | ${seconds(figures.pageComplete)} |`,
    `| status page: the slowest load then (${kibibytes(figures.pageBytes)}) | ${seconds(figures.page)} |`,
    `| status page: the slowest load during a prune | ${seconds(figures.pageWhilePruning)} |`,
    `| \`prune\`, dry run | ${seconds(figures.dryRun)} |`,
    ...prunings.map((one) => `| \`prune\`, ${one.deleted} sets deleted | ${seconds(one.seconds)} |`),
    `| sets that are left | ${figures.kept.toLocaleString('en')} |`,
    `| something wrong | ${problems.length} |`,
    `| the worker before | ${worker(before)} |`,
    `| the most of the worker meanwhile | ${worker(most)} |`,
  ];
}

/** Put what was measured into the document, each part between its two marks; a part that was not measured stays as it is. */
export async function writeFigures(document: string, load: LoadFigures): Promise<void> {
  let text = await readFile(document, 'utf8');
  for (const [part, table] of Object.entries(figures(load))) {
    const [begin, end] = [`<!-- load, ${part}: begin -->`, `<!-- load, ${part}: end -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from)
      throw new Error(`${document} has no place for the figures: ${begin} … ${end}.`);
    text = `${text.slice(0, from)}${begin}\n\n${table}\n\n${text.slice(to)}`;
  }
  await writeFile(document, text);
}
