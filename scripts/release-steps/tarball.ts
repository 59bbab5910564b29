import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import tar from 'tar-stream';
import { outputOf } from './command-output.ts';
import type { Source } from './source.ts';

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** A commit's files, below one folder, as git packs them: the same commit gives the same bytes anywhere. */
export async function tarOf(project: string, { commit, name, version }: Source): Promise<Buffer> {
  const options = ['--format=tar', `--prefix=${name}-${version}/`];
  return await outputOf('git', ['-c', 'tar.umask=0022', 'archive', ...options, commit], project);
}

/** Compressed; what a gzip program makes of the same bytes may differ, so archives are compared unpacked. */
export const packTar = async (archive: Buffer): Promise<Buffer> => await pack(archive, { level: 9 });

export const unpackTar = async (file: Buffer): Promise<Buffer> => await unpack(file);

/** One file of an archive, by its path below the archive's own folder. */
export async function fileIn(archive: Buffer, path: string): Promise<string> {
  const extract = tar.extract();
  extract.end(archive);
  let found: string | undefined;
  for await (const entry of extract) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    if (entry.header.name.replace(/^[^/]*\//, '') === path) found = Buffer.concat(chunks).toString();
  }
  if (found === undefined) throw new Error(`The archive has no ${path}.`);
  return found;
}
