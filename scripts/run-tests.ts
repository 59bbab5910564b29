import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { startsNeo4j } from './test-files.ts';

// Runs test files in the order in which they are given, in two lanes side by side; `node --test` would go by their names. Those that
// start Neo4j go two at a time; the others go one at a time beside them, because they mostly wait.

/** Longer than the longest test, so that one that hangs ends the run. */
const TIMEOUT_MS = 40 * 60_000;

/** The words of a summary, and what the counts of a run call them. */
const COUNTS = {
  tests: 'tests',
  suites: 'suites',
  pass: 'passed',
  fail: 'failed',
  cancelled: 'cancelled',
  skipped: 'skipped',
  todo: 'todo',
} as const;
const IS_COUNT = new RegExp(`^(${Object.keys(COUNTS).join('|')}|duration_ms) [\\d.]+$`);

interface Summary {
  file?: string;
  counts: Record<(typeof COUNTS)[keyof typeof COUNTS], number>;
  duration_ms: number;
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

/** Begin with the files at once; what is to be said of them waits until somebody asks. */
function begin(files: string[], concurrency: number) {
  const events = run({ files, concurrency, timeout: TIMEOUT_MS, signal: stop.signal });
  events.on('test:fail', () => {
    process.exitCode = 1;
  });
  return { events, report: new spec() };
}

function print(report: InstanceType<typeof spec>, event: object): void {
  report.write(event);
  process.stdout.write(report.read() ?? '');
}

/** Print what comes of a lane until its end, but for its summary, which is answered: with that a report tells its failures in detail. */
async function follow({ events, report }: ReturnType<typeof begin>): Promise<Summary> {
  let summary: Summary | undefined;
  for await (const event of events) {
    const { type, data } = event as { type: string; data: Summary & { message: string } };
    // Of all files, and not of one.
    const ofAll = data.file === undefined;
    if (ofAll && type === 'test:summary') summary = data;
    else if (!(ofAll && type === 'test:diagnostic' && IS_COUNT.test(data.message))) print(report, event);
  }
  return summary ?? Promise.reject(new Error('A lane of tests ended without a summary.'));
}

const files = process.argv.slice(2);
const lanes = [
  begin(files.filter(startsNeo4j), 2),
  begin(
    files.filter((file) => !startsNeo4j(file)),
    1,
  ),
];
const summaries: Summary[] = [];
// One lane after the other, so that their lines do not mix.
for (const lane of lanes) summaries.push(await follow(lane));
// Failures and what it all came to are said last, where they are seen.
for (const [at, { report }] of lanes.entries()) print(report, { type: 'test:summary', data: summaries[at] });
const total = (key: keyof Summary['counts']) => summaries.reduce((sum, { counts }) => sum + counts[key], 0);
const lines = Object.entries(COUNTS).map(([word, key]) => `${word} ${total(key)}`);
lines.push(`duration_ms ${Math.max(...summaries.map(({ duration_ms }) => duration_ms))}`);
for (const message of lines) {
  print(new spec(), { type: 'test:diagnostic', data: { nesting: 0, level: 'info', message } });
}
