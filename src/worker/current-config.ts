import type { Engine } from '../adapters/docker/engine.ts';
import { labelledContainers } from '../adapters/docker/labelled-containers.ts';
import type { Config } from '../config/config.ts';
import { withLabelledServices } from '../config/labels.ts';
import { watchConfig } from '../config/watch.ts';
import { messageOf } from '../model/failures.ts';

/** How often the engine is asked for containers that declare themselves by labels (milliseconds). */
const LOOK_EVERY = 20_000;

/** The configuration in force: the file's last good state, and the services that labels add. */
export interface CurrentConfig {
  get(): Config;
  close(): void;
}

/**
 * Follow the file and the labels. What is bad changes nothing: the last good configuration stays in force, and `say` is told.
 * @param say `error` for what keeps the last good configuration, `info` for a change that took effect.
 */
export async function followConfig(
  first: Config,
  engine: Engine,
  say: { info(text: string): void; error(text: string): void },
): Promise<CurrentConfig> {
  let labelled: Config = first;
  let complained = '';
  const watched = first.file
    ? watchConfig(first, {
        // What is said to be in force is.
        onChange: () => void look().then(() => say.info(`The configuration ${first.file} was read anew.`)),
        onBad: (error) => say.error(messageOf(error)),
      })
    : undefined;
  const look = async () => {
    try {
      labelled = withLabelledServices(
        watched?.current() ?? first,
        await labelledContainers(engine),
        process.env,
      );
      complained = '';
    } catch (error) {
      // An engine that is away is said by every activity that needs it; labels are as they were.
      const text = messageOf(error);
      if (text !== complained) say.error(`The labels of containers are not read: ${text}`);
      complained = text;
      labelled = { ...(watched?.current() ?? first), services: labelled.services };
    }
  };
  await look();
  const timer = setInterval(() => void look(), LOOK_EVERY);
  timer.unref();
  return {
    get: () => labelled,
    close() {
      clearInterval(timer);
      watched?.close();
    },
  };
}
