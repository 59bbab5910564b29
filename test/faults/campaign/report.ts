import { readFile, writeFile } from 'node:fs/promises';
import type { Summary } from './campaign.ts';

const [BEGIN, END] = ['<!-- fault campaign: begin -->', '<!-- fault campaign: end -->'];

/** Put the figures of a campaign into the document, between its two marks. */
export async function writeFigures(document: string, summary: Summary): Promise<void> {
  const text = await readFile(document, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${document} has no place for the figures: ${BEGIN} … ${END}.`);
  await writeFile(document, `${text.slice(0, from)}${BEGIN}\n\n${figures(summary)}\n\n${text.slice(to)}`);
}

/** As Markdown. */
export function figures({ seed, rounds, broken, byFault, slowestRestartSeconds }: Summary): string {
  return [
    `${rounds} rounds with the seeds ${seed} to ${seed + rounds - 1}: ${rounds - broken} held, ${broken} broken. The slowest restart:`,
    `all services answered ${slowestRestartSeconds} s after the last fault of a round was over.`,
    '',
    '| fault | injected | rounds broken |',
    '| --- | ---: | ---: |',
    ...Object.entries(byFault).map(([name, one]) => `| \`${name}\` | ${one.injected} | ${one.broken} |`),
  ].join('\n');
}
