import { readFile } from 'node:fs/promises';
import { runCommand } from './command.ts';
import { withLock } from './lock.ts';
import type { Say } from './progress.ts';

/** Whether this process may install Debian packages: root on Debian or a child of it. */
export async function canInstallPackages(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^ID(_LIKE)?=.*debian/m.test(release);
}

/**
 * Install those of the packages that are missing.
 * @throws with a sentence that names them where that is not possible.
 */
export async function ensurePackages(packages: readonly string[], say: Say): Promise<void> {
  if ((await missing(packages)).length === 0) return;
  await withLock('apt', async () => {
    const needed = await missing(packages);
    if (needed.length === 0) return;
    if (!(await canInstallPackages())) {
      throw new Error(
        `The testbed needs ${needed.join(', ')}, and can install that by itself only as root on Debian. Install it and try again.`,
      );
    }
    say(`installing ${needed.join(', ')} by apt`);
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    // Another apt on the machine holds the lock for a while: wait for it.
    const patience = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'APT::Get::Lock::Timeout=300'];
    // An interrupted run left packages half configured.
    await runCommand('dpkg', ['--configure', '-a'], { environment });
    await runCommand('apt-get', [...patience, 'update', '-qq'], { environment });
    const install = ['install', '-y', '-qq', '--no-install-recommends', ...needed];
    await runCommand('apt-get', [...patience, ...install], { environment });
  });
}

async function missing(packages: readonly string[]): Promise<string[]> {
  const states = await Promise.all(packages.map((name) => runCommand('dpkg', ['-s', name]).catch(() => '')));
  return packages.filter((_, index) => !states[index]?.includes('Status: install ok installed'));
}
