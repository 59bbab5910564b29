import { createHash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { HashAnswer, HashOrder, HashSlots } from './hash-thread.ts';

// The thread's own side: hashes what lies in a slot, and says that the slot is free.

const { memory, slotBytes } = workerData as HashSlots;
const hashes = new Map<number, Hash>();

function obey(order: HashOrder): HashAnswer | undefined {
  const { stream } = order;
  if (order.kind === 'forget') {
    hashes.delete(stream);
    return undefined;
  }
  const hash = hashes.get(stream) ?? createHash('sha256');
  if (order.kind === 'end') {
    hashes.delete(stream);
    return { kind: 'digest', stream, sha256: hash.digest('hex') };
  }
  hashes.set(stream, hash.update(new Uint8Array(memory, order.slot * slotBytes, order.bytes)));
  return { kind: 'free', slot: order.slot };
}

parentPort?.on('message', (order: HashOrder) => {
  const answer = obey(order);
  if (answer) parentPort?.postMessage(answer);
});
