import { readFile, writeFile } from 'node:fs/promises';
import type { SetFigures } from './many-sets.ts';
import type { ProcessFigures } from './process-watch.ts';

/** How busy the machine was besides: its load average over a minute, and its processors. */
export interface Surroundings {
  processors: number;
  loadBefore: number;
  loadAfter: number;
}

export interface LoadFigures {
  surroundings: Surroundings;
  sets: SetFigures;
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;
const kibibytes = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;
const seconds = (value: number): string => `${value < 10 ? value.toFixed(2) : Math.round(value)} s`;
const worker = ({ residentBytes, handles }: ProcessFigures): string =>
  `${mebibytes(residentBytes)}, ${handles} handles`;

/** As Markdown. */
export function figures({ surroundings, sets }: LoadFigures): string {
  const { processors, loadBefore, loadAfter } = surroundings;
  return [
    `On ${processors} processors, with other work going on: the load average was ${loadBefore.toFixed(1)} before and ${loadAfter.toFixed(1)} after.`,
    '',
    ...setRows(sets),
  ].join('\n');
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

const [BEGIN, END] = ['<!-- load: begin -->', '<!-- load: end -->'];

/** Put the figures into the document, between its two marks. */
export async function writeFigures(document: string, load: LoadFigures): Promise<void> {
  const text = await readFile(document, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${document} has no place for the figures: ${BEGIN} … ${END}.`);
  await writeFile(document, `${text.slice(0, from)}${BEGIN}\n\n${figures(load)}\n\n${text.slice(to)}`);
}
