import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process has at one moment. */
export interface ProcessFigures {
  /** Memory that is resident (bytes), as `VmRSS` in `/proc/PID/status`. */
  residentBytes: number;
  /** Open file handles: files, sockets, pipes. */
  handles: number;
}

/** How often a process is looked at (milliseconds). */
const EVERY_MS = 100;

export async function figuresOf(pid: number): Promise<ProcessFigures> {
  const [status, handles] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readdir(`/proc/${pid}/fd`),
  ]);
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return { residentBytes: kibibytes * 1024, handles: handles.length };
}

/** Do some work, and answer the most that a process had meanwhile, and how long the work took. */
export async function watched<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ result: T; seconds: number; most: ProcessFigures }> {
  const most = await figuresOf(pid);
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      const now = await figuresOf(pid);
      most.residentBytes = Math.max(most.residentBytes, now.residentBytes);
      most.handles = Math.max(most.handles, now.handles);
      await sleep(EVERY_MS);
    }
  })();
  const since = performance.now();
  try {
    const result = await work();
    return { result, seconds: (performance.now() - since) / 1000, most };
  } finally {
    over.abort();
    await watching;
  }
}
