import assert from 'node:assert/strict';
import { type FailureType, LifeboatError } from '../../src/model/failures.ts';

/** Asserts that a promise fails with this type of `LifeboatError`, in a full sentence, and answers the error. */
export async function failsWith(
  type: FailureType,
  promise: Promise<unknown>,
  message?: RegExp,
): Promise<LifeboatError> {
  let thrown: unknown;
  await assert.rejects(promise, (error) => {
    thrown = error;
    return true;
  });
  if (!(thrown instanceof LifeboatError)) throw thrown;
  assert.equal(thrown.type, type, thrown.message);
  assert.match(thrown.message, /^["A-Z]/);
  if (message) assert.match(thrown.message, message);
  return thrown;
}
