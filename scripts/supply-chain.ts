import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lookForAdvisories } from './supply-chain-steps/advisories.ts';
import { lookAtLicenses } from './supply-chain-steps/licenses.ts';
import { productionPackages } from './supply-chain-steps/packages.ts';
import { readPolicy } from './supply-chain-steps/policy.ts';

const USAGE = `Usage: scripts/supply-chain [--must-ask]
Holds the packages that Lifeboat runs with to scripts/supply-chain.yaml: their licences, and what npm audit knows of
them. Ends with 1 where there is a finding. A registry that can't be asked is told, and is no finding, unless --must-ask.`;

const project = fileURLToPath(new URL('..', import.meta.url));

async function main(mustAsk: boolean): Promise<number> {
  const policy = await readPolicy(join(project, 'scripts/supply-chain.yaml'));
  const packages = await productionPackages(project);
  const [licenses, advisories] = await Promise.all([
    lookAtLicenses(project, packages, policy.licenses),
    lookForAdvisories(project, policy.advisories),
  ]);
  const findings = [...licenses.findings];
  const apart = licenses.elsewhere.length;
  console.log(
    `Licences of ${licenses.looked} packages: ${licenses.findings.length || 'no'} findings.${apart ? ` ${apart} of other systems are not known here.` : ''}`,
  );
  if (advisories.asked) {
    findings.push(...advisories.findings);
    console.log(`Advisories: ${advisories.findings.length || 'no'} findings.`);
    for (const note of advisories.notes) console.log(note);
  } else {
    console.log(`Advisories: NOT ASKED, because the registry gave no audit: ${advisories.why}.`);
    if (mustAsk)
      findings.push('Known vulnerabilities could not be asked for: run it where a registry can be reached.');
  }
  for (const finding of findings) console.log(`- ${finding}`);
  return findings.length > 0 ? 1 : 0;
}

const arguments_ = process.argv.slice(2);
const wrong = arguments_.find((one) => one !== '--must-ask');
if (wrong !== undefined) {
  const help = ['--help', '-h'].includes(wrong);
  (help ? console.log : console.error)(help ? USAGE : `"${wrong}" is not known.\n${USAGE}`);
  process.exit(help ? 0 : 2);
}
try {
  process.exitCode = await main(arguments_.length > 0);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
