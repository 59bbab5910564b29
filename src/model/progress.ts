/** What a running workflow answers to the query `progress`, and shows as its current details. */
export interface Progress {
  /** `planning`, `capturing`, `storing`, `committing`, `replicating`, `done`, … */
  phase: string;
  set?: string;
  services: ServiceProgress[];
  /** What happened so far, one sentence each. */
  lines: string[];
}

/** The phases of a dry run: a question, which counts neither as a success nor as a failure of what was asked about. */
export const DRY_RUN = 'checking';
export const DRY_RUN_ENDED = 'planned';

export interface ServiceProgress {
  service: string;
  step: string;
  /** ISO time at which the step began. */
  since: string;
}

/** What a long activity heartbeats: the whole of it each time, because the last heartbeat replaces the others. */
export interface StepHeartbeat {
  step: string;
  bytes?: number;
  total?: number;
  percent?: number;
  /** What a retry needs to go on. */
  checkpoint?: Record<string, unknown>;
}

/** A size for people: `1.4 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Progress as Markdown for the Temporal UI. */
export function progressMarkdown(progress: Progress): string {
  const table =
    progress.services.length === 0
      ? []
      : [
          '| service | step | since |',
          '| --- | --- | --- |',
          ...progress.services.map(
            ({ service, step, since }) => `| ${service} | ${step} | ${since.slice(11, 19)} |`,
          ),
          '',
        ];
  return [
    `**${progress.phase}**${progress.set ? ` · set \`${progress.set}\`` : ''}`,
    '',
    ...table,
    ...progress.lines.slice(-30).map((line) => `- ${line}`),
  ].join('\n');
}
