import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { appendFile, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Secret } from '../../config/secret.ts';
import { LifeboatError, messageOf } from '../../model/failures.ts';
import { hasCode } from './file-failure.ts';
import type { SentPart } from './repository.ts';
import { SourceChanged } from './source-changed.ts';

const head = z.strictObject({
  workflowId: z.string(),
  runId: z.string(),
  /** Name of the repository. */
  repository: z.string(),
  key: z.string(),
  /** What the repository calls the upload; see `Resume.onUpload`. */
  upload: z.string(),
  /** What tells this source from any other content: of another source the upload is begun anew. */
  source: z.string(),
  /** For whom it is encrypted. */
  recipients: z.array(z.string()).optional(),
  seal: z.string().optional(),
});
const sentPart = z.strictObject({ number: z.number(), bytes: z.number(), sum: z.string() });

/** An upload that is under way; see `newSeal` for what the seal is, and why it must never meet other content. */
export interface UploadNote extends Omit<z.infer<typeof head>, 'seal'> {
  seal?: Secret;
}

/** A note as it was found. */
export interface FoundNote extends UploadNote {
  sent: Map<number, SentPart>;
}

const ENDING = '.upload';
const OWN = { mode: 0o600, flush: true } as const;

/**
 * What a worker writes down about uploads that are under way, so that after its death the next one goes on with them: one file an upload,
 * for this user alone, since it holds the key of what is encrypted. A note is one line that says what is uploaded, and then a line a
 * part, written before the part leaves.
 */
export class UploadNotes {
  readonly #directory: string;
  readonly #prefix: string;
  #isOurs = false;

  /**
   * @param directory made in the folder above it if it is not there; see `close`
   * @param installation whose uploads these are: others may have theirs in the same folder
   * @throws {LifeboatError} `InvalidConfiguration` for a place that can't be made, or that others could read
   */
  constructor(directory: string, installation: string) {
    this.#directory = directory;
    this.#prefix = digest(installation).slice(0, 16);
    try {
      this.#open();
    } catch (error) {
      throw new LifeboatError(
        'InvalidConfiguration',
        `Uploads can't be written down in ${directory} (LIFEBOAT_UPLOADS): ${messageOf(error)}. Name a folder of this user with mode 0700, on a disk that outlasts the worker.`,
      );
    }
  }

  /** At the end of the worker: takes away the folder that it made, unless notes are in it. Other workers with the same folder make it again. */
  async close(): Promise<void> {
    if (!this.#isOurs) return;
    await rmdir(this.#directory).catch(() => {
      // Uploads under way are in it, or another worker took it away.
    });
  }

  /** The note of an upload; null when there is none, or none that can be read. */
  async read(upload: readonly string[]): Promise<FoundNote | null> {
    const lines = (await readFile(this.#path(upload), 'utf8').catch(() => '')).split('\n');
    // A line that was not finished tells of a part that never left.
    lines.pop();
    try {
      const [first = '', ...rest] = lines;
      const { seal, ...note } = head.parse(JSON.parse(first));
      const parts = rest.map((line) => sentPart.parse(JSON.parse(line)));
      const sent = new Map(parts.map((part) => [part.number, part]));
      return { ...note, sent, ...(seal ? { seal: new Secret(seal) } : {}) };
    } catch {
      return null;
    }
  }

  /** Write a note, or write it anew with what was sent so far. False where there is no room for it: then there is none, and nothing to go on with. */
  async write(upload: readonly string[], note: FoundNote): Promise<boolean> {
    const { sent, seal, ...rest } = note;
    const lines = [{ ...rest, ...(seal ? { seal: seal.reveal() } : {}) }, ...sent.values()];
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const path = this.#path(upload);
    return await this.#written(path, async () => {
      this.#open();
      await writeFile(path, text, OWN);
    });
  }

  /**
   * To be told before a part leaves: so that under one seal no part ever leaves with two different contents. False as `write`.
   * @throws {SourceChanged} when an earlier attempt has sent another content as this part
   */
  async sending(upload: readonly string[], { key, sent }: FoundNote, part: SentPart): Promise<boolean> {
    const before = sent.get(part.number);
    if (before && (before.bytes !== part.bytes || before.sum !== part.sum)) throw new SourceChanged(key);
    if (before) return true;
    sent.set(part.number, part);
    const path = this.#path(upload);
    const line = `${JSON.stringify(part)}\n`;
    return await this.#written(path, async () => await appendFile(path, line, OWN));
  }

  /** It has ended, or is given up. */
  async forget(upload: readonly string[]): Promise<void> {
    await rm(this.#path(upload), { force: true });
  }

  /**
   * Forget the uploads of runs that are over. Answers how many.
   * @param giveUp removes what the repository has of one; when it fails, the note stays for the next time
   */
  async sweep(
    isOver: (run: { workflowId: string; runId: string }) => Promise<boolean>,
    giveUp: (note: { repository: string; key: string; upload: string }) => Promise<void>,
  ): Promise<number> {
    let forgotten = 0;
    for (const name of await readdir(this.#directory).catch(noneIfGone)) {
      const path = join(this.#directory, name);
      if (!name.startsWith(`${this.#prefix}-`) || !name.endsWith(ENDING)) continue;
      const [first = '', ...rest] = (await readFile(path, 'utf8').catch(unlessGone)).split('\n', 2);
      // It is being written at this moment.
      if (rest.length === 0) continue;
      const note = head.safeParse(parsed(first));
      if (note.success) {
        if (!(await isOver(note.data))) continue;
        const given = await giveUp(note.data).then(
          () => true,
          () => false,
        );
        if (!given) continue;
      }
      await rm(path, { force: true });
      forgotten += 1;
    }
    return forgotten;
  }

  /** Another worker may have taken it away since, and in a folder that everybody can write somebody else may have made it anew. */
  #open(): void {
    if (makeFolder(this.#directory)) this.#isOurs = true;
    const found = lstatSync(this.#directory);
    const isPrivate = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
    if (!isPrivate) throw new Error('it is not a folder that this user alone may read');
  }

  async #written(path: string, write: () => Promise<void>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch {
      await rm(path, { force: true });
      return false;
    }
  }

  #path(upload: readonly string[]): string {
    return join(this.#directory, `${this.#prefix}-${digest(JSON.stringify(upload))}${ENDING}`);
  }
}

/** Not with all folders above it: below /proc, where none can be made, Node would try that for ever. Answers whether it was not there. */
function makeFolder(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    return false;
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function noneIfGone(error: unknown): string[] {
  if (hasCode(error, 'ENOENT')) return [];
  throw error;
}

function unlessGone(error: unknown): string {
  if (hasCode(error, 'ENOENT')) return '';
  throw error;
}
