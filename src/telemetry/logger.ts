import pino, { type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { redactText } from '../model/notification.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface LoggerOptions {
  /** Values that may stand in no line: the configuration's secrets. Asked for each line. */
  secrets?: () => readonly string[];
  /** Lines for people instead of JSON. Default: when the standard error output is a terminal. */
  pretty?: boolean;
  /** Where lines go. Default: the standard error output. */
  destination?: DestinationStream;
}

/** Deeper objects than this are cut: a log line is no place for a structure. */
const DEPTH = 8;

/** Names of fields whose value is a secret whatever it looks like. */
const SECRET_KEY =
  /^(password|passphrase|secret|token|api_?key|authorization|cookie|identit(y|ies)|secret_?access_?key)$/i;

/** A logger that writes one JSON object a line, without secrets in messages, fields and errors. */
export function createLogger(level: LogLevel, options: LoggerOptions = {}): Logger {
  const secrets = options.secrets ?? (() => []);
  const wantsPretty = options.pretty ?? (options.destination === undefined && process.stderr.isTTY === true);
  const plain = options.destination ?? pino.destination({ dest: 2, sync: true });
  const stream = wantsPretty ? pretty({ destination: options.destination ?? 2, sync: true }) : plain;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // The last step before a line leaves, so that nothing goes past it: not an error's text, not a child's fields.
      hooks: {
        streamWrite: (line) => `${JSON.stringify(withoutSecrets(JSON.parse(line), secrets(), DEPTH))}\n`,
      },
    },
    stream,
  );
}

function withoutSecrets(value: unknown, secrets: readonly string[], depth: number): unknown {
  if (typeof value === 'string') return redactText(value, secrets);
  if (value === null || typeof value !== 'object') return value;
  if (depth === 0) return '[…]';
  if (Array.isArray(value)) return value.map((inner) => withoutSecrets(inner, secrets, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_KEY.test(key) ? '[secret]' : withoutSecrets(inner, secrets, depth - 1),
    ]),
  );
}
