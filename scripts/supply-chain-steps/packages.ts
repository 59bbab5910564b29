import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A package that Lifeboat runs with, as `package-lock.json` pins it. */
export interface Package {
  name: string;
  version: string;
  /** Where it is, from the project's folder: `node_modules/…`. */
  path: string;
  /** Its archive's digests in the form of Subresource Integrity; undefined where the lock file has none. */
  integrity?: string;
  /** An SPDX expression, as the lock file repeats it from the package. */
  license?: string;
  /** Left out on machines that it is not made for. */
  optional: boolean;
}

interface LockEntry {
  name?: string;
  version?: string;
  integrity?: string;
  license?: string;
  optional?: boolean;
  devOptional?: boolean;
  dev?: boolean;
}

/** Every package that is installed without `--include=dev`, those of other machines' systems too, by path. */
export async function productionPackages(project: string): Promise<Package[]> {
  const file = join(project, 'package-lock.json');
  const { lockfileVersion, packages } = JSON.parse(await readFile(file, 'utf8')) as {
    lockfileVersion: number;
    packages: Record<string, LockEntry>;
  };
  if (lockfileVersion !== 3) throw new Error(`${file} is of version ${lockfileVersion}, and only 3 is read.`);
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { name, version = '', integrity, license, optional, devOptional }]) => ({
      name: name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      path,
      ...(integrity && { integrity }),
      ...(license && { license }),
      optional: (optional || devOptional) ?? false,
    }));
}
