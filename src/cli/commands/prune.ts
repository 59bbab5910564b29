import type { Command } from 'commander';
import prettyBytes from 'pretty-bytes';
import { lookAtSets } from '../../adapters/repository/catalog.ts';
import type { Config } from '../../config/config.ts';
import { policyFor } from '../../config/retention.ts';
import { LifeboatError } from '../../model/failures.ts';
import { retentionSetOf } from '../../model/retention/retention-set.ts';
import { planRetention, type RetentionPlan } from '../../model/retention.ts';
import { type Context, confirmed, following, runs } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { startRun } from '../start-run.ts';
import { table } from '../terminal.ts';
import { resultText } from './runs.ts';

interface PruneOptions {
  repository?: string;
  dryRun?: boolean;
  detach?: boolean;
}

interface RepositoryPlan {
  repository: string;
  plan: RetentionPlan;
  /** Sets whose manifest can't be read: they are never deleted. */
  unreadable: string[];
}

/** `prune`: shows what retention would do, asks, and starts the run that does it. */
export function addPruneCommand(program: Command): void {
  const prune = following(program.command('prune'))
    .description('delete the sets that retention lets go; says why for each one, and asks first')
    .option('-r, --repository <name>', 'only in this repository (default: all)')
    .option('--dry-run', 'say what would be deleted and why, and delete nothing')
    .option('-y, --yes', 'do not ask');
  runs(prune, async (context, options: PruneOptions) => {
    const { terminal } = context;
    const plans = await planPrune(context, options.repository);
    if (options.dryRun) {
      terminal.result({ dryRun: true, repositories: plans }, () => plansText(plans));
      return EXIT.ok;
    }
    terminal.note(plansText(plans));
    const count = plans.reduce((sum, { plan }) => sum + plan.expire.length, 0);
    if (count > 0)
      await confirmed(context, `This deletes ${count === 1 ? 'one set' : `${count} sets`} for good. Go on?`);
    const repository = options.repository === 'all' ? undefined : options.repository;
    return await startRun(context, 'prune', { repository }, options, resultText);
  });
}

async function planPrune({ session }: Context, named: string | undefined): Promise<RepositoryPlan[]> {
  const config = await session.config();
  const retention = retentionOf(config);
  const plans: RepositoryPlan[] = [];
  for (const repository of await session.repositories(named ?? 'all')) {
    const seen = await lookAtSets(repository, {}, (one) => ({
      set: one.set,
      facts: 'manifest' in one ? retentionSetOf(one.manifest, one) : undefined,
    }));
    const unreadable = seen.flatMap(({ set, facts }) => (facts ? [] : [set]));
    const sets = seen.flatMap(({ facts }) => facts ?? []);
    const plan = planRetention(sets, policyFor(retention, repository.name), new Date());
    plans.push({ repository: repository.name, plan, unreadable });
  }
  return plans;
}

function retentionOf(config: Config): NonNullable<Config['retention']> {
  if (config.retention) return config.retention;
  throw new LifeboatError(
    'InvalidConfiguration',
    'There is no retention in the configuration, so every set stays. Say what stays, for example: retention: { keepDaily: 7, keepWeekly: 4, keepMonthly: 12 }',
  );
}

const plansText = (plans: RepositoryPlan[]): string =>
  plans
    .map(({ repository, plan, unreadable }) => {
      const freed = plan.expire.reduce((sum, { set }) => sum + set.bytes, 0);
      const rows = [
        ...plan.keep.map(({ set, reasons }) => ['keep', set.id, prettyBytes(set.bytes), reasons.join(', ')]),
        ...plan.expire
          .toReversed()
          .map(({ set, reason }) => ['delete', set.id, prettyBytes(set.bytes), reason]),
        ...unreadable.map((set) => ['keep', set, '', 'its manifest can not be read']),
      ];
      const title = `${repository}: ${plan.keep.length} stay, ${plan.expire.length} leave (${prettyBytes(freed)})`;
      return rows.length === 0 ? title : `${title}\n${table(['', 'SET', 'SIZE', 'WHY'], rows)}`;
    })
    .join('\n\n');
