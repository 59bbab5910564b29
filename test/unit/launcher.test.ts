// needs: nothing
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../../bin/lifeboat', import.meta.url));
let folder: string;

/** The launcher where the package's own Node.js is not installed. */
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-launcher-'));
  await mkdir(join(folder, 'bin'));
  await copyFile(LAUNCHER, join(folder, 'bin/lifeboat'));
});
after(() => rm(folder, { recursive: true }));

/** Run it on a machine whose Node.js says that it is of this version. */
async function withNode(version: string) {
  const path = join(folder, 'path');
  await mkdir(path, { recursive: true });
  await writeFile(
    join(path, 'node'),
    `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; else echo "ran $*"; fi\n`,
  );
  await chmod(join(path, 'node'), 0o755);
  const env = { ...process.env, PATH: `${path}:/usr/bin:/bin` };
  return spawnSync(join(folder, 'bin/lifeboat'), ['list'], { env, encoding: 'utf8' });
}

for (const version of ['v20.19.5', 'v9.0.0', 'unreadable']) {
  test(`Node.js ${version} is refused in a sentence`, async () => {
    const { status, stdout, stderr } = await withNode(version);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`^lifeboat: .*${version}.*needs Node\\.js 24 or later: .*\\n$`));
  });
}

for (const version of ['v24.0.0', 'v26.1.0']) {
  test(`Node.js ${version} runs the command`, async () => {
    const { status, stdout, stderr } = await withNode(version);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^ran --disable-warning=ExperimentalWarning \S+\/src\/cli\.ts list\n$/);
  });
}
