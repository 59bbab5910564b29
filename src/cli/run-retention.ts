import type { Connection } from '@temporalio/client';
import { msNumberToTs, optionalTsToMs } from '@temporalio/common/lib/time.js';

/** How long a server that Lifeboat sets up keeps runs that are over (hours), for the status page's calendar: as `deploy/temporal/create-namespace.sh`. */
export const RUNS_KEPT_HOURS = 2400;

const HOUR = 3_600_000;

/** What of a Temporal server's API is used here. */
export type Namespaces = Pick<Connection['workflowService'], 'describeNamespace' | 'updateNamespace'>;

/**
 * Let a namespace keep its runs for at least {@link RUNS_KEPT_HOURS}: the development server makes one that forgets them after a day, and has no
 * option for it. Longer stays as it is.
 */
export async function keepRuns(server: Namespaces, namespace: string): Promise<void> {
  const { config } = await server.describeNamespace({ namespace });
  if ((optionalTsToMs(config?.workflowExecutionRetentionTtl) ?? 0) >= RUNS_KEPT_HOURS * HOUR) return;
  const workflowExecutionRetentionTtl = msNumberToTs(RUNS_KEPT_HOURS * HOUR);
  await server.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
}
