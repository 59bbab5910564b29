import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { outputOf } from './command-output.ts';

/** What a signature is for, so that one made for something else is none (ssh-keygen's namespace). */
const NAMESPACE = 'lifeboat-release';

/** Sign a file with an SSH key, into `<file>.sig`; a public key is enough where an agent has the other half. */
export async function sign(file: string, key: string): Promise<void> {
  await outputOf('ssh-keygen', ['-Y', 'sign', '-q', '-f', key, '-n', NAMESPACE, file], '/');
}

/**
 * Who signed a file.
 * @param signers names and public keys that are trusted, in the form of ssh-keygen's ALLOWED SIGNERS.
 * @throws {Error} when nobody of them did.
 */
export async function signerOf(file: string, signers: string): Promise<string> {
  const signature = `${file}.sig`;
  const found = await outputOf('ssh-keygen', ['-Y', 'find-principals', '-s', signature, '-f', signers], '/');
  const [signer = ''] = found.toString().trim().split('\n');
  const who = ['-I', signer, '-n', NAMESPACE, '-s', signature, '-f', signers];
  const child = spawn('ssh-keygen', ['-Y', 'verify', ...who], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(await readFile(file));
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  if (code !== 0) throw new Error(`The signature of ${file} does not hold: ${said.trim()}`);
  return signer;
}
