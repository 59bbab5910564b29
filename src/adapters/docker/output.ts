import { asking, type Engine } from './engine.ts';

/** What is kept of each output stream (bytes, from its end). */
const OUTPUT_TAIL = 256 * 1024;

/** What a helper has said so far. */
export async function readOutput(
  engine: Engine,
  id: string,
  stream: 'stdout' | 'stderr',
  lines?: number,
): Promise<string> {
  const raw = await asking(`read the output of the container ${id.slice(0, 12)}`, () =>
    engine.getContainer(id).logs({
      stdout: stream === 'stdout',
      stderr: stream === 'stderr',
      follow: false,
      ...(lines ? { tail: lines } : {}),
    }),
  );
  return demultiplex(raw).slice(-OUTPUT_TAIL);
}

/** The engine frames the output of a container without a terminal: 8 bytes of head, the last 4 the length. */
function demultiplex(raw: Buffer): string {
  const parts: Buffer[] = [];
  let at = 0;
  while (at + 8 <= raw.length) {
    const length = raw.readUInt32BE(at + 4);
    parts.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString();
}

/**
 * Follow what a helper says until a line begins with `word`, and answer what it said until then: at once, without waiting for its end.
 * Without such a line the answer comes when it ends, when `signal` is aborted, or when the engine can't be followed: whoever asks
 * looks at the helper itself then.
 */
export async function untilSaid(
  engine: Engine,
  id: string,
  word: string,
  signal?: AbortSignal,
): Promise<string> {
  let raw = Buffer.alloc(0);
  try {
    const options = {
      stdout: true,
      stderr: false,
      follow: true as const,
      ...(signal ? { abortSignal: signal } : {}),
    };
    for await (const chunk of await engine.getContainer(id).logs(options)) {
      raw = Buffer.concat([raw, Buffer.from(chunk)]);
      if (new RegExp(`^${word}.*\\n`, 'm').test(demultiplex(raw))) break;
    }
  } catch {
    // What was said until now is all that can be known this way.
  }
  return demultiplex(raw);
}
