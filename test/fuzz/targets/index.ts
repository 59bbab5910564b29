import { COMMAND, COMMAND_LINE } from './command-line.ts';
import { CONFIGURATION } from './configuration.ts';
import { DUMP_WALKER } from './dump.ts';
import { INPUTS } from './inputs.ts';
import { LABELS } from './labels.ts';
import { MANIFEST } from './manifest.ts';
import { REPOSITORY_KEYS } from './repository-keys.ts';
import { RETENTION } from './retention.ts';
import { SNAPSHOT_WALKER } from './snapshot.ts';
import { TEMPLATES } from './templates.ts';

/** Everything of Lifeboat that reads what others wrote. */
export const TARGETS = [
  CONFIGURATION,
  LABELS,
  MANIFEST,
  DUMP_WALKER,
  SNAPSHOT_WALKER,
  RETENTION,
  COMMAND_LINE,
  COMMAND,
  TEMPLATES,
  INPUTS,
  REPOSITORY_KEYS,
];
