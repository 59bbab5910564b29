// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { useTestbed } from '../testbed/testbed.ts';
import { unique } from './lifeboat.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/first-hour.ts', import.meta.url));
const PAGE = fileURLToPath(new URL('../../docs/first-hour.md', import.meta.url));
const out = join(useTestbed().directory, `${unique('first-hour')}.md`);

after(() => rm(out, { force: true }));

/** A page without what differs each time: times, ids, sizes, counts of seconds, and the phases that a look happened to see. */
function shapeOf(page: string): string[] {
  return page
    .split('\n')
    .filter((line) => !/^\d\d:\d\d:\d\d [a-z]+$/.test(line))
    .map((line) =>
      line
        .replace(/\d{8}T\d{6}Z-[0-9a-f]{6}/g, '<set>')
        .replace(/\d{4}-\d\d-\d\d[T ][\d:.-]+Z?(-[0-9a-f]{4}\b)?/g, '<time>')
        .replace(/\d\d:\d\d:\d\d/g, '<clock>')
        .replace(/[\d.,]+ ?([kKMGT]i?)?B(ytes)?\b/g, '<size>')
        .replace(/\b[\d.]+ ?(ms|s|m|h|d)( ago)?\b/g, '<duration>$2')
        .replace(/(seconds): [\d.]+/i, '$1: <seconds>')
        .replace(/(Bytes): \d+/, '$1: <bytes>')
        // A schedule that has not run yet.
        .replace(/^(home\/.* )-( |$)/, '$1<time>$2')
        .replace(/\d{1,2} [A-Z][a-z]{2}|[A-Z][a-z]{2} \d{1,2}/g, '<day>')
        .replace(/\d+\.\d+\.\d+/g, '<version>')
        .replace(/\s+/g, ' ')
        .trim(),
    );
}

const commandsOf = (page: string): string[] =>
  [...page.matchAll(/^```console\n(\$ [\s\S]*?)^```$/gm)].map(([, block]) => block?.split('\n')[0] ?? '');

test('the first hour of the documentation is what happens', { timeout: 14 * 60_000 }, async () => {
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, '--out', out], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const [seen, written] = await Promise.all([readFile(out, 'utf8'), readFile(PAGE, 'utf8')]);
  const typed = commandsOf(written);
  for (const wanted of ['up', 'backup', 'schedules apply', 'prune --dry-run', 'restore --yes']) {
    assert.ok(
      typed.some((command) => command.startsWith(`$ lifeboat ${wanted}`)),
      wanted,
    );
  }
  assert.deepEqual(commandsOf(seen), typed);
  assert.deepEqual(shapeOf(seen), shapeOf(written), 'run scripts/first-hour to write it anew');
});
