import { readFile, writeFile } from 'node:fs/promises';
import type { Played } from './play-targets.ts';
import { TARGETS } from './targets/index.ts';

const [BEGIN, END] = ['<!-- fuzzing: begin -->', '<!-- fuzzing: end -->'];

/** Put the figures into the document, between its two marks. */
export async function writeFigures(document: string, played: readonly Played[]): Promise<void> {
  const text = await readFile(document, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${document} has no place for the figures: ${BEGIN} … ${END}.`);
  await writeFile(document, `${text.slice(0, from)}${BEGIN}\n\n${figures(played)}\n\n${text.slice(to)}`);
}

/** As Markdown. */
export function figures(played: readonly Played[]): string {
  const sum = played.reduce((total, { runs }) => total + runs, 0);
  const broken = played.filter((one) => one.broken !== undefined).length;
  const number = (count: number) => count.toLocaleString('en');
  return [
    `${number(sum)} inputs by the seed ${played[0]?.seed}; targets that broke: ${broken}.`,
    '',
    '| target | what it read | inputs | taken | refused | memory grew by at most |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...played.map(({ name, runs, receptions: { taken, refused }, grownBytes }) => {
      const what = TARGETS.find((one) => one.name === name)?.what;
      const grown = `${Math.round(grownBytes / 2 ** 20)} MiB`;
      return `| \`${name}\` | ${what} | ${number(runs)} | ${number(taken)} | ${number(refused)} | ${grown} |`;
    }),
  ].join('\n');
}
