import { printable } from './printable.ts';

/**
 * Every type that a failure of Lifeboat can have: what operators filter by in the Temporal UI, and what the
 * command line turns into exit codes. `retry: true` means that waiting may help, so an activity tries again.
 */
export const FAILURES = {
  // What was asked for, or how it is configured, can not work.
  InvalidInput: { retry: false },
  InvalidConfiguration: { retry: false },
  ConfirmationMismatch: { retry: false },
  Unsupported: { retry: false },
  // Containers and the Docker engine.
  EngineUnreachable: { retry: true },
  EngineRefused: { retry: true },
  ContainerNotFound: { retry: false },
  ContainerAmbiguous: { retry: false },
  NotNeo4j: { retry: false },
  NotQdrant: { retry: false },
  Neo4jAdminMissing: { retry: false },
  DataNotOnVolume: { retry: false },
  ServiceBusy: { retry: false },
  UncleanShutdown: { retry: false },
  WindowLost: { retry: false },
  StopFailed: { retry: true },
  StartFailed: { retry: true },
  HelperFailed: { retry: true },
  StagingLost: { retry: false },
  // Neo4j.
  DatabaseUnreachable: { retry: true },
  DatabaseNotFound: { retry: false },
  CredentialsRefused: { retry: false },
  RecoveryNeeded: { retry: false },
  DumpFailed: { retry: true },
  DumpIncomplete: { retry: false },
  CopyFailed: { retry: false },
  SnapshotFailed: { retry: false },
  OnlineBackupFailed: { retry: false },
  LoadFailed: { retry: false },
  CheckFailed: { retry: false },
  CountsDisagree: { retry: false },
  VersionMismatch: { retry: false },
  RestoreFailed: { retry: false },
  NothingToUndo: { retry: false },
  // Qdrant.
  QdrantUnreachable: { retry: true },
  QdrantUnauthorized: { retry: false },
  QdrantForbidden: { retry: false },
  QdrantRefused: { retry: false },
  QdrantUploadTooLarge: { retry: false },
  QdrantFailed: { retry: true },
  QdrantOutOfSpace: { retry: false },
  CollectionNotFound: { retry: false },
  SnapshotNotFound: { retry: false },
  SnapshotIncomplete: { retry: true },
  // Repositories, sets and artifacts.
  RepositoryNotFound: { retry: false },
  RepositoryNotWritable: { retry: false },
  RepositoryUnreachable: { retry: true },
  RepositoryAccessDenied: { retry: false },
  RepositoryBusy: { retry: false },
  InsufficientSpace: { retry: false },
  KeyExists: { retry: false },
  KeyNotFound: { retry: false },
  SetNotFound: { retry: false },
  SetPartial: { retry: false },
  SetExpired: { retry: false },
  ManifestInvalid: { retry: false },
  ManifestTooNew: { retry: false },
  ArtifactCorrupt: { retry: false },
  ChecksumMismatch: { retry: false },
  RecipientInvalid: { retry: false },
  DecryptionFailed: { retry: false },
  IdentityMissing: { retry: false },
  VerificationFailed: { retry: false },
  ReplicationFailed: { retry: false },
  DrillFailed: { retry: false },
  BackupFailed: { retry: false },
  // Fleets.
  FleetFailed: { retry: false },
  NotificationFailed: { retry: true },
  NotificationRefused: { retry: false },
  HostUnreachable: { retry: false },
} as const satisfies Record<string, { retry: boolean }>;

/** The name of one kind of failure. */
export type FailureType = keyof typeof FAILURES;

/** The types for which trying again can not help. */
export const NON_RETRYABLE: readonly FailureType[] = (Object.keys(FAILURES) as FailureType[]).filter(
  (type) => !FAILURES[type].retry,
);

/**
 * An error of Lifeboat's own: a type from {@link FAILURES} and a full sentence that names the object and says what to do.
 * What it quotes of others' texts can give no terminal an order. It knows nothing of Temporal; activities turn it into an `ApplicationFailure` of the same type.
 */
export class LifeboatError extends Error {
  override readonly name = 'LifeboatError';
  readonly type: FailureType;
  /** Small facts for programs (never secrets), kept in the failure's details. */
  readonly details: Record<string, unknown> | undefined;

  constructor(
    type: FailureType,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(printable(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.type = type;
    this.details = options.details;
  }

  /** Whether trying again may help. */
  get retryable(): boolean {
    return FAILURES[this.type].retry;
  }
}

/** The text of anything that was thrown, with the texts of its causes that add something. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  if (error.cause === undefined) return own;
  const cause = messageOf(error.cause);
  return own.includes(cause) ? own : `${own} (${cause})`;
}
