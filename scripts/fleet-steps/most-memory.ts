import { readFileSync } from 'node:fs';

/** The most memory that a process had resident since it began (MiB); 0 where the system does not tell. */
export function mostMemory(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(kib ?? 0) / 1024);
  } catch {
    return 0;
  }
}
