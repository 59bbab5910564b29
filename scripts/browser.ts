import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { canInstallPackages, ensurePackages } from '../test/testbed/debian.ts';
import { silently } from '../test/testbed/progress.ts';

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
  if (!find() && (await canInstallPackages())) {
    await ensurePackages(['chromium', 'fonts-dejavu-core'], silently);
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
