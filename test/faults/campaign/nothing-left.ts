import { readdir } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { listDebts } from '../../../src/adapters/docker/debt.ts';
import { listVolumes } from '../../../src/adapters/docker/volume.ts';
import { collect, listSets } from '../../../src/adapters/repository/catalog.ts';
import type { Repository } from '../../../src/adapters/repository/repository.ts';
import { LABELS } from '../../../src/model/names.ts';
import { connectS3 } from '../../testbed/s3.ts';
import { COLLECTION, type Scene } from './scene.ts';

/** Runs that are still open, schedules' own looks apart: each of them may hold a lock. */
export async function openRuns({ client }: Scene): Promise<string[]> {
  const open: string[] = [];
  for await (const { workflowId, type } of client.workflow.list({ query: 'ExecutionStatus = "Running"' })) {
    // The watchdog comes by all the time, and so do the runs of the server's own that keep schedules.
    if (type === 'watchdog' || type.startsWith('temporal-sys')) continue;
    open.push(`the run ${workflowId} (${type}) is open`);
  }
  return open;
}

/** Everything of Lifeboat's in the engine, on the servers and in scratch folders, but for what a restore keeps for an undo. */
export async function leftovers(scene: Scene): Promise<string[]> {
  const { engine, askQdrant } = scene;
  const containers = await engine.listContainers({
    all: true,
    filters: JSON.stringify({ label: [LABELS.role] }),
  });
  const kept = (await listDebts(engine)).filter(({ kind }) => kind === 'qdrant-restore');
  const keptVolumes = new Set(kept.map(({ volume }) => volume));
  const volumes = (await listVolumes(engine, {})).filter(
    ({ name, labels }) => labels[LABELS.role] !== undefined && !keptVolumes.has(name),
  );
  const { result: snapshots } = (await askQdrant('GET', `/collections/${COLLECTION}/snapshots`)) as {
    result: { name: string }[];
  };
  const { result: collections } = (await askQdrant('GET', '/collections')) as {
    result: { collections: { name: string }[] };
  };
  return [
    ...containers.map(({ Names }) => `the container ${Names[0]} is left`),
    ...volumes.map(({ name, labels }) => `the volume ${name} (${labels[LABELS.role]}) is left`),
    ...snapshots
      .filter(({ name }) => !kept.some((one) => one.name === name))
      .map(({ name }) => `the snapshot ${name} is left on the Qdrant server`),
    ...(kept.length > 1 ? [`${kept.length} safety snapshots are kept, and one is promised`] : []),
    ...collections.collections
      .filter(({ name }) => name !== COLLECTION)
      .map(({ name }) => `the collection ${name} is left on the Qdrant server`),
    ...(await readdir(scene.scratch)).map((name) => `${name} is left in the worker's scratch folder`),
    ...(await readdir(scene.uploads)).map((name) => `${name} is left of an upload`),
    ...(await leftOnVolume(scene)),
  ];
}

/** On Neo4j's own volume: at most what the last restore replaced, with nothing of what was prepared or under way. */
async function leftOnVolume({ engine, neo4j }: Scene): Promise<string[]> {
  const script =
    'cd /data/.lifeboat 2>/dev/null || exit 0; for one in */*; do [ -e "$one" ] && echo "$one"; done; :';
  const exec = await engine.getContainer(neo4j.containerName).exec({
    Cmd: ['sh', '-c', script],
    AttachStdout: true,
    Tty: true,
  });
  const output = await text(await exec.start({ Tty: true }));
  const found = output.split(/\r?\n/).filter((line) => line !== '');
  const restores = new Set(found.filter((line) => line.endsWith('/old')).map((line) => line.split('/')[0]));
  return [
    ...found
      .filter((line) => !line.endsWith('/old') && !line.endsWith('/record.json'))
      .map((line) => `${line} is left on Neo4j's volume`),
    ...(restores.size > 1 ? [`what ${restores.size} restores replaced is kept, and one is promised`] : []),
  ];
}

/** After a prune that goes by a clock past the grace: only what the catalog speaks of is in the repositories. */
export async function strayObjects(scene: Scene): Promise<string[]> {
  const strays: string[] = [];
  for (const repository of scene.repositories) strays.push(...(await straysIn(repository)));
  const { state } = scene.s3;
  const s3 = connectS3(state);
  try {
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: state.bucket }));
    strays.push(...Uploads.map(({ Key }) => `the upload of ${Key} is left unfinished`));
  } finally {
    s3.destroy();
  }
  const files = await readdir(scene.disk.path, { recursive: true, withFileTypes: true });
  const known = new Set((await collect(scene.repositories[0]!, '')).map(({ key }) => key));
  for (const file of files) {
    const path = `${file.parentPath}/${file.name}`.slice(scene.disk.path.length + '/repository/'.length);
    if (file.isFile() && !known.has(path)) strays.push(`the file ${path} is left in the local repository`);
  }
  return strays;
}

async function straysIn(repository: Repository): Promise<string[]> {
  const sets = new Set((await listSets(repository)).map(({ set }) => set));
  const keys = (await collect(repository, '')).map(({ key }) => key);
  return keys
    .filter((key) => key.includes('/') && !sets.has(key.split('/')[1]!.replace(/\.json$/, '')))
    .map((key) => `${key} is left in ${repository.name}`);
}
