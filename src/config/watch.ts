import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { LifeboatError, messageOf } from '../model/failures.ts';
import type { Config } from './config.ts';
import { type LoadOptions, loadConfig } from './load.ts';

/** An editor writes a file in several steps: look once they are over (milliseconds). */
const SETTLE = 200;

export interface WatchedConfig {
  /** The last good configuration. */
  current(): Config;
  /** Read the file anew at once. Answers whether it is good; a bad one changes nothing. */
  reload(): Promise<boolean>;
  close(): void;
}

export interface WatchOptions extends Omit<LoadOptions, 'file'> {
  /** The file was changed and is good. */
  onChange?: (config: Config) => void;
  /** The file was changed and is bad: the last good configuration stays in force. The sentence says so. */
  onBad?: (error: LifeboatError) => void;
  /** Also reload on SIGHUP. Default true. */
  signals?: boolean;
}

/**
 * Keep the last good configuration in force: the file is read anew when it changes and on SIGHUP, and a bad one changes nothing.
 * @param first what `loadConfig` answered; its `file` is what is watched.
 */
export function watchConfig(first: Config, options: WatchOptions = {}): WatchedConfig {
  const { onChange, onBad, signals = true, ...load } = options;
  const file = first.file as string;
  let config = first;
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<boolean> = Promise.resolve(true);

  const read = async (): Promise<boolean> => {
    try {
      config = await loadConfig({ ...load, file });
      onChange?.(config);
      return true;
    } catch (error) {
      const type = error instanceof LifeboatError ? error.type : 'InvalidConfiguration';
      onBad?.(
        new LifeboatError(type, `The last good configuration stays in force. ${messageOf(error)}`, {
          cause: error,
          ...(error instanceof LifeboatError && error.details && { details: error.details }),
        }),
      );
      return false;
    }
  };
  // One after the other, so that an older reading never replaces a newer one.
  const reload = (): Promise<boolean> => {
    last = last.then(read);
    return last;
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void reload(), SETTLE);
    timer.unref();
  };
  // The folder, because editors and Docker put a new file in the old one's place.
  const watcher = watch(dirname(file), { persistent: false }, (_event, changed) => {
    if (changed === null || changed === basename(file)) soon();
  });
  watcher.on('error', () => watcher.close());
  const hangup = (): void => void reload();
  if (signals) process.on('SIGHUP', hangup);
  return {
    current: () => config,
    reload,
    close() {
      clearTimeout(timer);
      watcher.close();
      process.off('SIGHUP', hangup);
    },
  };
}
