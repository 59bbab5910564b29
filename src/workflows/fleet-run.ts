import {
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { type FleetTally, type HostOutcome, outcomeOfBackup, record } from '../model/fleet.ts';
import type { BackupInput } from '../model/inputs.ts';
import { hostBackupId, hostQueue } from '../model/names.ts';
import { waiting } from './activity-options.ts';
import { backup } from './backup.ts';
import { causeOf } from './failure.ts';
import type { FleetReport } from './fleet-report.ts';
import { answers, unseenOf } from './host-answers.ts';

/** What one run of a fleet's backup hands to the next: small, whatever the number of hosts that are done. */
export interface FleetState {
  /** When the first run began (ISO 8601). */
  startedAt: string;
  /** The word in the ids of the hosts' own runs. */
  run: string;
  total: number;
  /** Hosts that work at the same time. */
  limit: number;
  /** Hosts that no run has looked at yet. */
  left: string[];
  /** Hosts whose backups an earlier run has started. */
  open: OpenHost[];
  /** Hosts that went away while their backups were under way: those go on when the hosts are back. Absent from runs of older versions. */
  givenUp?: string[];
  tally: FleetTally;
}

export interface OpenHost {
  host: string;
  workflowId: string;
  /** ISO 8601. */
  since: string;
}

/** How long a doubt about a host rests after its worker has answered. */
const REST = '1 minute';

/** The hosts of one run: which may start, which are at work, and which are done with. */
export class FleetRun {
  readonly #state: FleetState;
  readonly #report: FleetReport;
  readonly #input: BackupInput;
  /** Hosts that may start. */
  #ready: string[] = [];
  /** How many hosts are being asked whether they are there. */
  #doubted = 0;
  readonly #open = new Map<string, OpenHost>();
  readonly #done = new Set<string>();
  readonly #givenUp: Set<string>;
  /** Backups of this run that the server has not begun yet: it must not end before them. */
  #beginning = 0;
  /** Each ends with its backup, and never fails. */
  readonly #started: Promise<void>[] = [];

  constructor(state: FleetState, report: FleetReport, input: BackupInput) {
    this.#state = state;
    this.#report = report;
    this.#input = input;
    for (const one of state.open) this.#works(one);
    this.#givenUp = new Set(state.givenUp);
  }

  /** Start the backups of these hosts, never more than the limit at a time; answers when all have begun or are given up. */
  async backUp(hosts: string[]): Promise<void> {
    const earlier = [...this.#open.values()];
    void this.#follow([...earlier, ...this.#backupsOf(this.#givenUp)]).catch(unlessCancelled);
    const unseen = await unseenOf(hosts);
    this.#ready = hosts.filter((host) => !unseen.includes(host));
    void Promise.all(unseen.map((host) => this.#decide(host)))
      .then(() => this.#watch([...earlier.map(({ host }) => host), ...hosts]))
      .catch(unlessCancelled);
    while (true) {
      await condition(
        () =>
          (this.#ready.length > 0 && this.#open.size < this.#state.limit) ||
          (this.#ready.length === 0 && this.#doubted === 0),
      );
      const host = this.#ready.shift();
      if (host === undefined) break;
      this.#started.push(this.#start(host));
    }
    await condition(() => this.#beginning === 0);
  }

  /** Wait until nothing is at work any more. */
  async finish(): Promise<void> {
    await condition(() => this.#open.size === 0);
  }

  openBackups(): OpenHost[] {
    return [...this.#open.values()];
  }

  givenUpHosts(): string[] {
    return [...this.#givenUp];
  }

  /** After a cancel: see that every host's backup has been told. Each gives its services back by itself. */
  async cancelOpen(): Promise<void> {
    await CancellationScope.nonCancellable(async () => {
      const earlier = [...this.#state.open, ...this.#backupsOf(this.#state.givenUp ?? [])].filter(
        ({ host }) => this.#open.has(host) || this.#givenUp.has(host),
      );
      await Promise.allSettled([
        ...this.#started,
        ...earlier.map(({ workflowId }) => getExternalWorkflowHandle(workflowId).cancel()),
      ]);
    });
  }

  async #start(host: string): Promise<void> {
    const workflowId = hostBackupId(host, this.#state.run);
    this.#works({ host, workflowId, since: new Date().toISOString() });
    try {
      this.#beginning += 1;
      const child = await startChild(backup, {
        workflowId,
        taskQueue: hostQueue(host),
        args: [this.#input],
        // It is whole without this run: an end by force, or the next run of this one, leaves it at its work.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        // A host that is gone can't end its backup now, and is not waited for.
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_REQUESTED,
        staticSummary: `Backup of ${host} for ${workflowInfo().workflowId}`,
      }).finally(() => {
        this.#beginning -= 1;
      });
      this.#ends(host, outcomeOfBackup(await child.result()), workflowId);
    } catch (error) {
      if (isCancellation(error) && CancellationScope.current().consideredCancelled) return;
      this.#ends(host, { state: 'failed', ...causeOf(error) }, workflowId);
    }
  }

  #works(one: OpenHost): void {
    this.#open.set(one.host, one);
    this.#report.works(one.host, 'backing up', one.since);
  }

  #ends(host: string, outcome: HostOutcome, workflowId?: string): void {
    this.#open.delete(host);
    this.#givenUp.delete(host);
    this.#done.add(host);
    record(this.#state.tally, host, outcome, workflowId);
    this.#report.ends(host);
    if ('message' in outcome) this.#report.line(`${host}: ${outcome.state}. ${outcome.message}`);
  }

  /** Nobody was seen polling for a host that is to start: its worker is asked, and without an answer nothing is started there. */
  async #decide(host: string): Promise<void> {
    this.#doubted += 1;
    try {
      if (await answers(host)) this.#ready.push(host);
      else this.#giveUp(host);
    } finally {
      this.#doubted -= 1;
    }
  }

  #giveUp(host: string): void {
    this.#ready = this.#ready.filter((one) => one !== host);
    const workflowId = this.#open.get(host)?.workflowId;
    const next = workflowId
      ? `Its backup ${workflowId} goes on when its worker is back.`
      : 'Nothing was started there: start its worker.';
    const message = `No worker serves ${hostQueue(host)}. ${next}`;
    this.#ends(host, { state: 'unreachable', type: 'HostUnreachable', message }, workflowId);
    if (workflowId) this.#givenUp.add(host);
  }

  #backupsOf(hosts: Iterable<string>): Pick<OpenHost, 'host' | 'workflowId'>[] {
    return [...hosts].map((host) => ({ host, workflowId: hostBackupId(host, this.#state.run) }));
  }

  /** What earlier runs have started is followed by an activity, because a child's end is told only to the run that started it. */
  async #follow(open: Pick<OpenHost, 'host' | 'workflowId'>[]): Promise<void> {
    let left = open.map(({ host, workflowId }) => ({ host, workflowId }));
    while (left.length > 0) {
      const ended = await waiting(`Follow ${left.length} backups`).endedBackups({ open: left });
      for (const { host, outcome, workflowId } of ended) this.#ends(host, outcome, workflowId);
      left = left.filter(({ host }) => !ended.some((one) => one.host === host));
    }
  }

  /** Hosts whose workers go away while they are at work, or wait for their turn, are given up one by one. */
  async #watch(all: string[]): Promise<void> {
    while (true) {
      const hosts = all.filter((host) => !this.#done.has(host));
      if (hosts.length === 0) return;
      const look = waiting(`Watch the workers of ${hosts.length} hosts`);
      const unseen = await look.unseenHosts({ hosts, wait: true });
      const doubtful = unseen.filter((host) => !this.#done.has(host));
      const there = await Promise.all(doubtful.map((host) => answers(host)));
      for (const [at, host] of doubtful.entries()) {
        if (!there[at] && !this.#done.has(host)) this.#giveUp(host);
      }
      if (there.includes(true)) await sleep(REST);
    }
  }
}

/** What goes on beside the run ends with it. */
function unlessCancelled(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
