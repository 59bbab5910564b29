/** How one host came out of a run of the fleet. */
export type HostOutcome =
  | { state: 'ok'; bytes: number; seconds: number }
  /** A set was made, and something is missing from it or from a repository. */
  | { state: 'partial'; bytes: number; seconds: number; message: string }
  /** `unreachable`: no worker of the host took anything; what was started there goes on when one is back. */
  | { state: 'failed' | 'unreachable'; type: string; message: string };

/** A host that is not whole, by name, and why. */
export interface HostTrouble {
  host: string;
  state: 'partial' | 'failed' | 'unreachable';
  /** Absent where a set was made. */
  type?: string;
  message: string;
  /** The host's own run, to look at; absent where none was started. */
  workflowId?: string;
}

/** What a run of the fleet came to so far: small, whatever the number of hosts, because each next run is handed it. */
export interface FleetTally {
  ok: number;
  partial: number;
  failed: number;
  unreachable: number;
  bytes: number;
  /** The longest backups, longest first. */
  slowest: { host: string; seconds: number }[];
  trouble: HostTrouble[];
  /** Names of further hosts in trouble, without the reasons. */
  more: string[];
}

/** Hosts whose trouble is told with its reason. */
export const TOLD = 100;
/** Slowest hosts that are named. */
const SLOWEST = 5;
/** Characters of one host's message. */
const MESSAGE = 300;

export const emptyTally = (): FleetTally => ({
  ok: 0,
  partial: 0,
  failed: 0,
  unreachable: 0,
  bytes: 0,
  slowest: [],
  trouble: [],
  more: [],
});

/** Hosts that came out, in whatever way. */
export const counted = ({ ok, partial, failed, unreachable }: FleetTally): number =>
  ok + partial + failed + unreachable;

/** Write down how a host came out. One that was given up as unreachable and came back after all is counted anew. */
export function record(tally: FleetTally, host: string, outcome: HostOutcome, workflowId?: string): void {
  // Of a further one only the name is known.
  if (tally.more.includes(host)) return;
  forgetUnreachable(tally, host);
  tally[outcome.state] += 1;
  if ('bytes' in outcome) {
    tally.bytes += outcome.bytes;
    tally.slowest = [...tally.slowest, { host, seconds: outcome.seconds }]
      .sort((a, b) => b.seconds - a.seconds)
      .slice(0, SLOWEST);
  }
  if (outcome.state === 'ok') return;
  if (tally.trouble.length >= TOLD) {
    tally.more.push(host);
    return;
  }
  const { message } = outcome;
  tally.trouble.push({
    host,
    state: outcome.state,
    ...('type' in outcome ? { type: outcome.type } : {}),
    message: message.length > MESSAGE ? `${message.slice(0, MESSAGE - 1)}…` : message,
    ...(workflowId === undefined ? {} : { workflowId }),
  });
}

function forgetUnreachable(tally: FleetTally, host: string): void {
  const at = tally.trouble.findIndex((one) => one.host === host && one.state === 'unreachable');
  if (at < 0) return;
  tally.trouble.splice(at, 1);
  tally.unreachable -= 1;
}

/** `9 ok, 1 failed`: without what there is none of. */
export function talliedText(tally: FleetTally): string {
  const parts = (['ok', 'partial', 'failed', 'unreachable'] as const).flatMap((state) =>
    tally[state] > 0 || (state === 'ok' && counted(tally) === 0) ? [`${tally[state]} ${state}`] : [],
  );
  return parts.join(', ');
}

/** What a whole backup of a host answers, as far as the fleet reads it. */
export interface HostBackup {
  state: 'complete' | 'partial';
  repositories: Record<string, string>;
  bytes: number;
  seconds: number;
  failures: { service: string; message: string }[];
}

/** A host's backup → how the host came out: whole only when it is complete and in every repository. */
export function outcomeOfBackup(result: HostBackup): HostOutcome {
  const { bytes, seconds } = result;
  const missing = [
    ...result.failures.map(({ service, message }) => `${service} is missing: ${message}`),
    ...Object.entries(result.repositories).flatMap(([name, state]) =>
      state === 'ok' ? [] : [`The copy in ${name} is ${state}.`],
    ),
  ];
  if (result.state === 'complete' && missing.length === 0) return { state: 'ok', bytes, seconds };
  return { state: 'partial', bytes, seconds, message: missing.join(' ') || 'Its set is partial.' };
}

/** One poller of a task queue, as the server saw it last. */
export interface Seen {
  /** Milliseconds since 1970, by the server's clock; null where it does not say. */
  at: number | null;
}

/**
 * How long ago a worker that lives has polled at most (milliseconds): the server answers each poll within a minute, and then the
 * next one comes at once.
 */
export const POLLS_WITHIN = 75_000;

/** Whether somebody was seen polling a queue lately. `now`: by the server's clock. */
export const isServed = (pollers: readonly Seen[], now: number): boolean =>
  pollers.some(({ at }) => at === null || now - at <= POLLS_WITHIN);
