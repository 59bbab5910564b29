import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { UploadNotes } from '../adapters/repository/upload-notes.ts';
import { LifeboatError } from '../model/failures.ts';

/**
 * Where uploads under way are written down: in the folder that `LIFEBOAT_UPLOADS` names. Default: one of this user's own in the folder for
 * temporary files; where that can't be, a warning, and uploads that are cut begin anew.
 * @param installation Temporal server, namespace and task queue
 * @throws {LifeboatError} `InvalidConfiguration` for a folder that was named and can't be used
 */
export function openUploadNotes(
  env: NodeJS.ProcessEnv,
  installation: string,
  logger: Logger,
): UploadNotes | undefined {
  const named = env.LIFEBOAT_UPLOADS;
  if (named) return new UploadNotes(named, installation);
  try {
    return new UploadNotes(join(tmpdir(), `lifeboat-uploads-${userInfo().uid}`), installation);
  } catch (error) {
    if (!(error instanceof LifeboatError)) throw error;
    logger.warn(`${error.message} Until then, uploads that are cut begin anew.`);
    return undefined;
  }
}
