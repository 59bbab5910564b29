import { access, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

const WORKFLOWS = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

/**
 * The workflow code as the sandbox runs it. With `LIFEBOAT_WORKFLOW_BUNDLE` it is read from that file, which an image is built with;
 * where the file is absent, it is made.
 */
export async function workflowBundle(path = process.env.LIFEBOAT_WORKFLOW_BUNDLE): Promise<{ code: string }> {
  if (path) {
    try {
      await access(path);
      return { code: await readFile(path, 'utf8') };
    } catch {
      // Made below.
    }
  }
  const bundle: WorkflowBundleWithSourceMap = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error: console.error },
  });
  if (path) await writeFile(path, bundle.code);
  return bundle;
}
