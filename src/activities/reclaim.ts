import { seekContainer } from '../adapters/docker/container.ts';
import { type Interruption, isOurs } from '../adapters/docker/interruption.ts';
import { resumeContainer, startContainer } from '../adapters/docker/lifecycle.ts';
import { isSwapPending } from '../adapters/neo4j/swap.ts';
import type { Neo4jService } from '../config/config.ts';
import type { Dependencies } from './dependencies.ts';
import type { Step } from './step.ts';
import { closeWindow, type Swap } from './windows.ts';

/** What became of a container that a dead run had stopped or paused. */
export type Reclaimed = 'started' | 'was up already' | 'is gone' | 'left to the person who stopped it';

/** Start or resume what the record of a dead run tells of, unless a person has taken over since. The record stays. */
export async function reclaim(
  { config, engine }: Dependencies,
  record: Interruption,
  context: Step,
): Promise<Reclaimed> {
  const service = config().services.find(
    (one): one is Neo4jService => one.kind === 'neo4j' && one.name === record.service,
  );
  const container = await seekContainer(engine, service?.target ?? { container: record.containerId });
  if (!container) return 'is gone';
  if (container.running && !container.paused && !record.restore) return 'was up already';
  // A container that was made anew while its old one was down has never run: it takes the old one's place.
  const recreated = container.id !== record.containerId && container.status === 'created';
  const unsettled = async () => {
    if (!service || !record.restore) return false;
    const about = { service: service.name, runId: context.runId, container };
    return await isSwapPending(engine, about, (JSON.parse(record.restore) as Swap).place);
  };
  // One that was started on new stores in its window has gone down since by itself: times prove nothing there.
  if (!container.running && !isOurs(record, container) && !recreated && !(await unsettled()))
    return 'left to the person who stopped it';
  if (service) await closeWindow(engine, service, context);
  else if (container.paused) await resumeContainer(engine, container.id);
  else await startContainer(engine, container.id);
  return 'started';
}
