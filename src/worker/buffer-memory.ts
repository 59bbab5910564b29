import { setFlagsFromString } from 'node:v8';

/**
 * Let V8 count buffers as a part of its heap's own limits. By default it goes through the whole heap whenever some tens of MiB of buffers were made:
 * artifacts pass in buffers of 1 MiB, a worker's heap has 50 MiB and more, and that took more time than hashing and encrypting them
 * (`docs/performance.md`). Memory stays bounded, at a bound some 80 MiB higher. For the V8 of Node.js 24, where it was measured; elsewhere it does nothing.
 */
export function countBuffersAsHeap(): void {
  if (!process.versions.v8.startsWith('13.')) return;
  setFlagsFromString('--external-memory-accounted-in-global-limit');
}
