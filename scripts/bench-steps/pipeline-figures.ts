import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What one run of the pipeline's own measurement printed. */
export interface PipelineRun {
  bytes: number;
  to: string;
  alone: Record<string, number>;
  /** MB/s */
  pipeline: number;
  ratio: number;
  /** Part of all cores that was busy while each stage worked alone, and `whole`. */
  busy: Record<string, number>;
  rssMiB: number;
  memory: number[];
}

export interface PipelineFigures {
  small: PipelineRun;
  large: PipelineRun;
  directory: PipelineRun;
}

const PROGRAM = fileURLToPath(new URL('pipeline.ts', import.meta.url));
const GB = 1e9;

/** Measure the pipeline in a process of its own. */
export async function measurePipeline(
  bytes: number,
  to: 'null' | 'directory' | 's3',
  environment: NodeJS.ProcessEnv = {},
): Promise<PipelineRun> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [PROGRAM, '--bytes', String(bytes), '--to', to, '--json'],
    { env: { ...process.env, ...environment }, maxBuffer: 64 * 1024 * 1024 },
  );
  return JSON.parse(stdout) as PipelineRun;
}

/**
 * One and twenty GB into nothing, where the processor alone is the limit, and a few into a directory, as an artifact is stored. One GB is over
 * after two seconds, in which its memory may not have come to what it goes up and down around: of three the one in the middle is taken.
 */
export async function pipelineFigures(): Promise<PipelineFigures> {
  const small: PipelineRun[] = [];
  for (let time = 0; time < 3; time += 1) small.push(await measurePipeline(GB, 'null'));
  small.sort((a, b) => a.rssMiB - b.rssMiB);
  return {
    small: small[1] as PipelineRun,
    large: await measurePipeline(20 * GB, 'null'),
    directory: await measurePipeline(4 * GB, 'directory'),
  };
}
