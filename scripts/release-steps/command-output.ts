import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** More than any of what is asked here answers (bytes): the largest is the source as a tar archive. */
const LARGEST_OUTPUT = 512 * 1024 * 1024;

/**
 * What a program prints.
 * @throws {Error} that says what was run and what it said.
 */
export async function outputOf(program: string, arguments_: readonly string[], cwd: string): Promise<Buffer> {
  try {
    const options = { cwd, encoding: 'buffer', maxBuffer: LARGEST_OUTPUT } as const;
    return (await run(program, arguments_, options)).stdout;
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString().trim();
    throw new Error(
      `${program} ${arguments_.slice(0, 3).join(' ')} failed: ${said || (error as Error).message}`,
    );
  }
}

/** What git prints, without the newline at its end. */
export const git = async (project: string, ...arguments_: string[]): Promise<string> =>
  (await outputOf('git', arguments_, project)).toString().trim();
