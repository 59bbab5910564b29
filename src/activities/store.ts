import type { Readable } from 'node:stream';
import { storeArtifact } from '../adapters/pipeline/store-artifact.ts';
import type { Encryption } from '../config/config.ts';
import { LifeboatError } from '../model/failures.ts';
import type { Artifact } from '../model/manifest.ts';
import { KEYS } from '../model/names.ts';
import type { StoredArtifact } from '../model/stored-artifact.ts';
import type { Dependencies } from './dependencies.ts';
import { uploadResumably } from './resumable-upload.ts';
import type { Step } from './step.ts';
import { whenFree } from './when-free.ts';

/** So many artifacts pass at a time: each needs its buffers. */
const inTurn = whenFree(16);

/** One artifact on its way into a repository. */
export interface ArtifactToStore {
  repository: string;
  set: string;
  service: string;
  kind: Artifact['kind'];
  name: string;
  node?: string;
  /** The file's name before compression and encryption add their endings. */
  file: string;
  /** Reads it from its beginning; called again when an upload that was cut can't be gone on with. */
  open: () => Promise<Readable>;
  /** What tells this content from any other that could have the same name: so an upload that was cut goes on with the same one only. */
  source: string;
  bytes: number;
  compression: Artifact['compression'];
  capturedAt?: string;
  serverChecksum?: string | null;
  /** Walks the content while it passes; what it throws keeps the artifact out of the repository. */
  inspect: (source: Readable) => Promise<{ files: number; bytes: number }>;
}

/** Send an artifact through the pipeline, with progress as heartbeats; answers how it stands in the manifest. */
export async function storeInRepository(
  deps: Dependencies,
  context: Step,
  artifact: ArtifactToStore,
): Promise<StoredArtifact> {
  const repository = deps.repository(artifact.repository);
  const { encryption } = deps.config();
  await requireRoom(repository, artifact.bytes);
  const endings = [artifact.compression === 'zstd' ? '.zst' : '', encryption ? '.age' : ''].join('');
  const wanted = KEYS.artifact(artifact.set, artifact.service, `${artifact.file}${endings}`);
  const { source } = artifact;
  const upload = { repository, wanted, freeKey, source, ...(encryption ? { encryption } : {}) };
  const storing = async () =>
    await uploadResumably(deps, context, upload, async ({ key, seal, resume }) => ({
      path: key,
      stored: await storeArtifact({
        source: await artifact.open(),
        repository,
        key,
        compression: artifact.compression,
        ...(encryption ? { encryption } : {}),
        ...(seal ? { seal } : {}),
        put: {
          ...(resume ? { resume } : {}),
          ...(endings === '' ? { bytes: artifact.bytes } : { atMost: boundOf(artifact.bytes) }),
        },
        signal: context.signal,
        inspect: artifact.inspect,
        onProgress: (bytes) =>
          context.beat({
            step: `storing ${artifact.file}`,
            bytes,
            total: artifact.bytes,
            percent: artifact.bytes === 0 ? 100 : Math.round((bytes / artifact.bytes) * 1000) / 10,
          }),
      }),
    }));
  const { path, stored } = await inTurn(context.signal, storing);
  return {
    service: artifact.service,
    kind: artifact.kind,
    name: artifact.name,
    ...(artifact.node ? { node: artifact.node } : {}),
    path,
    stored: stored.stored,
    content: stored.content,
    compression: artifact.compression,
    encryption: encryption ? 'age' : 'none',
    ...(encryption ? { readers: readersBy(encryption) } : {}),
    capturedAt: artifact.capturedAt ?? new Date().toISOString(),
    ...(stored.inspected
      ? { archive: { files: stored.inspected.files, bytes: stored.inspected.bytes } }
      : {}),
    ...(artifact.serverChecksum === undefined ? {} : { serverChecksum: artifact.serverChecksum }),
  };

  /** An earlier attempt may have stored it without anybody hearing of it: keys are written once, so this one takes the next. */
  async function freeKey(wanted: string): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      const key = attempt === 1 ? wanted : wanted.replace(/\/([^/]+)$/, `/${attempt}.$1`);
      if (!(await repository.head(key))) return key;
    }
  }
}

/** Who can read what is encrypted like this; the passphrase itself is told to nobody. */
export const readersBy = ({ recipients, passphrase }: Encryption) => ({
  recipients,
  passphrase: passphrase !== undefined,
});

/** What becomes of so many bytes at most: zstd adds a 256th to what it can not compress, age 16 bytes to every 64 KiB and a header. */
const boundOf = (bytes: number): number => Math.ceil(bytes * 1.005) + 1024 * 1024;

/** @throws {LifeboatError} `InsufficientSpace` when the store says that it has less room than this. */
export async function requireRoom(
  repository: { name: string; location: string; freeBytes(): Promise<number | null> },
  bytes: number,
): Promise<void> {
  const free = await repository.freeBytes();
  if (free === null || free >= bytes) return;
  throw new LifeboatError(
    'InsufficientSpace',
    `The repository "${repository.name}" (${repository.location}) has ${free} bytes free, and ${bytes} are needed: free some or prune it.`,
  );
}
