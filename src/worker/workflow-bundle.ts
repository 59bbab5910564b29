import { access, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

const WORKFLOWS = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

/**
 * The workflow code as the sandbox runs it. With `LIFEBOAT_WORKFLOW_BUNDLE` it is read from that file, which an image is built with;
 * where the file is absent, it is made.
 * @param interceptors modules that it has beside the workflows: another bundle, in a file of its own.
 */
export async function workflowBundle(
  bundle = process.env.LIFEBOAT_WORKFLOW_BUNDLE,
  interceptors: string[] = [],
): Promise<{ code: string }> {
  const path = interceptors.length > 0 ? bundle?.replace(/(\.js)?$/, '.traced.js') : bundle;
  if (path) {
    try {
      await access(path);
      return { code: await readFile(path, 'utf8') };
    } catch {
      // Made below.
    }
  }
  const made: WorkflowBundleWithSourceMap = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    workflowInterceptorModules: interceptors,
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error: console.error },
  });
  if (path) await writeFile(path, made.code).catch(unlessReadOnly);
  return made;
}

/** An image has the bundle without interceptors; beside it nothing may be written, and the other is made at each start. */
function unlessReadOnly(error: NodeJS.ErrnoException): void {
  if (!['EACCES', 'EROFS', 'EPERM'].includes(error.code ?? '')) throw error;
}
