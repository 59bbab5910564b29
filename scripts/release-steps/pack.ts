import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { productionPackages } from '../supply-chain-steps/packages.ts';
import { billOfMaterials, differences } from './bill-of-materials.ts';
import { sha256, statementOf } from './provenance.ts';
import { sign } from './signature.ts';
import type { Source } from './source.ts';
import { packTar, tarOf } from './tarball.ts';

/** The names of what a release is made of. */
export const namesOf = ({ name, version }: { name: string; version: string }) => ({
  tarball: `${name}-${version}.tar.gz`,
  bill: `${name}-${version}.cdx.json`,
  notes: `${name}-${version}.notes.md`,
  provenance: `${name}-${version}.provenance.json`,
});

/** As `sha256sum --check` reads it. */
export const SUMS = 'SHA256SUMS';

/** An SSH signature of the sums, where there is one. */
export const SIGNATURE = `${SUMS}.sig`;

const json = (value: object): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/**
 * Write a release into a new directory; it is there whole, or not at all.
 * @returns the names of its files.
 */
export async function packRelease(
  project: string,
  source: Source,
  directory: string,
  run: {
    startedOn: Date;
    advisoriesAsked: boolean;
    /** The file of an SSH key to sign with. Default: unsigned. */
    key?: string | undefined;
  },
): Promise<string[]> {
  await refuseFull(directory);
  const packages = await productionPackages(project);
  const bill = await billOfMaterials(project, source, packages);
  const wrong = differences(bill, packages);
  if (wrong.length > 0) throw new Error(`The bill of materials is not whole:\n${wrong.join('\n')}`);
  const names = namesOf(source);
  const files = new Map([
    [names.tarball, await packTar(await tarOf(project, source))],
    [names.bill, json(bill)],
    [names.notes, Buffer.from(source.notes)],
  ]);
  files.set(names.provenance, json(statementOf(source, files, packages, run)));
  const sums = [...files].map(([name, data]) => `${sha256(data)}  ${name}\n`).join('');
  files.set(SUMS, Buffer.from(sums));
  const unfinished = `${resolve(directory)}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  for (const [name, data] of files) await writeFile(join(unfinished, name), data);
  if (run.key) await sign(join(unfinished, SUMS), resolve(run.key));
  await rm(directory, { recursive: true, force: true });
  await rename(unfinished, directory);
  return await readdir(directory);
}

async function refuseFull(directory: string): Promise<void> {
  const present = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (present.length > 0) {
    throw new Error(
      `The directory ${directory} holds ${present[0]} already: name another one, or remove it.`,
    );
  }
}
