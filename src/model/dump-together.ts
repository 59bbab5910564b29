/** Smaller databases that are dumped after the largest, by the same command, may come to this much together (bytes): a second's work, or a few. */
const SMALL_BYTES = 128 * 1024 * 1024;

/**
 * Whether one command is to dump all databases of a copy. To start a JVM for each takes longer than to dump a small one; large ones are dumped side by
 * side. `system` is small, though logs that are set aside for it make it look larger.
 * @param databases their bytes.
 */
export function dumpsTogether(databases: Record<string, number>): boolean {
  const bytes = Object.entries(databases).flatMap(([name, size]) => (name === 'system' ? [] : [size]));
  const small = bytes.reduce((sum, size) => sum + size, 0) - Math.max(...bytes, 0);
  return Object.keys(databases).length > 1 && small <= SMALL_BYTES;
}
