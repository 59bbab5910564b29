import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { HISTORIES, storedHistories } from '../histories.ts';
import { replayFailure } from '../replay.ts';
import type { Scene } from './scene.ts';
import { asText, type RecordedHistory, scrub, shapeOf } from './scrub.ts';

/** Real operations, whose runs and all their children are recorded. */
export interface Scenario {
  /** As in the names of its histories. */
  name: string;
  /** What is shown of it; it can be played alone, and after any other. */
  play(scene: Scene): Promise<WorkflowHandle | WorkflowHandle[]>;
}

/**
 * The folder of the version that is being worked on. Histories of released versions stay as they are: runs of those may be open
 * when somebody upgrades.
 * @throws when the version in package.json is released already.
 */
function folderOfThisVersion(): string {
  const file = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  const { version } = JSON.parse(file('package.json')) as { version: string };
  const released = file('CHANGELOG.md')
    .split('\n')
    .some((line) => /^## /.test(line) && line.includes(version));
  if (released) {
    throw new Error(
      `${version} is released, and its histories stay: raise the version in package.json first.`,
    );
  }
  return join(HISTORIES, version);
}

/** Play a scenario, and write its histories in the place of what it had left for this version. Answers the names of the files. */
export async function recordScenario(scene: Scene, { name, play }: Scenario): Promise<string[]> {
  const folder = folderOfThisVersion();
  const played = [await play(scene)].flat();
  const runs = await withDescendants(scene, played);
  for (const file of globSync(`${name}.*.json`, { cwd: folder })) rmSync(join(folder, file));
  const known = new Set(storedHistories().map(({ history }) => shapeOf(history)));
  const written: string[] = [];
  for (const { type, asked, history } of runs) {
    const shape = shapeOf(history);
    // A child that does what another recorded one did already shows nothing new.
    if (!asked && known.has(shape)) continue;
    known.add(shape);
    const failure = await replayFailure(history);
    if (failure) throw new Error(`What was just recorded of ${name} (${type}) does not replay: ${failure}`);
    const count = written.filter((file) => file.startsWith(`${type}`)).length;
    const file = `${name}.${type}${count > 0 ? `.${count + 1}` : ''}.json`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file), asText(history));
    written.push(file.slice(name.length + 1));
  }
  return written;
}

interface Run {
  type: string;
  /** It was started by the scenario itself. */
  asked: boolean;
  history: RecordedHistory;
}

async function withDescendants(scene: Scene, played: WorkflowHandle[]): Promise<Run[]> {
  const { client } = scene.lifeboat;
  const runs: Run[] = [];
  const visit = async (handle: WorkflowHandle, asked: boolean): Promise<void> => {
    // A child may outlive its parent: what it did is known when it has ended.
    await handle.result().catch(() => undefined);
    const { type, workflowId } = await handle.describe();
    const history = await handle.fetchHistory();
    runs.push({ type, asked, history: scrub(history, workflowId, scene.replacements, scene.forbidden) });
    for (const { childWorkflowExecutionStartedEventAttributes: child } of history.events ?? []) {
      const { workflowId: id, runId } = child?.workflowExecution ?? {};
      if (id && runId) await visit(client.workflow.getHandle(id, runId), false);
    }
    const next = history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    if (next) await visit(client.workflow.getHandle(workflowId, next), asked);
  };
  for (const handle of played) {
    const { workflowId, firstExecutionRunId } = handle as WorkflowHandleWithFirstExecutionRunId;
    // A handle of a whole chain of runs gives the last one.
    const first = firstExecutionRunId && client.workflow.getHandle(workflowId, firstExecutionRunId);
    await visit(first || handle, true);
  }
  return runs;
}
