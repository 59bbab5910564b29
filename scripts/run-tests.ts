import { run } from 'node:test';
import { spec } from 'node:test/reporters';

// Runs test files in the order in which they are given, two at a time; `node --test` would go by their names.

/** Longer than the longest test, so that one that hangs ends the run. */
const TIMEOUT_MS = 40 * 60_000;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

const files = process.argv.slice(2);
const tests = run({ files, concurrency: 2, timeout: TIMEOUT_MS, signal: stop.signal });
tests.on('test:fail', () => {
  process.exitCode = 1;
});
tests.compose(spec).pipe(process.stdout);
