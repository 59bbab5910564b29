import { z } from 'zod';
import { section } from './section.ts';
import { duration, name, size, timezone } from './values.ts';

const keep = (what: string) =>
  z
    .number({ error: 'must be a whole number of sets, 1 or more' })
    .int('must be a whole number of sets, 1 or more')
    .min(0, 'must be a whole number of sets, 1 or more')
    .max(100_000)
    .optional()
    .meta({ description: what });

const keepRules = {
  keepAll: z.boolean({ error: 'must be true or false' }).optional().meta({
    description: 'Keep every set (up to maxAge and maxTotalSize). Says outright that nothing expires.',
  }),
  keepLast: keep('Keep the newest sets, this many.'),
  keepHourly: keep('Keep the newest set of an hour, for this many hours that have one.'),
  keepDaily: keep('Keep the newest set of a day, for this many days that have one.'),
  keepWeekly: keep('Keep the newest set of an ISO week, for this many weeks that have one.'),
  keepMonthly: keep('Keep the newest set of a month, for this many months that have one.'),
  keepYearly: keep('Keep the newest set of a year, for this many years that have one.'),
  keepWithin: duration({ min: '1m', max: '36500d' })
    .optional()
    .meta({ description: 'Keep every set that is at most this much older than the newest one.' }),
  maxAge: duration({ min: '1m', max: '36500d' })
    .optional()
    .meta({ description: 'Expire older sets, whatever the keep rules say; never below the floor.' }),
};

const totalSize = {
  maxTotalSize: size({ min: '1MiB' })
    .optional()
    .meta({ description: 'Expire the oldest sets until the rest is not larger; never below the floor.' }),
};

const floor = {
  minimum: z
    .number({ error: 'must be a whole number, 1 or more' })
    .int('must be a whole number, 1 or more')
    .min(1, 'must be at least 1: the last good set is never deleted')
    .max(1000)
    .optional()
    .meta({ description: 'Good sets of the same services that no rule goes below. Default: 1.' }),
};

/** Rules of one service, which replace the general ones for sets that hold it. */
export const serviceRulesSchema = section(keepRules);

/** Rules of one repository, which replace the general ones there. */
export const repositoryRulesSchema = section({ ...keepRules, ...totalSize, ...floor });

/** `retention`. What any rule keeps stays: the union of them. */
export const retentionSchema = section({
  ...keepRules,
  ...totalSize,
  ...floor,
  timezone: timezone
    .default('UTC')
    .meta({ description: 'The time zone of hours, days, weeks, months and years.' }),
  services: z
    .record(name, serviceRulesSchema)
    .optional()
    .meta({ description: 'Rules by service. A set stays when the rules of any of its services keep it.' }),
  repositories: z
    .record(name, repositoryRulesSchema)
    .optional()
    .meta({ description: 'Rules by repository.' }),
});
export type RetentionInput = z.infer<typeof retentionSchema>;
