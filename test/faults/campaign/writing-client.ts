import { setTimeout as sleep } from 'node:timers/promises';

/** A store of numbered records, as the campaign's clients write them. */
export interface Records {
  write(id: number): Promise<void>;
  /** The ids that are there. */
  ids(): Promise<Set<number>>;
}

/** Milliseconds between two writes, and after one that failed. */
const PACE_MS = 120;
const AFTER_FAILURE_MS = 400;

/** A client that writes numbered records without end and remembers which ones the server acknowledged. */
export class WritingClient {
  readonly acknowledged = new Set<number>();
  /** Sent, and perhaps written without an answer. */
  readonly attempted = new Set<number>();
  readonly #records: Records;
  #next = 1;
  #writing = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(records: Records) {
    this.#records = records;
  }

  start(): void {
    if (this.#writing) return;
    this.#writing = true;
    this.#loop = this.#write();
  }

  /** No further write is sent; the last one was answered. */
  async pause(): Promise<void> {
    this.#writing = false;
    await this.#loop;
  }

  /** The ids that the server has now. */
  there(): Promise<Set<number>> {
    return this.#records.ids();
  }

  /** What is there now is what has to be there from now on: after a restore. */
  take(ids: Iterable<number>): void {
    this.acknowledged.clear();
    this.attempted.clear();
    for (const id of ids) this.acknowledged.add(id);
  }

  async #write(): Promise<void> {
    while (this.#writing) {
      const id = this.#next++;
      this.attempted.add(id);
      try {
        await this.#records.write(id);
        this.acknowledged.add(id);
        await sleep(PACE_MS);
      } catch {
        await sleep(AFTER_FAILURE_MS);
      }
    }
  }

  /** What is wrong with what is there: a lost write, or one that nobody sent. */
  async problems(): Promise<string[]> {
    const acknowledged = [...this.acknowledged];
    const there = await this.#records.ids();
    const lost = acknowledged.filter((id) => !there.has(id));
    const foreign = [...there].filter((id) => !this.acknowledged.has(id) && !this.attempted.has(id));
    return [
      ...(lost.length > 0 ? [`${lost.length} acknowledged writes are lost (${lost.slice(0, 3)} …)`] : []),
      ...(foreign.length > 0
        ? [`${foreign.length} records that nobody wrote (${foreign.slice(0, 3)} …)`]
        : []),
    ];
  }
}
