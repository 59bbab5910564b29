export { backup } from './backup.ts';
export { criticalSection } from './critical-section.ts';
