// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { ensurePackages } from '../testbed/debian.ts';
import { countGraph, type GraphCounts, loadGraph } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { silently } from '../testbed/progress.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Collections, startCollections } from './collections.ts';
import { neo4jSection, startLifeboat, unique } from './lifeboat.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/restore-by-hand.md', import.meta.url));

const graphService = unique('graph');
const vectorService = unique('vectors');
let folder: string;
let repository: string;
let identity: string;
let set: string;
let graph: GraphCounts;
let oldPassword: string;
let fresh: Neo4jServer;
let vectors: Collections;
let notes: string;

/** The code blocks that stand below a comment of this form, in their order. */
async function blocks(marker: RegExp): Promise<{ name: string; code: string }[]> {
  const text = await readFile(DOCUMENT, 'utf8');
  const found = text.matchAll(/^<!-- (.+?) -->\n\n```sh\n(.*?)^```$/gms);
  return [...found].flatMap(([, comment = '', code = '']) => {
    const name = marker.exec(comment)?.[1];
    return name === undefined ? [] : [{ name, code }];
  });
}

before(async () => {
  const testbed = useTestbed();
  folder = await mkdtemp(join(testbed.directory, 'by-hand-'));
  await ensurePackages(['age', 'zstd', 'curl'], silently);
  repository = join(folder, 'backups');
  identity = join(folder, 'key.txt');
  await mkdir(repository);
  const secret = await generateX25519Identity();
  await writeFile(identity, `${secret}\n`, { mode: 0o600 });
  vectors = await startCollections();
  notes = await vectors.make('notes', { points: 33, aliases: ['notes_now'] });
  const lost = await testbed.startNeo4j();
  oldPassword = lost.password;
  const lifeboat = await startLifeboat({
    services: { [graphService]: neo4jSection(lost), [vectorService]: vectors.section() },
    repositories: { local: { kind: 'directory', path: repository } },
    encryption: { recipients: [await identityToRecipient(secret)] },
  });
  try {
    const driver = lost.driver();
    graph = await loadGraph(driver, 700);
    await driver.close();
    ({ set } = await lifeboat.run<{ set: string }>('backup'));
  } finally {
    await lifeboat.close();
    await lost.remove();
  }
  await vectors.drop(notes);
  fresh = await testbed.startNeo4j({ http: true });
});

after(async () => {
  await fresh?.remove();
  await vectors?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const settings = (): Record<string, string> => ({
  repository,
  set,
  identity,
  work: join(folder, 'work'),
  graph: graphService,
  container: fresh.containerName,
  neo4j: fresh.httpUrl,
  password: oldPassword,
  vectors: vectorService,
  collection: notes,
  alias: vectors.unique('notes_now'),
  qdrant: vectors.url,
  api_key: vectors.apiKey ?? '',
});

/** The document's blocks as one script, as somebody would type them into one shell; what each printed. */
async function follow(): Promise<Record<string, string>> {
  const parts = await blocks(/^run: (.+)$/);
  const script = parts.map(({ name, code }) => `printf '\\n=== %s\\n' '${name}'\n${code}`).join('\n');
  const { stdout } = await promisify(execFile)('sh', ['-eu', '-c', script], {
    env: { ...process.env, ...settings(), DOCKER_HOST: useTestbed().docker.host },
    maxBuffer: 64 * 1024 * 1024,
  });
  return Object.fromEntries(
    stdout
      .split(/^=== /m)
      .slice(1)
      .map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n') + 1)]),
  );
}

test('the page asks for exactly what its commands use', async () => {
  const [block] = await blocks(/^(settings)$/);
  const names = [...(block?.code ?? '').matchAll(/^(\w+)=/gm)].map(([, name]) => name);
  assert.deepEqual(names, Object.keys(settings()));
  const used = (await blocks(/^run: (.+)$/)).map(({ code }) => code).join('\n');
  for (const name of names) assert.match(used, new RegExp(`\\$${name}\\b`), `$${name} is used`);
});

test('an artifact with one byte too many is found before anything is stopped', async () => {
  const artifact = join(repository, 'sets', set, graphService, 'neo4j.dump.age');
  const whole = await readFile(artifact);
  await appendFile(artifact, 'x');
  await assert.rejects(follow(), /neo4j\.dump\.age: FAILED|did NOT match/);
  await writeFile(artifact, whole);
  const { State } = await useTestbed().engine.getContainer(fresh.containerName).inspect();
  assert.equal(State.Running, true);
});

test('whoever types the commands of the page has the data back', async () => {
  const said = await follow();
  assert.match(said.look ?? '', new RegExp(`^${set}\\.json$`, 'm'));
  assert.equal(said.check?.match(/: OK$/gm)?.length, 3);
  assert.match(said['count-graph'] ?? '', new RegExp(`"row":\\[${graph.nodes}\\]`));
  assert.match(said['count-points'] ?? '', /"count":33\b/);

  const driver = (await import('neo4j-driver')).default;
  const connection = driver.driver(fresh.boltUrl, driver.auth.basic('neo4j', oldPassword));
  assert.deepEqual(await countGraph(connection), graph);
  await connection.close();
  assert.equal(await vectors.count(notes), 33);
  assert.deepEqual(await vectors.aliasesOf(notes), [vectors.unique('notes_now')]);
  assert.deepEqual(await vectors.snapshots(notes), []);
  assert.equal(existsSync(settings().work as string), false);
});
