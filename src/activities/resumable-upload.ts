import { newSeal, sealFits } from '../adapters/pipeline/age.ts';
import type { Repository, Resume } from '../adapters/repository/repository.ts';
import { SourceChanged } from '../adapters/repository/source-changed.ts';
import type { FoundNote, UploadNote, UploadNotes } from '../adapters/repository/upload-notes.ts';
import type { Encryption } from '../config/config.ts';
import type { Secret } from '../config/secret.ts';
import { LifeboatError } from '../model/failures.ts';
import type { Dependencies } from './dependencies.ts';
import type { Step } from './step.ts';

/** What is uploaded, and how a later attempt knows that it is the same. */
export interface Upload {
  repository: Repository;
  /** The key that it is to have. */
  wanted: string;
  /** Another key for it, where that one is taken. Default: the wanted key alone will do. */
  freeKey?: (wanted: string) => Promise<string>;
  /** What tells the source from any other content, and holds as long as the content is the same. */
  source: string;
  encryption?: Encryption;
}

/** One attempt: where to put it, and what the pipeline and the repository have to know. */
export interface UploadAttempt {
  key: string;
  seal?: Secret;
  resume?: Resume;
}

/** For how long a store is asked to remove the parts of an upload (milliseconds). */
const ABANDON_MS = 10_000;

/**
 * Upload something so that the next attempt goes on with it when this worker dies. What that has to know is in the worker's own notes; when
 * there are none, or the content is another one than it was, the upload begins anew, under a new seal.
 * @param store reads the source from its beginning at each call
 */
export async function uploadResumably<T>(
  deps: Dependencies,
  context: Step,
  upload: Upload,
  store: (attempt: UploadAttempt) => Promise<T>,
): Promise<T> {
  const { repository, wanted, freeKey = async () => wanted } = upload;
  const { uploads } = deps;
  if (!uploads) return await store({ key: await freeKey(wanted) });
  const id = [context.runId, repository.name, repository.location, wanted];
  let found = (await uploads.read(id)) ?? undefined;
  if (found && !(await isSame(found, upload))) {
    await giveUp(found);
    found = undefined;
  }
  while (true) {
    const note = found ?? (await newNote(context, upload, await freeKey(wanted)));
    try {
      const resume = resumeBy(uploads, context, id, note);
      const stored = await store({ key: note.key, resume, ...(note.seal ? { seal: note.seal } : {}) });
      await uploads.forget(id);
      return stored;
    } catch (error) {
      if (!again(context, error)) await giveUp(note);
      // An attempt that outlived its end may have published under this key since it was chosen; where it is free to, this one takes the next.
      const taken = isTaken(error) && upload.freeKey !== undefined;
      if (!taken && !(found && isOther(error))) throw error;
      found = undefined;
    }
  }

  async function giveUp(note: UploadNote): Promise<void> {
    // What can't be removed now, `prune` finds.
    await abandonUpload(deps, note).catch(() => {});
    await deps.uploads?.forget(id);
  }
}

/** Remove what a repository has of an upload that nobody will go on with. Of a repository that is not configured any more, nothing. */
export async function abandonUpload(
  deps: Dependencies,
  { repository, key, upload }: Pick<UploadNote, 'repository' | 'key' | 'upload'>,
  signal?: AbortSignal,
): Promise<void> {
  if (upload === '' || !deps.config().repositories.some(({ name }) => name === repository)) return;
  const within = AbortSignal.timeout(ABANDON_MS);
  await deps
    .repository(repository)
    .abandonUpload?.(key, upload, signal ? AbortSignal.any([signal, within]) : within);
}

/** Whether what an earlier attempt has left is of the same content, for the same readers. */
async function isSame(found: FoundNote, { source, encryption }: Upload): Promise<boolean> {
  const readers = JSON.stringify(found.recipients) === JSON.stringify(encryption?.recipients);
  if (!readers || found.source !== source) return false;
  return !encryption || (found.seal !== undefined && (await sealFits(found.seal, encryption)));
}

async function newNote(
  { workflowId, runId }: Step,
  { repository, source, encryption }: Upload,
  key: string,
): Promise<FoundNote> {
  const about = { workflowId, runId, repository: repository.name, key, upload: '', source, sent: new Map() };
  if (!encryption) return about;
  return { ...about, recipients: encryption.recipients, seal: await newSeal(encryption) };
}

function resumeBy(uploads: UploadNotes, context: Step, id: string[], note: FoundNote): Resume {
  let noted = note.upload !== '';
  return {
    ...(noted ? { uploadId: note.upload } : {}),
    // The content is the same, or the upload begins anew: never parts of both, nor two contents under one seal.
    requireSame: true,
    async onUpload(begun) {
      note.upload = begun;
      noted = await uploads.write(id, note);
    },
    async sending(part) {
      const written = await uploads.sending(id, note, part);
      noted &&= written;
    },
    again: (error) => noted && again(context, error),
  };
}

/** Whether another attempt of this activity will come after this. */
function again({ signal, keep }: Step, error: unknown): boolean {
  return signal.aborted ? keep() : !(error instanceof LifeboatError) || error.retryable;
}

/** Whether what was begun can't be gone on with, because the content or what lies under the key is another one. */
function isOther(error: unknown): boolean {
  return error instanceof SourceChanged || isTaken(error);
}

const isTaken = (error: unknown): boolean => error instanceof LifeboatError && error.type === 'KeyExists';
