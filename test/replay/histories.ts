import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RecordedHistory } from './recording/scrub.ts';

/** Where recorded histories are, in a folder a version of Lifeboat: `<version>/<scenario>.<workflow type>.json`. */
export const HISTORIES = fileURLToPath(new URL('./histories', import.meta.url));

/** The task queue under which all histories are written: ids of locks name it. */
export const RECORDED_QUEUE = 'lifeboat-recorded';

export interface StoredHistory {
  /** `<version>/<scenario>.<workflow type>`. */
  name: string;
  version: string;
  scenario: string;
  type: string;
  history: RecordedHistory;
}

/** Every recorded history of every version, in the order of their names. */
export function storedHistories(): StoredHistory[] {
  return globSync('*/*.json', { cwd: HISTORIES })
    .sort()
    .map((file) => {
      const version = dirname(file);
      const [scenario = '', type = ''] = basename(file, '.json').split('.');
      const history = JSON.parse(readFileSync(join(HISTORIES, file), 'utf8')) as RecordedHistory;
      return { name: `${version}/${basename(file, '.json')}`, version, scenario, type, history };
    });
}
