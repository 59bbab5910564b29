import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/** Full collections of the heap while 512 MiB of buffers pass, in a process of its own. */
function collections(before: string): number {
  const program = `
    import { PerformanceObserver, constants } from 'node:perf_hooks';
    import { setImmediate } from 'node:timers/promises';
    ${before}
    let full = 0;
    new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full += 1;
    }).observe({ entryTypes: ['gc'] });
    const heap = Array.from({ length: 500_000 }, (_, index) => ({ index }));
    for (let passed = 0; passed < 512; passed += 1) {
      Buffer.allocUnsafeSlow(1024 * 1024).fill(1);
      await setImmediate();
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    console.log(full, heap.length);
  `;
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    cwd: new URL('../..', import.meta.url),
  });
  return Number.parseInt(said, 10);
}

test('buffers that pass do not have the heap collected again and again', () => {
  const plain = collections('');
  const counted = collections(
    `import { countBuffersAsHeap } from './src/worker/buffer-memory.ts'; countBuffersAsHeap();`,
  );
  assert.ok(counted * 2 < plain, `${counted} collections instead of ${plain}`);
});
