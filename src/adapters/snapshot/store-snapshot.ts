import { spawn } from 'node:child_process';
import { access, readdir } from 'node:fs/promises';
import type { SnapshotConfig } from '../../config/snapshot.ts';
import { LifeboatError, messageOf } from '../../model/failures.ts';
import { type SnapshotCommands, type SnapshotSubject, snapshotCommands } from './snapshot-commands.ts';
import { subvolumeOf } from './subvolume.ts';

/** What is kept of a program's words (bytes). */
const WORDS = 4096;
/** How long a flush may take. */
const FLUSH_SECONDS = 300;

async function commandsFor(config: SnapshotConfig, subject: SnapshotSubject): Promise<SnapshotCommands> {
  return config.kind === 'btrfs'
    ? snapshotCommands(config, subject, await subvolumeOf(subject.source))
    : snapshotCommands(config, subject);
}

/**
 * See that the directory is where a snapshot of this kind can be taken of it.
 * @throws {LifeboatError} `Unsupported`, `InvalidConfiguration`
 */
export async function requireSource(config: SnapshotConfig, subject: SnapshotSubject): Promise<void> {
  await commandsFor(config, subject);
}

/** Have written what waits in memory for the disk: else it is written within the window. It only saves time. */
export async function flush({ source }: SnapshotSubject, signal: AbortSignal): Promise<void> {
  await run(['sync', '-f', source], FLUSH_SECONDS, signal).catch(() => signal.throwIfAborted());
}

/**
 * Take a snapshot; what an earlier attempt left of it is removed first, and so is what this one leaves when it fails.
 * @throws {LifeboatError} `SnapshotFailed`
 */
export async function takeSnapshot(
  config: SnapshotConfig,
  subject: SnapshotSubject,
  signal: AbortSignal,
): Promise<void> {
  const commands = await commandsFor(config, subject);
  if (await exists(config, commands)) await remove(config, subject, commands);
  try {
    for (const command of commands.create) await run(command, config.timeoutSeconds, signal);
  } catch (error) {
    await remove(config, subject, commands).catch(() => {});
    throw error;
  }
}

/** Make it readable; answers where. */
export async function openSnapshot(
  config: SnapshotConfig,
  subject: SnapshotSubject,
  signal: AbortSignal,
): Promise<string> {
  const { open, path } = await commandsFor(config, subject);
  try {
    for (const command of open) await run(command, config.timeoutSeconds, signal);
  } catch (error) {
    // An earlier attempt may have opened it already.
    if (!(await holdsSomething(path))) throw error;
  }
  if (await holdsSomething(path)) return path;
  throw new LifeboatError(
    'SnapshotFailed',
    `The snapshot ${subject.id} is not readable at ${path}, where it should be, or nothing is in it: see that the worker is on the engine's own host, and that its configuration says where snapshots are.`,
  );
}

/**
 * Remove it, whole or half made. One that is not there is no error.
 * @throws {LifeboatError} `SnapshotFailed` when it is still there.
 */
export async function removeSnapshot(config: SnapshotConfig, subject: SnapshotSubject): Promise<void> {
  await remove(config, subject, await commandsFor(config, subject));
}

async function remove(
  config: SnapshotConfig,
  { id }: SnapshotSubject,
  commands: SnapshotCommands,
): Promise<void> {
  const problems: string[] = [];
  for (const command of commands.remove) {
    await run(command, config.timeoutSeconds).catch((error: unknown) => problems.push(messageOf(error)));
  }
  if (problems.length === 0 || !(await exists(config, commands))) return;
  throw new LifeboatError(
    'SnapshotFailed',
    `The snapshot ${id} could not be removed, and takes up room until it is: ${problems.join(' ')}`,
  );
}

async function exists(config: SnapshotConfig, { exists: ask, path }: SnapshotCommands): Promise<boolean> {
  if (!ask) return await readable(path);
  return await run(ask, config.timeoutSeconds).then(
    () => true,
    () => false,
  );
}

const readable = async (path: string): Promise<boolean> =>
  await access(path).then(
    () => true,
    () => false,
  );

/** The place of a snapshot that was not mounted is there all the same, and empty. Where only its copy may look inside, that finds out. */
const holdsSomething = async (path: string): Promise<boolean> =>
  await readdir(path).then(
    (names) => names.length > 0,
    (error: unknown) => (error as { code?: unknown }).code === 'EACCES',
  );

/**
 * Run a program of the configuration, without a shell, for at most this time. It is killed then and is not waited for: one that hangs in
 * the kernel must not keep a database paused.
 */
async function run(command: string[], timeoutSeconds: number, signal?: AbortSignal): Promise<void> {
  // What was aborted before tells nobody any more: the program would run without its time limit, too.
  signal?.throwIfAborted();
  const [program = '', ...parameters] = command;
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  const hear = (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-WORDS);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const failed = (how: string) =>
    new LifeboatError(
      'SnapshotFailed',
      `"${command.join(' ')}" ${how}${words.trim() ? `: ${words.trim().slice(-300)}` : ''}. Try it by hand as the worker's user.`,
    );
  const limit = AbortSignal.any([AbortSignal.timeout(timeoutSeconds * 1000), ...(signal ? [signal] : [])]);
  await new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(failed(`could not be run (${error.message})`)));
    child.once('close', (code, by) =>
      code === 0 ? resolve() : reject(failed(by ? `was ended by ${by}` : `ended with ${code}`)),
    );
    limit.addEventListener('abort', () => {
      child.kill('SIGKILL');
      child.unref();
      reject(signal?.aborted ? signal.reason : failed(`took longer than ${timeoutSeconds} s`));
    });
  });
}
