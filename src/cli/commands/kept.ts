import prettyBytes from 'pretty-bytes';
import type { Context } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';
import { startRun } from '../start-run.ts';
import { table } from '../terminal.ts';

/** What is printed of the result of `kept`. */
interface KeptResult {
  services: {
    service: string;
    kept: { restore: string | null; at: string | null; holds: string[]; bytes: number | null }[];
    problem?: string;
  }[];
}

/** `list --kept`: a worker looks, since only it reaches the volumes of the services. */
export async function listKept(context: Context): Promise<ExitCode> {
  return await startRun<KeptResult>(context, 'kept', {}, {}, keptText);
}

function keptText({ services }: KeptResult): string {
  const rows = services.flatMap(({ service, kept }) =>
    kept.map(({ restore, at, holds, bytes }) => [
      service,
      restore ?? '-',
      at ?? '-',
      holds.join(','),
      bytes === null ? '-' : prettyBytes(bytes),
    ]),
  );
  const unknown = services.flatMap(({ service, problem }) =>
    problem === undefined ? [] : [`What ${service} has kept is not known: ${problem}`],
  );
  if (rows.length === 0)
    return ['No service has kept anything that a restore replaced.', ...unknown].join('\n');
  return [
    table(['SERVICE', 'RESTORE', 'AT', 'HOLDS', 'SIZE'], rows),
    ...unknown,
    'Bring back what the newest restore of these replaced with: lifeboat restore --undo (--service for those of another)',
  ].join('\n');
}
