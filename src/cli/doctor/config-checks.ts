import type { Config } from '../../config/config.ts';
import type { ScheduledWorkflow } from '../../model/schedule.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** The oldest Node.js that runs this without a build (major version). */
const NODE = 24;

const runsByItself = (config: Config, workflow: ScheduledWorkflow): boolean =>
  config.schedules.some((schedule) => schedule.workflow === workflow && !schedule.paused);

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
        ...(config.retention && !runsByItself(config, 'prune')
          ? warn(
              'retention',
              'nothing carries it out by itself: every set stays until somebody runs prune',
              'Declare a schedule with the workflow prune, then run: lifeboat schedules apply',
            )
          : []),
        ...(config.encryption && !config.encryption.passphrase && config.encryption.identities.length === 0
          ? warn(
              'encryption',
              'there is no identity: nothing that is encrypted can be restored or drilled from here',
              'Set identityFile, unless that is done by another machine on purpose.',
            )
          : []),
        ...(config.repositories.length > 1
          ? []
          : warn(
              'repositories',
              'there is only one',
              'Add one on another machine: a copy beside the original is lost with it.',
            )),
        ...(runsByItself(config, 'backup')
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
