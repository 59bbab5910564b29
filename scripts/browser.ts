import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [
  process.env.LIFEBOAT_CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

const find = (): string | undefined => PLACES.find((path) => path !== '' && existsSync(path));

/**
 * A headless Chromium: the one that `LIFEBOAT_CHROMIUM` names or that is installed; else, as root on Debian, it is installed.
 * It asks no address by itself.
 */
export async function openBrowser(): Promise<Browser> {
  if (!find() && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const install = ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'];
    execFileSync('apt-get', ['update'], { stdio: 'ignore' });
    execFileSync('apt-get', install, {
      stdio: 'ignore',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  }
  const executablePath = find();
  if (executablePath === undefined) {
    throw new Error('There is no Chromium here: install one, or name it with LIFEBOAT_CHROMIUM.');
  }
  return await chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
