import type { Config } from '../../config/config.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** The oldest Node.js that runs this without a build (major version). */
const NODE = 24;

/** What the configuration itself shows. */
export function configChecks(config: Config): Check[] {
  return [
    {
      subject: 'Node.js',
      look: async () => {
        const { version } = process;
        return Number.parseInt(version.slice(1), 10) >= NODE
          ? ok('Node.js', version)
          : fail('Node.js', `${version} is too old`, `Use Node.js ${NODE} or newer.`);
      },
    },
    {
      subject: 'configuration',
      look: async () => [
        ...ok('configuration', `${config.file ?? ''} is fine`),
        ...(config.services.length > 0
          ? []
          : warn(
              'services',
              'the file names none',
              'Add some under "services", or by labels on their containers.',
            )),
        ...(config.retention
          ? []
          : warn('retention', 'there is none: every set stays', 'Say under "retention" which sets stay.')),
        ...(config.repositories.length > 1
          ? []
          : warn(
              'repositories',
              'there is only one',
              'Add one on another machine: a copy beside the original is lost with it.',
            )),
        ...(config.schedules.some(({ workflow, paused }) => workflow === 'backup' && !paused)
          ? []
          : warn(
              'schedules',
              'no backup runs by itself',
              'Declare one under "schedules", then run: lifeboat schedules apply',
            )),
        ...(config.schedules.some(({ workflow }) => workflow === 'watchdog')
          ? []
          : warn('watchdog', 'it is switched off', 'Without it nobody starts what a lost run left stopped.')),
      ],
    },
  ];
}
