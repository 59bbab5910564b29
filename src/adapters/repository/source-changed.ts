import { LifeboatError } from '../../model/failures.ts';

/** What is to go on with an upload is not what it was begun with: it has to be begun anew. */
export class SourceChanged extends LifeboatError {
  constructor(key: string) {
    super(
      'ChecksumMismatch',
      `What is to be written to "${key}" has changed since its upload began: capture it anew.`,
    );
  }
}
