import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Package, productionPackages } from '../supply-chain-steps/packages.ts';
import { type Bill, differences } from './bill-of-materials.ts';
import { git } from './command-output.ts';
import { namesOf, SIGNATURE, SUMS } from './pack.ts';
import { materialsOf, readStatement, sha256 } from './provenance.ts';
import { signerOf } from './signature.ts';
import { fileIn, tarOf, unpackTar } from './tarball.ts';

/** What came of a look at a release. */
export interface Verdict {
  problems: string[];
  version: string;
  commit: string;
  /** Whether the archive is, byte for byte, what git has of the commit; null when the commit is not in this repository. */
  sameAsSource: boolean | null;
  /** Who of the trusted ones signed it; undefined where nobody was named, or it is not signed. */
  signer?: string | undefined;
}

/**
 * Hold a release to itself, and to the source where its commit is here.
 * @param signers a file with the names and public keys of those who may sign; without it a signature is not looked at.
 * @throws {Error} for files that are not those of the sums, or can't be read as what they should be, and without the signature that is wanted.
 */
export async function verifyRelease(project: string, directory: string, signers?: string): Promise<Verdict> {
  const signer = signers && (await signerOf(resolve(directory, SUMS), resolve(signers)));
  const wrong = await wrongSums(directory);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  const problems: string[] = [];
  const read = async (name: string) => await readFile(join(directory, name));
  const present = await readdir(directory);
  const provenance = present.filter((name) => name.endsWith('.provenance.json'));
  if (provenance.length !== 1) {
    throw new Error(
      `${directory} holds ${provenance.length} files *.provenance.json, and a release has one.`,
    );
  }
  const statement = readStatement((await read(provenance[0] ?? '')).toString());
  const { externalParameters: source, resolvedDependencies } = statement.predicate.buildDefinition;
  const names = namesOf(source);
  for (const name of [names.tarball, names.bill, names.notes]) {
    const told = statement.subject.find((one) => one.name === name)?.digest.sha256;
    if (told !== sha256(await read(name))) problems.push(`The provenance is not that of ${name}.`);
  }
  const archive = await unpackTar(await read(names.tarball));
  const packages = await packagesIn(archive);
  problems.push(...differences(JSON.parse((await read(names.bill)).toString()) as Bill, packages));
  if (!isDeepStrictEqual(materialsOf(source.commit, packages), resolvedDependencies)) {
    problems.push("The provenance does not name the materials of the archive's own package-lock.json.");
  }
  const here = await git(project, 'cat-file', '-t', source.commit).catch(() => '');
  const sameAsSource =
    here === 'commit' ? archive.equals(await tarOf(project, { ...source, notes: '' })) : null;
  if (sameAsSource === false) {
    problems.push(`${names.tarball} is not what git has of the commit ${source.commit}.`);
  }
  return { problems, version: source.version, commit: source.commit, sameAsSource, signer };
}

/** What SHA256SUMS says that is not so, and what it says nothing of. */
async function wrongSums(directory: string): Promise<string[]> {
  const problems: string[] = [];
  const lines = (await readFile(join(directory, SUMS), 'utf8')).trim().split('\n');
  const sums = new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
  for (const name of await readdir(directory)) {
    if (name === SUMS || name === SIGNATURE) continue;
    const sum = sums.get(name);
    if (sum === undefined) problems.push(`${SUMS} says nothing of ${name}.`);
    else if (sum !== sha256(await readFile(join(directory, name)))) problems.push(`${name} was changed.`);
    sums.delete(name);
  }
  return [...problems, ...[...sums.keys()].map((name) => `${name} is missing.`)];
}

async function packagesIn(archive: Buffer): Promise<Package[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'lifeboat-release-'));
  try {
    await writeFile(join(scratch, 'package-lock.json'), await fileIn(archive, 'package-lock.json'));
    return await productionPackages(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
