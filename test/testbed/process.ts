import { type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process as it can be found again: its id, and when it began, because the kernel gives ids out again. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/PID/stat, in clock ticks since boot; empty where there is no /proc. */
  started: string;
}

/** The identity of a process that runs, or undefined when there is none (a zombie counts as none). */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name in brackets, may hold spaces and brackets itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie whose other threads still end, as field 20 counts, still has its sockets: nobody can listen there yet.
    const gone = fields[0] === 'Z' && Number(fields[17]) <= 1;
    return gone ? undefined : { pid, started: fields[19] ?? '' };
  } catch {
    if (process.platform === 'linux') return undefined;
  }
  try {
    process.kill(pid, 0);
    return { pid, started: '' };
  } catch {
    return undefined;
  }
}

/** Whether exactly this process still runs: the same id and the same start. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.started === identity.started;
}

/**
 * Send SIGTERM, wait up to `graceMs` (default 10 s), then SIGKILL. Does nothing when the process is gone or its id
 * now belongs to another.
 */
export async function endProcess(
  identity: ProcessIdentity,
  graceMs = 10_000,
  first: NodeJS.Signals = 'SIGTERM',
): Promise<void> {
  for (const [signal, wait] of [
    [first, graceMs],
    ['SIGKILL', 10_000],
  ] as const) {
    if (!isRunning(identity)) return;
    try {
      process.kill(identity.pid, signal);
    } catch {
      return;
    }
    const until = Date.now() + wait;
    while (isRunning(identity) && Date.now() < until) await delay(25);
  }
  if (isRunning(identity)) throw new Error(`Process ${identity.pid} did not end, even by SIGKILL.`);
}

/**
 * The variable that marks every process of a testbed with its id, also those that tests start: children inherit it.
 * The engine that testbeds share is not marked.
 */
export const TESTBED_VARIABLE = 'LIFEBOAT_TESTBED_ID';

/** All processes that carry the mark of this testbed, this one excepted. Empty where there is no /proc. */
export function markedProcesses(id: string): ProcessIdentity[] {
  const mark = `\0${TESTBED_VARIABLE}=${id}\0`;
  const carries = (pid: number): boolean => {
    try {
      return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`.includes(mark);
    } catch {
      return false;
    }
  };
  const pids = process.platform === 'linux' ? readdirSync('/proc').map(Number).filter(Number.isInteger) : [];
  return pids
    .filter((pid) => pid !== process.pid && pid !== process.ppid && carries(pid))
    .map(identify)
    .filter((identity) => identity !== undefined);
}

export interface DetachedProcess extends ProcessIdentity {
  /** Everything that the process has written so far, for a message. */
  output(): string;
}

/** Start a program that outlives this one, in its own session, with its output in the file `log`. */
export async function startDetached(
  command: string,
  arguments_: readonly string[],
  options: { log: string; environment?: NodeJS.ProcessEnv; directory?: string },
): Promise<DetachedProcess> {
  const log = openSync(options.log, 'a');
  const spawning: SpawnOptions = {
    detached: true,
    stdio: ['ignore', log, log],
    env: options.environment ?? process.env,
  };
  if (options.directory !== undefined) spawning.cwd = options.directory;
  const child = spawn(command, arguments_, spawning);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
  } finally {
    closeSync(log);
  }
  child.unref();
  const identity = identify(child.pid!) ?? { pid: child.pid!, started: 'ended' };
  return { ...identity, output: () => readFileSync(options.log, 'utf8').slice(-4000) };
}

/**
 * Ask `ready` again until it answers something, at most `seconds`; throws early when the server
 * has ended: a program, or whatever answers its last words then. `what` names the server in the message.
 */
export async function untilReady<T>(
  what: string,
  seconds: number,
  ready: () => Promise<T | undefined>,
  server?: DetachedProcess | (() => Promise<string | undefined>),
): Promise<T> {
  const until = Date.now() + seconds * 1000;
  let last: unknown;
  while (Date.now() < until) {
    try {
      const answer = await ready();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    const output = typeof server === 'function' ? await server() : server && lastOutput(server);
    if (output !== undefined) throw new Error(`${what} ended while it started: ${output}`);
    await delay(100);
  }
  const said = last === undefined ? '' : ` The last attempt said: ${(last as Error).message}`;
  throw new Error(`${what} was not ready within ${seconds} s.${said}`);
}

const lastOutput = (program: DetachedProcess): string | undefined =>
  isRunning(program) ? undefined : program.output();
