import { LifeboatError } from '../../model/failures.ts';

/** What the S3 client's errors tell, as far as it matters here. */
interface ServiceError {
  name?: string;
  Code?: string;
  code?: string;
  message?: string;
  Region?: string;
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
}

const MISSING_KEY = new Set(['NoSuchKey', 'NotFound']);
const REGION = new Set([
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'IllegalLocationConstraint',
]);
const DENIED = new Set([
  'AccessDenied',
  'AllAccessDisabled',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'CredentialsProviderError',
  'RequestTimeTooSkewed',
]);
const FULL = new Set(['QuotaExceeded', 'XMinioStorageFull', 'XMinioStorageQuotaExceeded', 'StorageFull']);
const WRONG_REQUEST = new Set([
  'InvalidStorageClass',
  'InvalidArgument',
  'InvalidRequest',
  'InvalidBucketName',
  'InvalidEncryptionAlgorithmError',
  'NotImplemented',
  'MethodNotAllowed',
  'KMS.NotFoundException',
  'KMS.DisabledException',
]);
const CERTIFICATE = /CERT|TLS|SELF_SIGNED|UNABLE_TO_VERIFY/;

/** Codes of S3's errors; the SDK puts them in one of several places. */
export const s3Code = (error: unknown): string => {
  const { name, Code, code } = error as ServiceError;
  return [Code, name, code].find((text) => text !== undefined && text !== 'Error') ?? '';
};

const statusOf = (error: unknown): number => (error as ServiceError).$metadata?.httpStatusCode ?? 0;

/** Whether the object (or upload) is not there; a missing bucket is something else. */
export const isMissing = (error: unknown): boolean =>
  MISSING_KEY.has(s3Code(error)) || (statusOf(error) === 404 && s3Code(error) !== 'NoSuchBucket');

/** Whether a conditional write found the key taken. */
export const isTaken = (error: unknown): boolean =>
  s3Code(error) === 'PreconditionFailed' || statusOf(error) === 412;

/** Whether the store keeps the object, or these credentials may not do this. */
export const isDenied = (error: unknown): boolean =>
  statusOf(error) === 403 || ['AccessDenied', 'ObjectLocked', 'InvalidRetention'].includes(s3Code(error));

/** Whether a refused delete is the store's own keeping: AWS itself never refuses a plain delete for that, some servers do. */
export const isKept = (error: unknown): boolean =>
  ['ObjectLocked', 'InvalidRetention'].includes(s3Code(error));

/** What an error of an S3 store means to a person. Errors that are none of its own are passed on as they are. */
export function s3Failure(
  error: unknown,
  repository: { name: string; location: string; region: string },
  doing: string,
): unknown {
  if (error instanceof LifeboatError || (error as Error).name === 'AbortError') return error;
  const code = s3Code(error);
  const status = statusOf(error);
  const name = `repository "${repository.name}" (${repository.location})`;
  const failure = (type: ConstructorParameters<typeof LifeboatError>[0], text: string) =>
    new LifeboatError(type, text, { cause: error, details: { code, status } });
  if (code === 'NoSuchBucket') {
    return failure(
      'RepositoryNotFound',
      `The bucket of the ${name} does not exist: create it, or correct bucket, endpoint and region.`,
    );
  }
  if (REGION.has(code) || status === 301)
    return failure('InvalidConfiguration', wrongRegion(error, name, repository.region));
  if (code === 'InvalidObjectState') {
    return failure(
      'Unsupported',
      `The ${name} keeps this object in an archive class, and ${doing} needs it back first: restore it with the store's own tools, then try again.`,
    );
  }
  if (DENIED.has(code) || status === 401 || status === 403) {
    return failure('RepositoryAccessDenied', denied(code, name, doing));
  }
  if (MISSING_KEY.has(code)) {
    return failure(
      'KeyNotFound',
      `${doing} failed: there is no such object in the ${name}.`.replace(/^./, (first) =>
        first.toUpperCase(),
      ),
    );
  }
  if (FULL.has(code) || status === 507) {
    return failure(
      'InsufficientSpace',
      `There is no space left in the ${name} for ${doing}: free some, prune old sets, or raise its quota.`,
    );
  }
  if (WRONG_REQUEST.has(code)) {
    return failure(
      'InvalidConfiguration',
      `The ${name} refuses ${doing} (${code}): check its storageClass, sse and objectLock against what the server supports.`,
    );
  }
  if (status < 500 && /XML parse error|Deserialization error/.test((error as Error).message)) {
    return failure(
      'InvalidConfiguration',
      `What answers at the endpoint of the ${name} does not speak S3: correct the endpoint.`,
    );
  }
  if (CERTIFICATE.test(code)) {
    return failure(
      'RepositoryUnreachable',
      `The certificate of the ${name} is not trusted (${code}): name its authority's file in NODE_EXTRA_CA_CERTS, or correct the endpoint.`,
    );
  }
  return failure(
    'RepositoryUnreachable',
    `The ${name} did not do this: ${doing} (${[code, status || ''].filter(Boolean).join(' ') || 'no answer'}). It is tried again; if it lasts, check the endpoint, the network and the store's own state.`,
  );
}

function wrongRegion(error: unknown, name: string, configured: string): string {
  const { Region, $response } = error as ServiceError;
  const told = Region ?? $response?.headers?.['x-amz-bucket-region'];
  const right = told && told !== configured ? `is in the region ${told}` : 'is in another region';
  return `The bucket of the ${name} ${right}, not in ${configured}: set region${told ? ` to ${told}` : ''} (or the endpoint of the right region).`;
}

function denied(code: string, name: string, doing: string): string {
  switch (code) {
    case 'InvalidAccessKeyId':
      return `The ${name} does not know the accessKeyId: correct it, or the endpoint.`;
    case 'SignatureDoesNotMatch':
      return `The secretAccessKey of the ${name} is wrong: it does not belong to the accessKeyId.`;
    case 'ExpiredToken':
    case 'InvalidToken':
      return `The sessionToken of the ${name} has expired or is wrong: get a new one.`;
    case 'CredentialsProviderError':
      return `No credentials were found for the ${name}: set accessKeyId and secretAccessKey, or give the worker a role or AWS_* variables.`;
    case 'RequestTimeTooSkewed':
      return `The clock of this machine is too far off for the ${name}: set it right.`;
    default:
      return `The credentials of the ${name} do not allow ${doing}: give them that right, or use others.`;
  }
}
