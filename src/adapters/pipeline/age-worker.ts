import { parentPort } from 'node:worker_threads';
import { NotAuthentic, workOn } from './age-batch.ts';
import type { AgeAnswer, AgeOrder } from './age-thread.ts';

// The thread's own side: seals or opens a batch, and hands its memory back.

function answer({ id, batch }: AgeOrder): AgeAnswer {
  // What comes out of a message is no Buffer any more.
  const memory = Buffer.from(batch.memory.buffer, 0, batch.memory.byteLength);
  try {
    return { id, memory: workOn({ ...batch, memory }) };
  } catch (error) {
    if (error instanceof NotAuthentic) return { id };
    throw error;
  }
}

parentPort?.on('message', (order: AgeOrder) => {
  parentPort?.postMessage(answer(order), [order.batch.memory.buffer]);
});
