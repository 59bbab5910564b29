import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../src/model/manifest.ts';

/** A copy of a directory repository, with the manifest of one set changed: what it says then is not what it holds. */
export async function copyRepository(
  from: string,
  to: string,
  set: string,
  change: (manifest: Manifest) => void = () => {},
): Promise<void> {
  await cp(from, to, { recursive: true });
  const file = join(to, 'manifests', `${set}.json`);
  const manifest = JSON.parse(await readFile(file, 'utf8')) as Manifest;
  change(manifest);
  await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Change one bit in the middle of a file. */
export async function flipBit(file: string): Promise<void> {
  const bytes = await readFile(file);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
}
