import type { Arbitrary } from 'fast-check';
import { LifeboatError } from '../../src/model/failures.ts';

/** How one input was met. */
export type Reception = 'taken' | 'refused';

/** Something of Lifeboat that reads what others wrote. */
export interface Target<Input = unknown> {
  name: string;
  /** What it reads, and what is done to it, for the table in docs/reliability.md. */
  what: string;
  /** How many inputs stand for one of the runs that are asked for; less than 1 for what takes long. Default 1. */
  share?: number;
  inputs(sandbox: string): Arbitrary<Input>;
  /**
   * Read one input.
   * @param sandbox the one folder where something may be written.
   * @throws whatever is no plain refusal.
   */
  read(input: Input, sandbox: string): Promise<Reception> | Reception;
}

/** For the list of targets, whose inputs differ. */
export const target = <Input>(one: Target<Input>): Target => one as unknown as Target;

/** The longest message that a refusal may have (characters): Temporal, logs and people have to bear it. */
const LONGEST_MESSAGE = 64 * 1024;

/** Call something that may refuse its input, but only as Lifeboat refuses. */
export async function receptionOf(call: () => unknown): Promise<Reception> {
  try {
    await call();
    return 'taken';
  } catch (error) {
    requireSentence(error);
    return 'refused';
  }
}

function requireSentence(error: unknown): asserts error is LifeboatError {
  if (!(error instanceof LifeboatError)) throw error;
  const { message } = error;
  const wrong =
    message.length > LONGEST_MESSAGE
      ? `is ${message.length} characters long`
      : !/^\P{Ll}/u.test(message) || message.split(' ').length < 3
        ? 'is no sentence'
        : /\[object Object\]|\n {4}at /.test(message)
          ? 'shows the inside of the program'
          : undefined;
  if (wrong) throw new Error(`The refusal ${wrong}: ${message.slice(0, 500)}`, { cause: error });
}
