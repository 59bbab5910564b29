import type { Asking, Qdrant, Snapshot } from './qdrant.ts';
import { untilNothingIsRecovered } from './recovery-end.ts';

/**
 * Bring back a snapshot that is still on the server, as after a failed restore: it is downloaded and uploaded in one stream. The server could
 * fetch it itself, but only from an address that it can reach and may use, which nobody outside can know.
 * The uploaded copy is deleted again, also after a failure; the snapshot stays.
 * @param options.uploadName from `uniqueUploadName`, noted beforehand, so that the copy can be deleted even after a crash.
 * @param options.into another collection to recover into, made when it is missing. Default: the snapshot's own, which must exist:
 * without it the server does not hand out the snapshot.
 */
export async function recoverSnapshot(
  qdrant: Qdrant,
  options: Asking & {
    collection: string;
    snapshot: Snapshot;
    uploadName: string;
    into?: string;
    /** As of an upload. */
    leave?: AbortSignal;
  },
): Promise<void> {
  const { collection, snapshot, uploadName, into = collection, signal, leave } = options;
  const asking = signal ? { signal } : {};
  await untilNothingIsRecovered(qdrant, into, asking);
  try {
    await qdrant.uploadSnapshot(into, {
      fileName: uploadName,
      source: await qdrant.downloadSnapshot(collection, snapshot.name, asking),
      bytes: snapshot.size,
      ...(snapshot.checksum ? { checksum: snapshot.checksum } : {}),
      priority: 'snapshot',
      ...asking,
      ...(leave ? { leave } : {}),
    });
  } catch (error) {
    // What happened is said, not what became of the copy.
    await qdrant.deleteSnapshot(into, uploadName).catch(() => false);
    throw error;
  }
  await qdrant.deleteSnapshot(into, uploadName);
}
