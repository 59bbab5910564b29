import type { Package } from '../supply-chain-steps/packages.ts';
import { outputOf } from './command-output.ts';
import type { Source } from './source.ts';

/** The part of a CycloneDX document that is looked at here. */
export interface Bill {
  metadata: { component: Record<string, unknown> };
  components: { 'bom-ref': string; name: string; version: string; purl: string }[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

/** How a package is called in a bill of materials. */
export const idOf = ({ name, version }: { name: string; version: string }): string => `${name}@${version}`;

/** What Lifeboat is made of, as CycloneDX: the packages that it runs with, by package-lock.json. */
export async function billOfMaterials(
  project: string,
  { name, version }: Source,
  packages: readonly Package[],
): Promise<Bill> {
  // With --omit=dev npm leaves out what development needs too, such as all of Temporal; so it is asked for all.
  const options = ['--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
  const bill = JSON.parse((await outputOf('npm', ['sbom', ...options], project)).toString()) as Bill;
  const wanted = new Set(packages.map(idOf));
  const root = String(bill.metadata.component['bom-ref']);
  const kept = new Set([root, ...wanted]);
  return {
    ...bill,
    metadata: {
      ...bill.metadata,
      // npm calls it by the folder's name.
      component: { ...bill.metadata.component, name, version, purl: `pkg:npm/${name}@${version}` },
    },
    components: bill.components.filter((component) => wanted.has(idOf(component))),
    dependencies: bill.dependencies
      .filter(({ ref }) => kept.has(ref))
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => kept.has(one)) })),
  };
}

/** Packages that are missing in a bill, and those that have no business there. */
export function differences(bill: Bill, packages: readonly Package[]): string[] {
  const listed = new Set(bill.components.map(idOf));
  const wanted = new Set(packages.map(idOf));
  return [
    ...[...wanted].filter((id) => !listed.has(id)).map((id) => `${id} is not in the bill of materials.`),
    ...[...listed]
      .filter((id) => !wanted.has(id))
      .map((id) => `${id} is in the bill of materials, and package-lock.json does not name it.`),
  ];
}
