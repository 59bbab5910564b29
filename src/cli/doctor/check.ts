import { failureOf } from '../exit-code.ts';

/** One thing that was looked at. */
export interface Finding {
  subject: string;
  state: 'ok' | 'warn' | 'fail';
  message: string;
  /** What to do about it. */
  advice?: string;
}

/** One look; it may find several things. What it throws becomes a failure of its subject. */
export interface Check {
  subject: string;
  look(): Promise<Finding[]>;
}

export const ok = (subject: string, message: string): Finding[] => [{ subject, state: 'ok', message }];

export const warn = (subject: string, message: string, advice: string): Finding[] => [
  { subject, state: 'warn', message, advice },
];

export const fail = (subject: string, message: string, advice: string): Finding[] => [
  { subject, state: 'fail', message, advice },
];

/** Lifeboat's own sentences already say what to do. */
export const failed = (subject: string, error: unknown): Finding => ({
  subject,
  state: 'fail',
  message: failureOf(error).message,
});
