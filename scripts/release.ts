import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packRelease } from './release-steps/pack.ts';
import { readSource } from './release-steps/source.ts';
import { verifyRelease } from './release-steps/verify.ts';
import { lookForAdvisories } from './supply-chain-steps/advisories.ts';
import { lookAtLicenses } from './supply-chain-steps/licenses.ts';
import { productionPackages } from './supply-chain-steps/packages.ts';
import { readPolicy } from './supply-chain-steps/policy.ts';

const USAGE = `Usage: scripts/release [--out DIR] [--snapshot] [--without-advisories] [--sign KEY]
       scripts/release --verify DIR [--signers FILE]
Packs the commit that is checked out: an archive of the source, a bill of materials (CycloneDX), the provenance (in-toto,
SLSA 1), the notes of CHANGELOG.md, and checksums of all. docs/releasing.md says what comes before and after.
  --out DIR             where to; new or empty. Default: dist/<name>-<version>
  --snapshot            what is not released yet: the version gets "-dev." and the commit
  --without-advisories  go on where the registry can't be asked for known vulnerabilities; the provenance says so
  --sign KEY            sign the checksums with this SSH key (SHA256SUMS.sig)
  --verify DIR          hold a release to its checksums, its provenance, its lock file, and to the source where the commit is here
  --signers FILE        and want a signature of somebody in this file (ssh-keygen's ALLOWED SIGNERS)`;

const project = fileURLToPath(new URL('..', import.meta.url));

async function release(options: {
  out?: string | undefined;
  snapshot: boolean;
  withoutAdvisories: boolean;
  sign?: string | undefined;
}): Promise<void> {
  const startedOn = new Date();
  const source = await readSource(project, options);
  const policy = await readPolicy(join(project, 'scripts/supply-chain.yaml'));
  const { findings } = await lookAtLicenses(project, await productionPackages(project), policy.licenses);
  const advisories = await lookForAdvisories(project, policy.advisories);
  if (advisories.asked) findings.push(...advisories.findings);
  else if (!options.withoutAdvisories) {
    findings.push(
      `The registry gave no audit: ${advisories.why}. Ask another one, or use --without-advisories, which the provenance then tells.`,
    );
  }
  if (findings.length > 0) throw new Error(findings.join('\n'));
  const directory = resolve(options.out ?? join(project, 'dist', `${source.name}-${source.version}`));
  const files = await packRelease(project, source, directory, {
    startedOn,
    advisoriesAsked: advisories.asked,
    key: options.sign,
  });
  console.log(`${source.name} ${source.version}, from ${source.commit}, is in ${directory}:`);
  for (const file of files) console.log(`  ${file}`);
}

async function verify(directory: string, signers: string | undefined): Promise<number> {
  const { problems, version, commit, sameAsSource, signer } = await verifyRelease(
    project,
    directory,
    signers,
  );
  for (const problem of problems) console.log(`- ${problem}`);
  if (problems.length > 0) return 1;
  const compared =
    sameAsSource === null
      ? 'The commit is not in this repository, so the archive was not compared with the source.'
      : 'The archive is what git has of the commit.';
  const signed = signer ? `Signed by ${signer}.` : 'Whose it is was not asked for (--signers).';
  console.log(`${version} is whole, and made from ${commit}. ${compared} ${signed}`);
  return 0;
}

function parse() {
  try {
    return parseArgs({
      options: {
        out: { type: 'string' },
        snapshot: { type: 'boolean', default: false },
        'without-advisories': { type: 'boolean', default: false },
        sign: { type: 'string' },
        verify: { type: 'string' },
        signers: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

const options = parse();
try {
  if (options.help) console.log(USAGE);
  else if (options.verify !== undefined) process.exitCode = await verify(options.verify, options.signers);
  else await release({ ...options, withoutAdvisories: options['without-advisories'] });
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
