import { Worker } from 'node:worker_threads';

/** Memory that both sides see, cut into slots. */
export interface HashSlots {
  memory: SharedArrayBuffer;
  slotBytes: number;
}

export type HashOrder =
  | { kind: 'update'; stream: number; slot: number; bytes: number }
  | { kind: 'end'; stream: number }
  | { kind: 'forget'; stream: number };

export type HashAnswer = { kind: 'free'; slot: number } | { kind: 'digest'; stream: number; sha256: string };

/** One sha256 on its way in the thread. */
export interface ThreadedHash {
  update(chunk: Buffer): Promise<void>;
  /** In lower-case hexadecimal. */
  digest(): Promise<string>;
  /** Nobody wants to know any more. */
  forget(): void;
}

const SLOTS = 8;
const SLOT_BYTES = 1024 * 1024;

/**
 * A thread that hashes while the main one encrypts and sends: so two cores are used, and the pipeline is as fast as its slowest stage
 * and not as all of them together. One a process, for all streams; started when it is first needed. It keeps no process alive.
 */
export class HashThread {
  static #shared: HashThread | undefined;
  readonly #worker: Worker;
  readonly #memory = new SharedArrayBuffer(SLOTS * SLOT_BYTES);
  readonly #free = Array.from({ length: SLOTS }, (_, slot) => slot);
  readonly #waiting: (() => void)[] = [];
  readonly #digests = new Map<number, (sha256: string) => void>();
  #streams = 0;
  #failure: Error | undefined;
  readonly #failed: Promise<never>;

  static shared(): HashThread {
    HashThread.#shared ??= new HashThread();
    return HashThread.#shared;
  }

  private constructor() {
    const workerData: HashSlots = { memory: this.#memory, slotBytes: SLOT_BYTES };
    this.#worker = new Worker(new URL('./hash-worker.ts', import.meta.url), { workerData });
    this.#worker.unref();
    this.#worker.on('message', (answer: HashAnswer) => this.#hear(answer));
    this.#failed = new Promise((_, reject) => {
      this.#worker.once('error', (error) => this.#fail(error, reject));
      this.#worker.once('exit', () => this.#fail(new Error('The thread that hashes ended.'), reject));
    });
    this.#failed.catch(() => {});
  }

  open(): ThreadedHash {
    const stream = this.#streams++;
    return {
      update: async (chunk) => {
        for (let at = 0; at < chunk.length; at += SLOT_BYTES) {
          const slot = await this.#slot();
          const bytes = Math.min(SLOT_BYTES, chunk.length - at);
          new Uint8Array(this.#memory, slot * SLOT_BYTES, bytes).set(chunk.subarray(at, at + bytes));
          this.#order({ kind: 'update', stream, slot, bytes });
        }
      },
      digest: async () => {
        const digest = new Promise<string>((resolve) => this.#digests.set(stream, resolve));
        this.#order({ kind: 'end', stream });
        // Somebody waits for it now.
        this.#worker.ref();
        return await Promise.race([digest, this.#failed]);
      },
      forget: () => this.#order({ kind: 'forget', stream }),
    };
  }

  #order(order: HashOrder): void {
    if (this.#failure) throw this.#failure;
    this.#worker.postMessage(order);
  }

  #hear(answer: HashAnswer): void {
    if (answer.kind === 'digest') {
      this.#digests.get(answer.stream)?.(answer.sha256);
      this.#digests.delete(answer.stream);
    } else {
      this.#free.push(answer.slot);
      this.#waiting.shift()?.();
    }
    // A stream that waited may never ask for its digest.
    if (this.#digests.size === 0 && this.#waiting.length === 0) this.#worker.unref();
  }

  async #slot(): Promise<number> {
    while (true) {
      if (this.#failure) throw this.#failure;
      const slot = this.#free.pop();
      if (slot !== undefined) return slot;
      this.#worker.ref();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #fail(error: Error, reject: (error: Error) => void): void {
    if (HashThread.#shared === this) HashThread.#shared = undefined;
    this.#failure ??= error;
    reject(this.#failure);
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
