import { createWriteStream } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readFileFrom } from '../../src/adapters/docker/archive.ts';
import type { Engine } from '../../src/adapters/docker/engine.ts';

/** What the wrapped neo4j-admin does when it is asked to dump. */
export type AdminMode = 'real' | 'fail' | 'slow' | 'truncate' | 'unclean';

/** A neo4j-admin that can be told to misbehave; mounted over the image's own. */
export interface AdminWrapper {
  binds: string[];
  set(mode: AdminMode): Promise<void>;
}

const ADMIN = '/var/lib/neo4j/bin/neo4j-admin';
/** Under its own name: a launcher may go by it. */
const REAL = '/lifeboat-test/real/neo4j-admin';

const SCRIPT = `#!/bin/bash
mode=$(cat /lifeboat-test/mode 2>/dev/null)
real() { ${REAL} "$@"; }
case "$*" in
  *dump*)
    case "$mode" in
      fail) echo "Failed to dump database: the test says so"; exit 1 ;;
      unclean) echo "Active logical log detected, this might be a source of inconsistencies."; exit 1 ;;
      slow) sleep 5; real "$@"; exit $? ;;
      truncate)
        real "$@" || exit $?
        for word in "$@"; do case "$word" in --to-path=*) for file in "\${word#--to-path=}"/*.dump; do
          size=$(stat -c %s "$file"); head -c $((size - 200)) "$file" > "$file.cut"; mv "$file.cut" "$file"
        done;; esac; done
        exit 0 ;;
    esac ;;
esac
exec ${REAL} "$@"
`;

/** Put the wrapper and a copy of the image's own program into a directory, and say how to mount them. */
export async function wrapAdmin(engine: Engine, image: string, directory: string): Promise<AdminWrapper> {
  const at = join(directory, 'admin');
  await mkdir(join(at, 'real'), { recursive: true, mode: 0o755 });
  await chmod(directory, 0o755);
  const carrier = await engine.createContainer({ Image: image, Cmd: ['true'] });
  try {
    await pipeline(
      await readFileFrom(engine, carrier.id, ADMIN),
      createWriteStream(join(at, 'real', 'neo4j-admin'), { mode: 0o755 }),
    );
  } finally {
    await carrier.remove({ force: true, v: true });
  }
  await writeFile(join(at, 'wrapper'), SCRIPT, { mode: 0o755 });
  const set = async (mode: AdminMode) => await writeFile(join(at, 'mode'), mode, { mode: 0o644 });
  await set('real');
  return {
    binds: [`${at}/wrapper:${ADMIN}:ro`, `${at}:/lifeboat-test:ro`],
    set,
  };
}
