import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Messages and stack traces of failures become payloads too, which a codec encrypts. The worker and the workflow bundle load this
 * module by its path.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
