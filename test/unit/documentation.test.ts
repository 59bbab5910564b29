import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import type { Command } from 'commander';
import { z } from 'zod';
import { createProgram } from '../../src/cli/program.ts';
import { FAILURES } from '../../src/model/failures.ts';
import * as inputs from '../../src/model/inputs.ts';

const PAGES = [
  'runbook',
  'deployment',
  'notifications',
  'metrics',
  'reading-history',
  'workflows',
  'fleet',
  'upgrading',
  'security',
].map((name) => new URL(`../../docs/${name}.md`, import.meta.url).pathname);

/** The anchors of a page, as they are made of its headings. */
async function anchorsOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** `lifeboat …` in code, as words without what follows a comment or pipe. */
function commandsIn(text: string): string[][] {
  const code = [
    ...[...text.matchAll(/`(lifeboat [^`]*)`/g)].map(([, span]) => span!),
    ...[...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.split('\n')),
  ];
  return code
    .map((line) =>
      line
        .replace(/#.*$/, '')
        .replace(/^.*docker compose exec lifeboat /, '')
        .trim(),
    )
    .filter((line) => /^lifeboat [a-z]/.test(line))
    .map((line) => line.match(/'[^']*'|\S+/g)!.slice(1));
}

for (const path of PAGES) {
  describe(path.slice(path.indexOf('docs/')), () => {
    it('links to pages and headings that are there', async () => {
      const text = await readFile(path, 'utf8');
      for (const [, target] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
        const [file, anchor] = target!.split('#') as [string, string | undefined];
        const page = file === '' ? path : join(dirname(path), file);
        assert.ok(existsSync(page), target);
        if (anchor !== undefined) assert.ok((await anchorsOf(page)).includes(anchor), target);
      }
    });

    it('names commands and options that the program has', async () => {
      const program = createProgram();
      for (const words of commandsIn(await readFile(path, 'utf8'))) {
        let command: Command = program;
        const line = words.join(' ');
        while (words.length > 0 && command.commands.length > 0) {
          const next: Command | undefined = command.commands.find((c) => c.name() === words[0]);
          if (!next) break;
          command = next;
          words.shift();
        }
        assert.notEqual(command, program, line);
        const known = [...command.options, ...program.options].map((option) => option.long);
        for (const option of words.filter((word) => word.startsWith('--'))) {
          assert.ok(known.includes(option) || option === '--help', `lifeboat ${line}: ${option}`);
        }
      }
    });

    it('names failures that there are', async () => {
      const text = await readFile(path, 'utf8');
      for (const [, name] of text.matchAll(/`([A-Z][a-z]+[A-Z]\w+)`/g)) {
        if (/^(Lifeboat|Temporal|Workflow|Execution)/.test(name!)) continue;
        assert.ok(name! in FAILURES, name);
      }
    });
  });
}

it('every workflow that takes an input, and every field of it, is explained', async () => {
  const page = await readFile(new URL('../../docs/workflows.md', import.meta.url), 'utf8');
  const sections = new Map(page.split(/^## /m).map((text) => [text.split('\n')[0], text]));
  for (const [name, schema] of Object.entries(inputs)) {
    if (!(schema instanceof z.ZodObject)) continue;
    const section = sections.get(`\`${name.replace(/Input$/, '')}\``);
    assert.ok(section, name);
    for (const field of Object.keys(schema.shape)) {
      assert.match(section, new RegExp(`^\\| \`${field}\` \\| [^|]+ \\| [A-Z\`][^|]+\\.? \\|$`, 'm'), field);
    }
  }
});
