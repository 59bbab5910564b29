import type { Command } from 'commander';
import { runs } from '../command.ts';
import { type Check, type Finding, failed } from '../doctor/check.ts';
import { configChecks } from '../doctor/config-checks.ts';
import { engineChecks } from '../doctor/engine-checks.ts';
import { repositoryChecks } from '../doctor/repository-checks.ts';
import { temporalChecks } from '../doctor/temporal-checks.ts';
import { EXIT } from '../exit-code.ts';
import { mark } from '../terminal.ts';

/** `doctor`: looks at everything that a backup needs, and says what to do. */
export function addDoctorCommand(program: Command): void {
  const doctor = program
    .command('doctor')
    .description(
      'check Docker, Temporal, the services, the repositories, disk and clock, and say what to do',
    );
  runs(doctor, async ({ session, terminal }) => {
    const findings: Finding[] = [];
    const config = await session.config();
    const groups: Check[][] = [
      configChecks(config),
      engineChecks(config),
      repositoryChecks(config, await session.repositories('all')),
      temporalChecks(config, () => session.temporal()),
    ];
    for (const check of groups.flat()) {
      const found = await check.look().catch((error: unknown) => [failed(check.subject, error)]);
      findings.push(...found);
      for (const finding of found) {
        terminal.note(`${mark(finding.state)} ${finding.subject}: ${finding.message}`);
        if (finding.advice !== undefined) terminal.note(`     → ${finding.advice}`);
      }
    }
    const bad = findings.filter(({ state }) => state === 'fail').length;
    const warned = findings.filter(({ state }) => state === 'warn').length;
    terminal.result({ ok: bad === 0, findings }, () =>
      bad + warned === 0 ? 'All is well.' : `${bad} must be mended, ${warned} should be looked at.`,
    );
    return bad === 0 ? EXIT.ok : EXIT.failed;
  });
}
