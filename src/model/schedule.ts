/** The workflows that a schedule can run. */
export type ScheduledWorkflow =
  | 'backup'
  | 'prune'
  | 'verify'
  | 'drill'
  | 'watchdog'
  | 'replicate'
  | 'fleetBackup';

/** The names of months and of days of the week, as Temporal's calendars write them. */
export const MONTHS: readonly string[] =
  'JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER OCTOBER NOVEMBER DECEMBER'.split(' ');
export const DAYS: readonly string[] = 'SUNDAY MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY'.split(' ');

/** One value, name or range of a calendar's field, or a list of those. */
export type CalendarField =
  | number
  | string
  | { start: number | string; end?: number | string; step?: number }
  | (number | string | { start: number | string; end?: number | string; step?: number })[];

/** Times by the fields of a calendar; absent: second, minute and hour 0, and every day, month and year. */
export interface Calendar {
  second?: CalendarField;
  minute?: CalendarField;
  hour?: CalendarField;
  dayOfMonth?: CalendarField;
  month?: CalendarField;
  dayOfWeek?: CalendarField;
  year?: CalendarField;
}

/** When a schedule fires: exactly one of the three. */
export interface Timing {
  /** Five fields each; the day of the month and of the week both have to match, as Temporal reads it. */
  cron?: string[];
  calendar?: Calendar[];
  /** Milliseconds. */
  every?: number;
}

/** A schedule as it is declared in the configuration, every default filled in. Durations are in milliseconds. */
export interface DeclaredSchedule extends Timing {
  name: string;
  workflow: ScheduledWorkflow;
  input: Record<string, unknown>;
  /** IANA name. */
  timezone: string;
  jitter: number;
  overlap: 'skip' | 'bufferOne' | 'bufferAll' | 'cancelOther' | 'allowAll';
  catchupWindow: number;
  paused: boolean;
}
