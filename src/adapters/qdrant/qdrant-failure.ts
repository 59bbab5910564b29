import { errors } from 'undici';
import { type FailureType, LifeboatError } from '../../model/failures.ts';

/** What was asked of which server, for the sentence of a failure: `taking a snapshot of "notes"`. */
export interface Asked {
  /** The service's name and its URL. */
  server: string;
  doing: string;
  collection?: string;
  snapshot?: string;
}

const NO_SPACE =
  /no space left|not enough (free )?(disk )?space|disk (is )?full|out of disk|storage (is )?full/i;

/** The failure that an answer other than success means. */
export function refusedAnswer(
  asked: Asked,
  status: number,
  body: string,
  headers: Record<string, string | string[] | undefined> = {},
): LifeboatError {
  const said = sentenceOf(body);
  const heard = `${asked.server} answered ${status} when ${asked.doing}${said ? `: ${said}` : ''}`;
  const fail = (type: FailureType, advice: string): LifeboatError => {
    const retryAfter = Number(headers['retry-after']);
    const wait = Number.isFinite(retryAfter) ? { retryAfterSeconds: retryAfter } : {};
    return new LifeboatError(type, `${stopped(heard)} ${advice}`, { details: { status, ...wait } });
  };
  if (status === 401)
    return fail('QdrantUnauthorized', 'Set the API key of this server in the configuration (apiKeyFile).');
  // A key without the rights is refused with no advice, a request that the strict mode of a collection forbids with some: by 403, or by 400.
  if ((status === 400 || status === 403) && / Help: /.test(said))
    return fail(
      'QdrantRefused',
      'The strict mode of the collection forbids it: raise that limit in its strict_mode_config.',
    );
  if (status === 403)
    return fail('QdrantForbidden', 'Use an API key with manage access; a read-only key is not enough.');
  if (status === 404) {
    if (/^Not found: Snapshot/i.test(said))
      return fail('SnapshotNotFound', 'It was deleted, or it was taken on another node.');
    if (/^Not found: Collection/i.test(said))
      return fail('CollectionNotFound', 'Look at the names with GET /collections; it may have been dropped.');
    return fail('QdrantRefused', 'Check that the URL is that of a Qdrant server of version 1.9.3 or later.');
  }
  if (status === 413)
    // Of the server or a proxy, not of the snapshot.
    return fail(
      'QdrantUploadTooLarge',
      'The upload is larger than the server, or a proxy before it, takes: raise its limit (nginx: client_max_body_size; Qdrant: service.max_request_size_mb).',
    );
  if (status === 507 || (status >= 500 && NO_SPACE.test(said)))
    return fail(
      'QdrantOutOfSpace',
      'Free space in its storage and snapshots directories, then run it again.',
    );
  if (status === 408 || status === 429 || status >= 500)
    return fail('QdrantFailed', "Look into the server's log when it goes on.");
  return fail('QdrantRefused', 'What was asked can not work on this server as it is.');
}

/** The failure that an error of the connection means; an abort stays what it is. */
export function brokenConnection(asked: Asked, error: unknown): unknown {
  if (error instanceof LifeboatError || (error as Error)?.name === 'AbortError') return error;
  const late =
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError;
  const what = late ? 'does not answer in time' : 'can not be reached';
  return new LifeboatError(
    'QdrantUnreachable',
    `${asked.server} ${what} when ${asked.doing}. Check that it runs and that the URL is right.`,
    { cause: error },
  );
}

/** The words of an error: the server's own envelope, or the plain text of a proxy, shortened. */
function sentenceOf(body: string): string {
  try {
    const { status } = JSON.parse(body) as { status?: { error?: unknown } | string };
    if (typeof status === 'object' && typeof status.error === 'string') return status.error.slice(0, 500);
  } catch {
    // Not the envelope.
  }
  return body.startsWith('<') ? '' : body.trim().slice(0, 300);
}

function stopped(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
