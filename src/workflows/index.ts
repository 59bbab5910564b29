export { applicationPause } from './application-pause.ts';
export { backup } from './backup.ts';
export { criticalSection } from './critical-section.ts';
export { drill } from './drill.ts';
export { prune, pruneRepository } from './prune.ts';
export { replicate } from './replicate.ts';
export { restore } from './restore.ts';
export { reclaim, watchdog } from './watchdog.ts';
