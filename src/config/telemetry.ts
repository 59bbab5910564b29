import { z } from 'zod';
import { section } from './section.ts';
import { duration, name } from './values.ts';

const port = z
  .number({ error: 'must be a port from 0 to 65535' })
  .int('must be a port from 0 to 65535')
  .min(0, 'must be a port from 0 to 65535')
  .max(65_535, 'must be a port from 0 to 65535');

/** `telemetry`: metrics, health and log lines. */
export const telemetrySchema = section({
  enabled: z
    .boolean({ error: 'must be true or false' })
    .default(true)
    .meta({ description: 'Serve /metrics, /healthz and /readyz.' }),
  host: z.string().min(1).default('127.0.0.1').meta({
    description: 'Address to listen on. Nothing served there is secret, and nothing asks for a password.',
  }),
  port: port.default(9464).meta({ description: '0 takes any free one.' }),
  refresh: duration({ min: '5s', max: '1d' }).default(60_000).meta({
    description: 'How often the repositories are looked at for metrics and the status page. Default: 60s.',
  }),
  temporalMetrics: z
    .string()
    .regex(/^[^\s/:]+:\d+$|^\[[0-9a-f:]+\]:\d+$/i, 'must be host:port, such as 127.0.0.1:9465')
    .optional()
    .meta({ description: 'Where the Temporal SDK serves its own metrics, which /metrics then adds.' }),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'])
    .default('info')
    .meta({ description: 'Log lines are JSON on the standard error output.' }),
});

/** Metrics, health and log lines, resolved. */
export interface TelemetryConfig {
  enabled: boolean;
  host: string;
  port: number;
  /** How often the repositories are looked at (milliseconds). */
  refreshMs: number;
  /** host:port at which the Temporal SDK serves its own metrics. */
  temporalMetrics?: string;
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
}

/** `telemetry`, resolved. */
export function buildTelemetry(file: z.infer<typeof telemetrySchema>): TelemetryConfig {
  const { refresh, temporalMetrics, ...rest } = file;
  return { ...rest, refreshMs: refresh, ...(temporalMetrics && { temporalMetrics }) };
}

const objective = {
  rpo: duration({ min: '1m', max: '3650d' }).optional().meta({
    description: 'How old the last good set may get before it is called stale. Default: 26h.',
  }),
  rto: duration({ min: '1m', max: '3650d' })
    .optional()
    .meta({ description: 'How long a restore may take. Default: none.' }),
  verifiedWithin: duration({ min: '1m', max: '3650d' }).optional().meta({
    description: 'How old the last set that was verified or drilled may get. Default: none.',
  }),
};

/** `objectives`: what is promised, for all services and for some. */
export const objectivesSchema = section({
  ...objective,
  remind: duration({ min: '1m', max: '365d' })
    .default(86_400_000)
    .meta({ description: 'A stale service is told of again after this long. Default: a day.' }),
  services: z.record(name, section(objective)).default({}).meta({ description: 'By service.' }),
});

/** What is promised for one service (milliseconds). */
export interface Objective {
  rpoMs: number;
  rtoMs?: number;
  verifiedWithinMs?: number;
}

export interface Objectives {
  remindMs: number;
  /** For services that have none of their own. */
  general: Objective;
  services: Record<string, Objective>;
}

/** 26 hours: a daily backup and two hours for it to run. */
export const DEFAULT_RPO_MS = 26 * 3_600_000;

/** `objectives`, resolved. */
export function buildObjectives(file: z.infer<typeof objectivesSchema>): Objectives {
  type Given = { rpo?: number | undefined; rto?: number | undefined; verifiedWithin?: number | undefined };
  const over = (given: Given, base: Objective): Objective => ({
    ...base,
    ...(given.rpo !== undefined && { rpoMs: given.rpo }),
    ...(given.rto !== undefined && { rtoMs: given.rto }),
    ...(given.verifiedWithin !== undefined && { verifiedWithinMs: given.verifiedWithin }),
  });
  const general = over(file, { rpoMs: DEFAULT_RPO_MS });
  const services = Object.fromEntries(
    Object.entries(file.services).map(([service, given]) => [service, over(given, general)]),
  );
  return { remindMs: file.remind, general, services };
}

/** What is promised for a service. */
export const objectiveOf = (objectives: Objectives, service: string): Objective =>
  objectives.services[service] ?? objectives.general;
