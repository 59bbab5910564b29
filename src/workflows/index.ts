export { backup } from './backup.ts';
export { criticalSection } from './critical-section.ts';
export { restore } from './restore.ts';
export { reclaim, watchdog } from './watchdog.ts';
