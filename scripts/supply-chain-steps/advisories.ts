import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Policy } from './policy.ts';
import { SEVERITIES } from './policy.ts';

/** A known vulnerability of a package, as npm tells it. */
interface Advisory {
  title: string;
  url: string;
  severity: string;
  range: string;
}

/** The part of `npm audit --json` (auditReportVersion 2) that is read; `via` names packages that it comes through, too. */
interface AuditReport {
  vulnerabilities?: Record<string, { via: (string | Advisory)[] }>;
  message?: string;
  error?: { summary?: string; code?: string };
}

/** What came of the question for advisories: not having been answered is no finding, and no clean bill either. */
export type AdvisoryLook =
  | { asked: true; findings: string[]; notes: string[] }
  | { asked: false; why: string };

/** So long (ms) a registry may take; npm's own retries would take minutes where there is no network. */
const PATIENCE_MS = 60_000;

/** Ask the registry what is known of the packages in the lock file, those for development left out. */
export async function lookForAdvisories(
  project: string,
  policy: Policy['advisories'],
  /** The registry's URL. Default: npm's own. */
  registry?: string,
): Promise<AdvisoryLook> {
  const options = [
    '--omit=dev',
    '--json',
    '--package-lock-only',
    '--fetch-retries=0',
    '--fetch-timeout=30000',
  ];
  const child = spawn('npm', ['audit', ...options, ...(registry ? [`--registry=${registry}`] : [])], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: PATIENCE_MS,
  });
  try {
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return readAudit(output, policy);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { asked: false, why: code === 'ENOENT' ? 'there is no npm on this machine' : message };
  }
}

/** Tell findings from accepted ones, and both from an answer that is none. */
export function readAudit(
  output: string,
  { severity, accepted }: Policy['advisories'],
  /** Today (ISO 8601). */
  today = new Date().toISOString().slice(0, 10),
): AdvisoryLook {
  const report = parsed(output);
  if (!report?.vulnerabilities) {
    const why = report?.message ?? report?.error?.summary ?? report?.error?.code ?? 'npm gave no answer';
    return { asked: false, why };
  }
  const bad: readonly string[] = SEVERITIES.slice(SEVERITIES.indexOf(severity));
  const findings: string[] = [];
  const seen = new Set<string>();
  for (const [name, { via }] of Object.entries(report.vulnerabilities)) {
    for (const one of via) {
      if (typeof one === 'string' || !bad.includes(one.severity)) continue;
      const id = one.url.split('/').at(-1) ?? one.url;
      if (seen.has(`${id} ${name}`)) continue;
      seen.add(`${id} ${name}`).add(id);
      const until = accepted[id]?.until;
      if (until !== undefined && today <= until) continue;
      const late = until === undefined ? '' : ` It was accepted until ${until}.`;
      findings.push(`${name} (${one.range}): ${one.title} (${id}, ${one.severity}).${late}`);
    }
  }
  const notes = Object.keys(accepted)
    .filter((id) => !seen.has(id))
    .map((id) => `advisories.accepted names ${id}, which concerns no package any more: remove it.`);
  return { asked: true, findings, notes };
}

function parsed(output: string): AuditReport | undefined {
  try {
    return JSON.parse(output) as AuditReport;
  } catch {
    return undefined;
  }
}
