/** One thing that has to be so for the worker to be of use. */
export interface HealthCheck {
  name: string;
  /** Answers null when all is well, else what is wrong; may throw instead. */
  check(signal: AbortSignal): string | null | Promise<string | null>;
}

/** What the checks found. */
export interface Health {
  ok: boolean;
  checks: { name: string; ok: boolean; detail?: string }[];
}

/** A check that takes longer counts as failed (milliseconds): whoever asks has a timeout of its own. */
const CHECK_TIMEOUT_MS = 3000;

/** Ask all checks at the same time. Never fails. */
export async function askHealth(checks: readonly HealthCheck[]): Promise<Health> {
  const answers = await Promise.all(
    checks.map(async ({ name, check }) => {
      const detail = await within(CHECK_TIMEOUT_MS, check).catch((error: Error) => error.message);
      return detail === null ? { name, ok: true } : { name, ok: false, detail };
    }),
  );
  return { ok: answers.every(({ ok }) => ok), checks: answers };
}

async function within(milliseconds: number, check: HealthCheck['check']): Promise<string | null> {
  const signal = AbortSignal.timeout(milliseconds);
  const late = Promise.withResolvers<string>();
  const onAbort = () => late.resolve(`no answer within ${milliseconds / 1000} s`);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([Promise.resolve().then(() => check(signal)), late.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
