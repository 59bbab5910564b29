import type { LabelledContainer } from '../../config/labels.ts';
import { asking, type Engine } from './engine.ts';

/**
 * Every container that says something about Lifeboat by `lifeboat.enable`, running or not.
 * @param signal ends the asking.
 * @throws {LifeboatError} `EngineUnreachable`, `EngineRefused`.
 */
export async function labelledContainers(engine: Engine, signal?: AbortSignal): Promise<LabelledContainer[]> {
  const listed = await asking('list labelled containers', () =>
    engine.listContainers({
      all: true,
      filters: JSON.stringify({ label: ['lifeboat.enable'] }),
      ...(signal ? { abortSignal: signal } : {}),
    }),
  );
  return listed.map(({ Id, Names, Labels }) => ({ id: Id, name: Names[0] ?? Id, labels: Labels }));
}
