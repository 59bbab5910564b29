import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { s3Server } from '../../test/testbed/s3.ts';
import { writeSection } from './document-section.ts';
import { linePlot } from './line-plot.ts';
import { measurePipeline, type PipelineRun } from './pipeline-figures.ts';

// Measures the pipeline into nothing, a directory and S3, and its memory at 1 and at 20 GB, each in a process of its own, and writes
// what was seen into docs/performance.md with a plot beside it:
//   node scripts/bench-steps/pipeline-report.ts

const GB = 1e9;
const NAMES: Record<string, string> = {
  null: 'nothing',
  directory: 'a directory',
  s3: 'S3 (SeaweedFS on the same machine)',
};
const PLOT = fileURLToPath(new URL('../../docs/images/pipeline-memory.svg', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'lifeboat-pipeline-'));
const s3 = await s3Server({ directory: folder });

async function measure(bytes: number, to: 'null' | 'directory' | 's3'): Promise<PipelineRun> {
  const measured = await measurePipeline(bytes, to, {
    LIFEBOAT_TEST_S3_ENDPOINT: s3.endpoint,
    LIFEBOAT_TEST_S3_ACCESS_KEY_ID: s3.accessKeyId,
    LIFEBOAT_TEST_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    LIFEBOAT_TEST_S3_BUCKET: s3.bucket,
    LIFEBOAT_TEST_S3_REGION: s3.region,
  });
  console.log({ ...measured, memory: measured.memory.length });
  return measured;
}

try {
  const [before] = loadavg();
  const small = await measure(GB, 'null');
  const large = await measure(20 * GB, 'null');
  const directory = await measure(2 * GB, 'directory');
  const remote = await measure(GB, 's3');
  const rows = [small, large, directory, remote].map(
    ({ bytes, to, alone, pipeline, ratio, busy, rssMiB }) =>
      `| ${bytes / GB} GB into ${NAMES[to]} | ${Object.entries(alone)
        .map(([stage, rate]) => `${stage} ${rate} (${percent(busy[stage])})`)
        .join(', ')} | ${pipeline} (${percent(busy.whole)}) | ${ratio} | ${rssMiB} |`,
  );
  const series = [
    ['20 GB', large],
    ['1 GB', small],
  ] as const;
  await writeFile(
    PLOT,
    linePlot(
      series.map(([name, { memory, bytes, pipeline }]) => ({
        name,
        points: memory.map((mib, index): [number, number] => [
          Math.min(((index + 1) * 0.5 * pipeline) / 1000, bytes / GB),
          mib,
        ]),
      })),
      {
        title: 'Resident memory while an artifact passes',
        x: 'GB that have passed',
        y: 'MiB',
        limit: { y: 400, name: 'goal: under 400' },
      },
    ),
  );
  await writeSection(
    'pipeline',
    `In brackets: how much of all cores was busy meanwhile, with this or anything else.

| what | each stage alone, MB/s | whole, MB/s | whole / slowest stage | peak memory, MiB |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

20 GB need ${(large.rssMiB / small.rssMiB).toFixed(2)} times the peak memory of 1 GB. Over time (every half second of the run of 20 GB: ${spread(large.memory)}):

![Resident memory while 1 GB and 20 GB pass](images/pipeline-memory.svg)

Measured with ${cpus().length} cores (${cpus()[0]?.model.trim()}), a load of ${before?.toFixed(1)} before it began.`,
  );
} finally {
  await s3.stop();
  await rm(folder, { recursive: true, force: true });
}

function percent(part: number | undefined): string {
  return part === undefined ? 'not known' : `${Math.round(part * 100)} %`;
}

function spread(values: number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))];
  return `least ${at(0)} MiB, median ${at(0.5)}, most ${at(1)}`;
}
