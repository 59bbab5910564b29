import { constants } from 'node:fs';
import { access, mkdir, open } from 'node:fs/promises';
import { posix } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { extract, type Header, pack } from 'tar-stream';
import { LifeboatError } from '../../model/failures.ts';
import { asking, type Engine, engineStatus } from './engine.ts';

/** What the engine says of a path in a container. */
export interface PathStat {
  bytes: number;
  directory: boolean;
  modifiedAt: Date;
}

/** Look at a path in a container, running or not; null where it does not exist. */
export async function statPath(engine: Engine, id: string, path: string): Promise<PathStat | null> {
  const answer = await asking(`look at ${path} in the container ${id.slice(0, 12)}`, async () => {
    try {
      return (await engine.getContainer(id).infoArchive({ path })) as {
        headers: Record<string, string>;
      } & Readable;
    } catch (error) {
      if (engineStatus(error) === 404) return null;
      throw error;
    }
  });
  if (!answer) return null;
  answer.resume();
  const stat = JSON.parse(
    Buffer.from(answer.headers['x-docker-container-path-stat'] ?? '', 'base64').toString(),
  ) as { size: number; mode: number; mtime: string };
  // The engine answers Go's file mode, whose highest bit marks a directory.
  return { bytes: stat.size, directory: (stat.mode & 0x80000000) !== 0, modifiedAt: new Date(stat.mtime) };
}

/** Who owns a path in a container: from the head of its archive, which is cut after the first entry. */
export async function ownerOf(
  engine: Engine,
  id: string,
  path: string,
): Promise<{ uid: number; gid: number }> {
  const archive = await openArchive(engine, id, path);
  const header = await firstHeader(archive);
  archive.destroy();
  return { uid: header.uid ?? 0, gid: header.gid ?? 0 };
}

async function openArchive(engine: Engine, id: string, path: string): Promise<Readable> {
  return await asking(`read ${path} from the container ${id.slice(0, 12)}`, async () => {
    try {
      return (await engine.getContainer(id).getArchive({ path })) as Readable;
    } catch (error) {
      if (engineStatus(error) === 404) {
        throw new LifeboatError('KeyNotFound', `There is no ${path} in the container ${id.slice(0, 12)}.`);
      }
      throw error;
    }
  });
}

async function firstHeader(archive: Readable): Promise<Header> {
  const entries = extract();
  archive.on('error', (error) => entries.destroy(error));
  archive.pipe(entries);
  for await (const entry of entries) return entry.header;
  throw new LifeboatError('EngineRefused', 'The Docker engine answered an empty archive.');
}

/** Read one regular file of a container, streamed, never held whole. Destroying the stream ends the transfer. */
export async function readFileFrom(engine: Engine, id: string, path: string): Promise<Readable> {
  const archive = await openArchive(engine, id, path);
  const entries = extract();
  // Whoever reads the file hears of it: the entry that is open ends with the archive's error.
  pipeline(archive, entries, () => {});
  // No loop, because to leave one ends the archive, and the file with it.
  const { value: entry } = await entries[Symbol.asyncIterator]().next();
  if (entry?.header.type !== 'file') {
    archive.destroy();
    throw new LifeboatError(
      'KeyNotFound',
      `${path} in the container ${id.slice(0, 12)} is not a regular file.`,
    );
  }
  entry.on('close', () => archive.destroy());
  return Readable.from(entry, { objectMode: false });
}

/** Make directories in a container (also one that was never started), owned by `owner` with mode 0700. */
export async function makeDirectories(
  engine: Engine,
  id: string,
  parent: string,
  names: string[],
  owner: { uid: number; gid: number },
): Promise<void> {
  const archive = pack();
  for (const name of names) {
    archive.entry({ name: `${name}/`, type: 'directory', mode: 0o700, uid: owner.uid, gid: owner.gid });
  }
  archive.finalize();
  await asking(`make ${names.join(', ')} in ${parent} of the container ${id.slice(0, 12)}`, () =>
    engine.getContainer(id).putArchive(archive as unknown as NodeJS.ReadableStream, { path: parent }),
  );
}

/**
 * Write one file of known size into a container, streamed.
 * @throws what `source` failed with, or what the engine answered.
 */
export async function writeFileInto(
  engine: Engine,
  id: string,
  path: string,
  source: Readable,
  options: { bytes: number; owner: { uid: number; gid: number }; mode?: number },
): Promise<void> {
  const archive = pack();
  const entry = archive.entry(
    {
      name: posix.basename(path),
      size: options.bytes,
      mode: options.mode ?? 0o600,
      uid: options.owner.uid,
      gid: options.owner.gid,
    },
    (error) => (error ? archive.destroy(error) : archive.finalize()),
  );
  let broken: Error | undefined;
  source.once('error', (error) => {
    broken = error;
  });
  pipeline(source, entry, (error) => error && archive.destroy(error));
  try {
    await asking(`write ${path} into the container ${id.slice(0, 12)}`, () =>
      engine
        .getContainer(id)
        .putArchive(archive as unknown as NodeJS.ReadableStream, { path: posix.dirname(path) }),
    );
  } catch (error) {
    throw broken ?? error;
  } finally {
    source.destroy();
  }
}

/**
 * The path on this machine of a file in a volume, where this process can read it: then it is read directly, which is
 * several times faster than the engine's archive stream. Null where worker and engine share no file system.
 */
export async function localPath(mountpoint: string, relative: string, bytes: number): Promise<string | null> {
  const path = posix.join(mountpoint, relative);
  try {
    await access(path, constants.R_OK);
    const file = await open(path, 'r');
    try {
      const stat = await file.stat();
      return stat.isFile() && stat.size === bytes ? path : null;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

/** Make a directory in a volume by its path on this machine; false where worker and engine share no file system. */
export async function makeLocalDirectory(mountpoint: string, name: string): Promise<boolean> {
  return await mkdir(posix.join(mountpoint, name), { mode: 0o755 }).then(
    () => true,
    (error: unknown) => (error as { code?: unknown }).code === 'EEXIST',
  );
}
