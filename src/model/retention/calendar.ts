import { DateTime } from 'luxon';

/** A span of the calendar of which retention keeps one set. */
export type Period = 'hour' | 'day' | 'week' | 'month' | 'year';

/**
 * The hour, day, ISO week, month or year of a moment (epoch milliseconds) in a time zone. Hours carry their offset, so that the
 * two hours of the same name at the end of daylight saving are two.
 */
export function calendarBucket(time: number, period: Period, zone: string): string {
  const local = DateTime.fromMillis(time, { zone });
  switch (period) {
    case 'hour':
      return local.toFormat("yyyy-MM-dd'T'HHZZ");
    case 'day':
      return local.toFormat('yyyy-MM-dd');
    case 'week':
      return local.toFormat("kkkk-'W'WW");
    case 'month':
      return local.toFormat('yyyy-MM');
    case 'year':
      return local.toFormat('yyyy');
  }
}
