import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Run a program to its end and answer its standard output.
 * @throws with both outputs' last lines when it exits with anything but 0.
 */
export async function runCommand(
  command: string,
  arguments_: readonly string[],
  options: { environment?: NodeJS.ProcessEnv; directory?: string; seconds?: number } = {},
): Promise<string> {
  try {
    const { stdout } = await run(command, arguments_, {
      maxBuffer: 64 * 1024 * 1024,
      timeout: (options.seconds ?? 600) * 1000,
      env: options.environment ?? process.env,
      ...(options.directory === undefined ? {} : { cwd: options.directory }),
    });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n');
    throw new Error(`${command} ${arguments_.join(' ')} failed: ${said || (error as Error).message}`, {
      cause: error,
    });
  }
}

/** The full path of a program on PATH, or undefined. */
export async function onPath(program: string): Promise<string | undefined> {
  for (const directory of (process.env.PATH ?? '').split(delimiter).concat('/usr/sbin', '/sbin')) {
    if (directory === '') continue;
    const path = join(directory, program);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not here; the next directory.
    }
  }
  return undefined;
}
