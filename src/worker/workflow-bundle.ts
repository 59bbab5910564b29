import { readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { FAILURE_CONVERTER } from '../temporal/data-converter.ts';

const WORKFLOWS = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

/** What a bundle has beside the workflows; each kind is in a file of its own. */
export interface BundleOptions {
  /** Default: `LIFEBOAT_WORKFLOW_BUNDLE`. Empty: none is read or written. */
  file?: string | undefined;
  /** Messages of failures are encoded, for a payload codec. */
  encoded?: boolean;
  /** Modules that trace. */
  interceptors?: string[] | undefined;
}

/**
 * The workflow code as the sandbox runs it. With `LIFEBOAT_WORKFLOW_BUNDLE` it is read from that file, which an image is built with;
 * where the file is absent, it is made.
 */
export async function workflowBundle(options: BundleOptions = {}): Promise<{ code: string }> {
  const { encoded = false, interceptors = [] } = options;
  const file = options.file ?? process.env.LIFEBOAT_WORKFLOW_BUNDLE;
  const kind = `${encoded ? '.encoded' : ''}${interceptors.length > 0 ? '.traced' : ''}`;
  const path = file ? file.replace(/(\.js)?$/, `${kind}.js`) : undefined;
  const ready = path === undefined ? undefined : await readFile(path, 'utf8').catch(() => undefined);
  if (ready !== undefined) return { code: ready };
  const made = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    workflowInterceptorModules: interceptors,
    ...(encoded && { failureConverterPath: FAILURE_CONVERTER }),
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error: console.error },
  });
  if (path) await write(path, made.code).catch(unlessReadOnly);
  return made;
}

/** Whole or not at all: several workers may start at the same time. */
async function write(path: string, code: string): Promise<void> {
  await writeFile(`${path}.${process.pid}`, code);
  await rename(`${path}.${process.pid}`, path);
}

/** An image has the bundles without interceptors; beside them nothing may be written, and another is made at each start. */
function unlessReadOnly(error: NodeJS.ErrnoException): void {
  if (!['EACCES', 'EROFS', 'EPERM'].includes(error.code ?? '')) throw error;
}
