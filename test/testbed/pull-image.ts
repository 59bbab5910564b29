import type Docker from 'dockerode';
import type { Say } from './progress.ts';

/** How long a registry may stay silent before the testbed goes on without it, in seconds. */
const SILENCE = 8;

/**
 * Pull an image where that is possible, and answer whether it is there. Never hangs: a registry that says nothing
 * for 8 s, or takes longer than `seconds`, counts as none.
 */
export async function pullImage(docker: Docker, name: string, seconds: number, say: Say): Promise<boolean> {
  const given = new AbortController();
  const whole = setTimeout(() => given.abort(), seconds * 1000);
  let silence = setTimeout(() => given.abort(), SILENCE * 1000);
  try {
    const stream = await docker.pull(name, { abortSignal: given.signal });
    say(`pulling ${name}`);
    const lines = await new Promise<{ error?: string }[]>((resolve, reject) => {
      given.signal.addEventListener('abort', () => reject(new Error('silent')), { once: true });
      docker.modem.followProgress(
        stream,
        (error, output) => (error ? reject(error) : resolve(output)),
        () => {
          clearTimeout(silence);
          silence = setTimeout(() => given.abort(), SILENCE * 1000);
        },
      );
    });
    return lines.every((line) => line.error === undefined);
  } catch {
    return false;
  } finally {
    clearTimeout(whole);
    clearTimeout(silence);
  }
}
