import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import satisfies from 'spdx-satisfies';
import type { Package } from './packages.ts';
import type { Policy } from './policy.ts';

/** What came of the look at licences. */
export interface LicenseLook {
  findings: string[];
  looked: number;
  /** Of other systems: neither the lock file nor this machine has their licence. */
  elsewhere: string[];
}

/** Hold every package's licence to those that are allowed. */
export async function lookAtLicenses(
  project: string,
  packages: readonly Package[],
  { allowed, exceptions }: Policy['licenses'],
): Promise<LicenseLook> {
  const findings: string[] = [];
  const elsewhere: string[] = [];
  const used = new Set<string>();
  for (const one of packages) {
    const id = `${one.name}@${one.version}`;
    const manifest = await manifestOf(project, one);
    if (!manifest && one.optional && !one.license) {
      elsewhere.push(id);
      continue;
    }
    const stated = one.license ?? statedIn(manifest);
    const key = [id, one.name].find((name) => exceptions[name]);
    const exception = key ? exceptions[key]?.license : undefined;
    if (key) used.add(key);
    if (exception && (stated === undefined || stated === exception)) continue;
    if (stated === undefined) {
      findings.push(`${id} tells no licence: read it, and name it under licenses.exceptions.`);
    } else if (!isAllowed(stated, allowed)) {
      findings.push(
        `${id} has the licence "${stated}", which is not allowed: use another package, or accept it under licenses.exceptions with a reason.`,
      );
    }
  }
  for (const key of Object.keys(exceptions).filter((name) => !used.has(name))) {
    findings.push(`licenses.exceptions names ${key}, which is no package of Lifeboat's: remove it.`);
  }
  return { findings, looked: packages.length - elsewhere.length, elsewhere };
}

interface Manifest {
  license?: unknown;
  licenses?: unknown;
}

async function manifestOf(project: string, { path }: Package): Promise<Manifest | undefined> {
  try {
    return JSON.parse(await readFile(join(project, path, 'package.json'), 'utf8')) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The SPDX expression of a manifest. The lock file lacks the forms of old: an object, or a list to choose from. */
export function statedIn(manifest: Manifest | undefined): string | undefined {
  const type = (value: unknown): unknown =>
    typeof value === 'object' && value !== null ? (value as { type?: unknown }).type : value;
  const all = [manifest?.license, manifest?.licenses].flat().map(type);
  const names = all.filter((name): name is string => typeof name === 'string' && name !== '');
  return names.length > 1 ? names.map((name) => `(${name})`).join(' OR ') : names[0];
}

function isAllowed(expression: string, allowed: readonly string[]): boolean {
  try {
    return satisfies(expression, [...allowed]);
  } catch {
    // No SPDX expression: "SEE LICENSE IN …", "UNLICENSED".
    return false;
  }
}
