// needs: nothing
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packRelease, SUMS } from '../../scripts/release-steps/pack.ts';
import { readStatement, sha256 } from '../../scripts/release-steps/provenance.ts';
import { readSource } from '../../scripts/release-steps/source.ts';
import { verifyRelease } from '../../scripts/release-steps/verify.ts';

const has = (program: string): boolean => !spawnSync(program, ['--version']).error;
const withoutGit = has('git') ? false : 'git is not installed';
/** Whether releases can be signed here. */
const signing = has('ssh-keygen');

let scratch: string;
let project: string;

const write = (file: string, value: string | object) =>
  writeFile(join(project, file), typeof value === 'string' ? value : JSON.stringify(value));
const git = (...arguments_: string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...arguments_], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const commit = (): void => {
  git('add', '--all');
  git('commit', '--quiet', '--message', 'a change');
};

const integrity = `sha512-${Buffer.alloc(64, 7).toString('base64')}`;
const own = (version: string) => ({
  name: 'example',
  version,
  license: 'MIT',
  dependencies: { needed: '1.0.0' },
  devDependencies: { tool: '1.0.0' },
});
async function setVersion(version: string): Promise<void> {
  const packages = {
    '': own(version),
    'node_modules/needed': { version: '1.0.0', integrity, dependencies: { '@scope/deep': '1.0.0' } },
    // Development needs it, too: npm's own bill for production lacks such packages.
    'node_modules/@scope/deep': { version: '1.0.0', integrity },
    'node_modules/tool': { version: '1.0.0', integrity, dev: true, dependencies: { '@scope/deep': '1.0.0' } },
  };
  await write('package.json', own(version));
  await write('package-lock.json', {
    name: 'example',
    version,
    lockfileVersion: 3,
    requires: true,
    packages,
  });
}

before(async () => {
  if (withoutGit) return;
  scratch = await mkdtemp(join(tmpdir(), 'lifeboat-release-test-'));
  project = join(scratch, 'project');
  execFileSync('git', ['init', '--quiet', project]);
  await setVersion('1.2.0');
  await write(
    'CHANGELOG.md',
    '# Changelog\n\n## Unreleased\n\n## [1.2.0] - 2026-01-02\n\n- Better.\n\n## 1.1.0\n\n- Old.\n',
  );
  commit();
});
after(async () => {
  if (scratch) await rm(scratch, { recursive: true, force: true });
});

