import { LifeboatError } from '../../model/failures.ts';

interface ServiceError {
  code?: number | string;
  status?: number;
  response?: { status?: number };
  message?: string;
  errors?: { reason?: string }[];
}

/** The HTTP status of an answer of Google Cloud Storage; 0 for an error without one. */
export function gcsStatus(error: unknown): number {
  const { code, status, response } = (error ?? {}) as ServiceError;
  return [code, status, response?.status].map(Number).find(Number.isInteger) ?? 0;
}

/** What an error of Google Cloud Storage means to a person. Errors that are none of its own are passed on as they are. */
export function gcsFailure(
  error: unknown,
  repository: { name: string; location: string },
  doing: string,
): unknown {
  if (error instanceof LifeboatError || (error as Error).name === 'AbortError') return error;
  const status = gcsStatus(error);
  const { code, message = '', errors } = error as ServiceError;
  const name = `repository "${repository.name}" (${repository.location})`;
  const failure = (type: ConstructorParameters<typeof LifeboatError>[0], text: string) =>
    new LifeboatError(type, text, { cause: error, details: { status, reason: errors?.[0]?.reason } });
  if (status === 404) {
    return failure(
      'RepositoryNotFound',
      `The bucket of the ${name} does not exist, or ${doing} found nothing there: create the bucket, or correct bucket and endpoint.`,
    );
  }
  if (/Could not load the default credentials|invalid_grant|DECODER routines|private key/i.test(message)) {
    return failure(
      'RepositoryAccessDenied',
      `No valid credentials were found for the ${name}: set credentials to the JSON of a service account's key, or give the worker a role.`,
    );
  }
  if (status === 401 || status === 403) {
    return failure(
      'RepositoryAccessDenied',
      `The credentials of the ${name} do not allow ${doing}: give the service account that right on the bucket, or use another.`,
    );
  }
  if (status === 400) {
    return failure('InvalidConfiguration', `The ${name} refuses ${doing}: check its bucket and endpoint.`);
  }
  return failure(
    'RepositoryUnreachable',
    `The ${name} did not do this: ${doing} (${code ?? (status || 'no answer')}). It is tried again; if it lasts, check the endpoint, the network and the store's own state.`,
  );
}
