import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { ContainerInspectInfo } from 'dockerode';
import { LABELS } from '../../src/model/names.ts';
import { connectS3 } from '../testbed/s3.ts';
import type { S3State } from '../testbed/state.ts';
import type { Lifeboat } from './lifeboat.ts';
import { textsIn } from './texts.ts';

/** Something that Lifeboat wrote down or handed out, and where. */
export interface Written {
  place: string;
  data: string | Buffer;
}

const json = (value: unknown): string => JSON.stringify(value, (_key, inner) => inner, 1);

/** Runs of one worker, the newest first. */
export async function runsOf(lifeboat: Lifeboat, and = ''): Promise<WorkflowExecutionInfo[]> {
  const query = `TaskQueue = "${lifeboat.taskQueue}"${and}`;
  const found: WorkflowExecutionInfo[] = [];
  for await (const run of lifeboat.client.workflow.list({ query })) found.push(run);
  return found;
}

/** Everything that Temporal answers of the runs of one worker: histories, memos, search attributes, pending steps. */
export async function histories(lifeboat: Lifeboat): Promise<Written[]> {
  const found: Written[] = [];
  for (const { type, workflowId, runId, raw } of await runsOf(lifeboat)) {
    const handle = lifeboat.client.workflow.getHandle(workflowId, runId);
    const all = [(await handle.fetchHistory()).events, (await handle.describe()).raw, raw];
    // As texts, and as JSON, where bytes are in base64.
    found.push({ place: `history of ${type} ${workflowId}`, data: textsIn(all).join('\n') });
    found.push({ place: `history of ${type} ${workflowId}, as JSON`, data: json(all) });
  }
  return found;
}

/** What open runs say of their steps while they work: heartbeats and last failures are gone when they end. */
export function watchSteps(lifeboat: Lifeboat): { seen: Written[]; stop(): Promise<void> } {
  const seen = new Map<string, Written>();
  const over = new AbortController();
  const look = async (): Promise<void> => {
    for (const { workflowId, runId } of await runsOf(lifeboat, ' AND ExecutionStatus = "Running"')) {
      const { raw } = await lifeboat.client.workflow.getHandle(workflowId, runId).describe();
      for (const step of raw.pendingActivities ?? []) {
        const data = textsIn([step.heartbeatDetails, step.lastFailure]).join('\n');
        seen.set(data, { place: `step ${step.activityType?.name} of ${workflowId}`, data });
      }
    }
  };
  const watching = (async () => {
    while (!over.signal.aborted) {
      await look().catch(() => undefined);
      await setTimeout(500, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  return {
    get seen() {
      return [...seen.values()];
    },
    stop: async () => {
      over.abort();
      await watching;
      await look().catch(() => undefined);
    },
  };
}

/** Every container and volume that a worker makes, as the engine shows it: labels, environment, command. */
export async function watchEngine(
  lifeboat: Lifeboat,
): Promise<{ seen: Written[]; containers: ContainerInspectInfo[]; stop(): Promise<void> }> {
  const { engine, taskQueue } = lifeboat;
  const seen: Written[] = [];
  const containers: ContainerInspectInfo[] = [];
  const asked: Promise<void>[] = [];
  const filters = { event: ['create'], type: ['container', 'volume'] };
  const events = await engine.getEvents({ filters: JSON.stringify(filters) });
  let rest = '';
  const keep = (place: string, value: object): void => void seen.push({ place, data: json(value) });
  events.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter(Boolean)) {
      const { Type, Actor } = JSON.parse(line) as { Type: string; Actor: { ID: string } };
      const about = Type === 'container' ? engine.getContainer(Actor.ID) : engine.getVolume(Actor.ID);
      asked.push(
        about
          .inspect()
          .then((info) => {
            const labels = 'Config' in info ? info.Config.Labels : info.Labels;
            if (labels?.[LABELS.installation] !== taskQueue) return;
            keep(`${Type} ${Actor.ID}`, info);
            if ('Config' in info) containers.push(info);
          })
          .catch(() => undefined),
      );
    }
  });
  return {
    seen,
    containers,
    stop: async () => {
      (events as unknown as { destroy(): void }).destroy();
      await Promise.all(asked);
    },
  };
}

/** Every file below a directory: names and contents. */
export async function filesIn(directory: string): Promise<Written[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return await Promise.all(
    entries.map(async (entry): Promise<Written> => {
      const path = join(entry.parentPath, entry.name);
      return { place: path, data: entry.isFile() ? await readFile(path) : '' };
    }),
  );
}

/** Every object of a bucket below a prefix. */
export async function objectsIn(s3: S3State, prefix: string): Promise<Written[]> {
  const client = connectS3(s3);
  try {
    const found: Written[] = [];
    const pages = paginateListObjectsV2({ client }, { Bucket: s3.bucket, Prefix: `${prefix}/` });
    for await (const { Contents = [] } of pages) {
      for (const { Key } of Contents) {
        const { Body, Metadata } = await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }));
        const content = Buffer.from((await Body?.transformToByteArray()) ?? []);
        found.push({ place: `object ${Key}`, data: Buffer.concat([Buffer.from(json(Metadata)), content]) });
      }
    }
    return found;
  } finally {
    client.destroy();
  }
}

/** A file in pieces that overlap, so that nothing is cut in two. */
export async function* piecesOf(path: string, overlap = 4096): AsyncGenerator<Written> {
  let tail = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 16 * 1024 * 1024 })) {
    const data = Buffer.concat([tail, chunk as Buffer]);
    yield { place: path, data };
    tail = data.subarray(-overlap);
  }
}
