import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { LifeboatError } from '../../model/failures.ts';
import { KEYS } from '../../model/names.ts';
import type { Repository } from './repository.ts';

/** The newest layout of a repository that this version reads and the one that it writes. */
export const REPOSITORY_FORMAT = 1;

const descriptorSchema = z.object({
  kind: z.literal('lifeboat/repository'),
  format: z.number().int().positive(),
  /** Made once; tells two repositories apart whatever they are called. */
  id: z.string().min(1),
  createdAt: z.iso.datetime({ offset: true }),
});
/** What a repository says about itself, in `lifeboat.json` at its root. */
export type Descriptor = z.infer<typeof descriptorSchema>;

/** Read what the repository says about itself; null when nothing was ever written there. */
export async function readDescriptor(
  repository: Repository,
  signal?: AbortSignal,
): Promise<Descriptor | null> {
  const found = await repository.head(KEYS.descriptor);
  if (!found) return null;
  let value: unknown;
  if (found.bytes <= 64 * 1024) {
    try {
      const text = await buffer(await repository.get(KEYS.descriptor, signal ? { signal } : {}));
      value = JSON.parse(text.toString('utf8'));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  const parsed = descriptorSchema.safeParse(value);
  const where = `${KEYS.descriptor} in the repository "${repository.name}" (${repository.location})`;
  if (!parsed.success) {
    throw new LifeboatError(
      'InvalidConfiguration',
      `The file ${where} was not written by Lifeboat: point the repository at a folder of its own.`,
    );
  }
  if (parsed.data.format > REPOSITORY_FORMAT) {
    throw new LifeboatError(
      'ManifestTooNew',
      `The file ${where} has format ${parsed.data.format}, and this version of Lifeboat reads up to ${REPOSITORY_FORMAT}: upgrade Lifeboat.`,
    );
  }
  return parsed.data;
}

/** Read the descriptor, or write it the first time. Needs no right to delete. */
export async function ensureDescriptor(repository: Repository, signal?: AbortSignal): Promise<Descriptor> {
  const present = await readDescriptor(repository, signal);
  if (present) return present;
  const made: Descriptor = {
    kind: 'lifeboat/repository',
    format: REPOSITORY_FORMAT,
    id: randomUUID(),
    createdAt: new Date().toISOString(),
  };
  try {
    await repository.put(KEYS.descriptor, Readable.from([descriptorText(made)]), signal ? { signal } : {});
    return made;
  } catch (error) {
    // Another worker was faster: what it wrote counts.
    if (!(error instanceof LifeboatError && error.type === 'KeyExists')) throw error;
    return (await readDescriptor(repository, signal)) ?? made;
  }
}

/** The exact bytes of a descriptor. */
export const descriptorText = (descriptor: Descriptor): Buffer =>
  Buffer.from(`${JSON.stringify(descriptor, null, 2)}\n`);