describe('what can be released', { skip: withoutGit }, () => {
  it('is a commit with its version and its notes', async () => {
    const { name, version, notes, commit: id } = await readSource(project, { snapshot: false });
    assert.deepEqual([name, version, notes], ['example', '1.2.0', '- Better.\n']);
    assert.equal(id, git('rev-parse', 'HEAD').toString().trim());
  });

  it('is refused with everything that is missing', async () => {
    await write('left-over.txt', '');
    await write('package.json', own('1.3.0'));
    await write('CHANGELOG.md', '## Unreleased\n\n- More.\n');
    await assert.rejects(readSource(project, { snapshot: false }), (error: Error) => {
      assert.match(error.message, /tree is not clean \(3 files/);
      assert.match(error.message, /package-lock\.json says 1\.2\.0 and package\.json 1\.3\.0/);
      assert.match(error.message, /says nothing under "## 1\.3\.0 - <date>"/);
      assert.match(error.message, /still has entries under "Unreleased"/);
      return true;
    });
    git('checkout', '--quiet', '.');
    git('clean', '--quiet', '--force');
    git('tag', 'v1.2.0');
    await write('later.txt', '');
    commit();
    await assert.rejects(readSource(project, { snapshot: false }), /tag v1\.2\.0 names another commit/);
    git('reset', '--quiet', '--hard', 'v1.2.0');
  });
});

describe('a release', { skip: withoutGit }, () => {
  let whole: string;
  let key: string | undefined;
  let signers: string | undefined;
  const run = { startedOn: new Date(), advisoriesAsked: false };

  before(async () => {
    if (signing) {
      key = join(scratch, 'key');
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
      signers = join(scratch, 'signers');
      await writeFile(signers, `a@example.com ${await readFile(`${key}.pub`, 'utf8')}`);
    }
    whole = join(scratch, 'whole');
    await packRelease(project, await readSource(project, { snapshot: false }), whole, { ...run, key });
  });

  /** A copy, which somebody changes who also writes the sums anew. */
  async function changed(change: (directory: string) => Promise<unknown>): Promise<string> {
    const directory = await mkdtemp(join(scratch, 'changed-'));
    await cp(whole, directory, { recursive: true });
    await change(directory);
    const names = (await readdir(directory)).filter((name) => !name.startsWith(SUMS));
    const line = async (name: string) => `${sha256(await readFile(join(directory, name)))}  ${name}\n`;
    await writeFile(join(directory, SUMS), (await Promise.all(names.map(line))).join(''));
    return directory;
  }
  const edit = (file: string, change: (text: string) => string) => async (directory: string) => {
    const path = join(directory, file);
    await writeFile(path, change(await readFile(path, 'utf8')));
  };

  it('is whole, is what git has, and is signed', async () => {
    const { problems, version, sameAsSource, signer } = await verifyRelease(project, whole, signers);
    assert.deepEqual([problems, version, sameAsSource], [[], '1.2.0', true]);
    if (signing) assert.equal(signer, 'a@example.com');
    execFileSync('sha256sum', ['--check', '--quiet', '--strict', SUMS], { cwd: whole });
    const again = join(scratch, 'again');
    await packRelease(project, await readSource(project, { snapshot: false }), again, run);
    const archive = 'example-1.2.0.tar.gz';
    assert.deepEqual(await readFile(join(again, archive)), await readFile(join(whole, archive)));
    if (signing) await assert.rejects(verifyRelease(project, again, signers), /ssh-keygen .*failed/);
  });

  it('names its materials, and those of development in neither document', async () => {
    const { predicate } = readStatement(await readFile(join(whole, 'example-1.2.0.provenance.json'), 'utf8'));
    assert.deepEqual(predicate.buildDefinition.resolvedDependencies.slice(1), [
      { uri: 'pkg:npm/needed@1.0.0', digest: { sha512: '07'.repeat(64) } },
      { uri: 'pkg:npm/%40scope/deep@1.0.0', digest: { sha512: '07'.repeat(64) } },
    ]);
    const bill = JSON.parse(await readFile(join(whole, 'example-1.2.0.cdx.json'), 'utf8'));
    assert.equal(bill.bomFormat, 'CycloneDX');
    assert.deepEqual(bill.components.map(({ name }: { name: string }) => name).sort(), [
      '@scope/deep',
      'needed',
    ]);
    assert.equal(bill.metadata.component.name, 'example');
    assert.equal(bill.metadata.component.type, 'application');
  });

  it('can be held to itself where its commit is not known', async () => {
    const elsewhere = join(scratch, 'elsewhere');
    execFileSync('git', ['init', '--quiet', elsewhere]);
    const { problems, sameAsSource } = await verifyRelease(elsewhere, whole);
    assert.deepEqual([problems, sameAsSource], [[], null]);
  });

  it('that was changed is found out', async () => {
    const directory = join(scratch, 'damaged');
    await cp(whole, directory, { recursive: true });
    await writeFile(join(directory, 'example-1.2.0.notes.md'), 'Other words');
    await writeFile(join(directory, 'more.txt'), '');
    await rm(join(directory, 'example-1.2.0.cdx.json'));
    await assert.rejects(verifyRelease(project, directory), (error: Error) => {
      assert.match(error.message, /notes\.md was changed/);
      assert.match(error.message, /says nothing of more\.txt/);
      assert.match(error.message, /cdx\.json is missing/);
      return true;
    });
  });

  it('that was changed with its sums is found out as well', async () => {
    const notes = await changed(edit('example-1.2.0.notes.md', () => 'Other words'));
    assert.deepEqual((await verifyRelease(project, notes)).problems, [
      'The provenance is not that of example-1.2.0.notes.md.',
    ]);
    if (signing) await assert.rejects(verifyRelease(project, notes, signers), /does not hold/);
    const materials = await changed(
      edit('example-1.2.0.provenance.json', (text) =>
        text.replace('pkg:npm/needed@1.0.0', 'pkg:npm/other@1.0.0'),
      ),
    );
    assert.match((await verifyRelease(project, materials)).problems.join(), /does not name the materials/);
    const bill = await changed(
      edit('example-1.2.0.cdx.json', (text) => text.replaceAll('"needed"', '"other"')),
    );
    assert.match((await verifyRelease(project, bill)).problems.join(), /needed@1\.0\.0 is not in the bill/);
  });

  it('of another commit than it says is found out', async () => {
    const released = git('rev-parse', 'HEAD').toString().trim();
    await write('CHANGELOG.md', '## Unreleased\n\n- More.\n');
    commit();
    const other = git('rev-parse', 'HEAD').toString().trim();
    const forged = await changed(
      edit('example-1.2.0.provenance.json', (text) => text.replaceAll(released, other)),
    );
    assert.deepEqual((await verifyRelease(project, forged)).problems, [
      `example-1.2.0.tar.gz is not what git has of the commit ${other}.`,
    ]);
  });

  it('is not written over another', async () => {
    const source = await readSource(project, { snapshot: true });
    assert.match(source.version, /^1\.2\.0-dev\.[0-9a-f]{12}$/);
    await assert.rejects(packRelease(project, source, whole, run), /holds .* already/);
  });
});
