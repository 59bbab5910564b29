import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Answer, Assignment } from './lone-targets.ts';
import type { Reception, Target } from './target.ts';

/** How a target met its inputs. */
export interface Played {
  name: string;
  runs: number;
  seed: number;
  receptions: Record<Reception, number>;
  /** What the process grew by at most meanwhile (bytes). */
  grownBytes: number;
  seconds: number;
  /** What went wrong, with the input; absent when nothing did. */
  broken?: string;
}

/** An input that takes longer than this hangs; the slowest honest one takes a hundredth, also on a busy machine. */
const HANGS_AFTER_MS = 120_000;
/** The heap of the thread in which targets are: less than some inputs would unpack to. */
const HEAP_MB = 512;
/** What lies outside of the heap, buffers and the threads that decompress, may grow by this. */
const MOST_GROWTH_BYTES = 384 * 1024 * 1024;

/** Let each target read so many inputs, one target after the other, in a thread and a folder of their own. */
export async function* playTargets(
  targets: readonly Target[],
  runs: number,
  seed: number,
): AsyncGenerator<Played> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-fuzz-'));
  const assignments = targets.map(({ name, share = 1 }) => ({
    name,
    runs: Math.max(1, Math.round(runs * share)),
  }));
  let thread: Thread | undefined;
  try {
    for (const [at, { name, runs: own }] of assignments.entries()) {
      thread ??= startThread({ targets: assignments.slice(at), seed, sandbox: join(folder, 'sandbox') });
      const { lost, ...met } = await thread.next();
      yield { name, runs: own, seed, ...met };
      if (!lost) continue;
      await thread.end();
      thread = undefined;
    }
  } finally {
    await thread?.end();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Met extends Answer {
  grownBytes: number;
  seconds: number;
  /** The thread died or hangs. */
  lost: boolean;
}

interface Thread {
  next(): Promise<Met>;
  end(): Promise<void>;
}

function startThread(assignment: Omit<Assignment, 'begun'>): Thread {
  const begun = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('./lone-targets.ts', import.meta.url), {
    workerData: { ...assignment, begun },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  // An error that comes between two questions ends the process otherwise.
  worker.on('error', () => {});
  return {
    async next() {
      const since = performance.now();
      const from = begun[0] ?? 0;
      let begin: number | undefined;
      let most = 0;
      const look = setInterval(() => {
        // What the thread loads before its first input does not count.
        if (begun[0] === 0) return;
        const now = process.memoryUsage.rss();
        begin ??= now;
        most = Math.max(most, now);
      }, 20);
      try {
        const { answer, lost } = await answerOf(worker, begun, from);
        const grownBytes = begin === undefined ? 0 : most - begin;
        const large = grownBytes > MOST_GROWTH_BYTES ? `The process grew by ${grownBytes} bytes.` : undefined;
        const broken = answer.broken ?? large;
        return {
          receptions: answer.receptions,
          grownBytes,
          seconds: Math.round((performance.now() - since) / 100) / 10,
          lost,
          ...(broken !== undefined && { broken }),
        };
      } finally {
        clearInterval(look);
      }
    },
    async end() {
      await worker.terminate();
    },
  };
}

/** Never fails: a thread that hangs or dies is an answer. */
async function answerOf(
  worker: Worker,
  begun: Int32Array,
  from: number,
): Promise<{ answer: Answer; lost: boolean }> {
  const over = new AbortController();
  const { signal } = over;
  const lost = (why: string) => ({
    answer: {
      receptions: { taken: 0, refused: 0 },
      broken: `${why} at input ${(begun[0] ?? 0) - from}.`,
    },
    lost: true,
  });
  const hangs = async (): Promise<string> => {
    for (let seen = -1; seen !== begun[0]; ) {
      seen = begun[0] ?? 0;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, HANGS_AFTER_MS);
        signal.addEventListener('abort', () => clearTimeout(timer));
      });
    }
    return 'It hangs';
  };
  try {
    return await Promise.race([
      once(worker, 'message', { signal }).then(([answer]) => ({ answer: answer as Answer, lost: false })),
      once(worker, 'exit', { signal }).then(() => lost('The thread ended')),
      hangs().then(lost),
    ]);
  } catch (error) {
    // `once` fails with the error of the thread.
    return lost((error as Error).stack ?? String(error));
  } finally {
    over.abort();
  }
}
