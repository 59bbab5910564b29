import { z } from 'zod';
import { MOST_AT_ONCE, MOST_HOSTS } from '../model/inputs.ts';
import { section } from './section.ts';
import { name } from './values.ts';

/** Many hosts, each with a worker of its own, that one worker backs up together. */
export interface FleetConfig {
  /** Names of hosts: their workers serve `lifeboat@<name>`. */
  hosts: string[];
  /** Hosts that work at the same time. */
  concurrency: number;
}

/** Whether a worker only asks other hosts for their backups: then it has no containers to look after, and needs no Docker engine. */
export const onlyAsksHosts = ({ fleet, services }: { fleet?: FleetConfig; services: unknown[] }): boolean =>
  fleet !== undefined && services.length === 0;

/** `fleet`. */
export const fleetSchema = section({
  hosts: z
    .array(name)
    .min(1, 'must name at least one host')
    .max(MOST_HOSTS, `can name ${MOST_HOSTS} hosts at most: make several fleets of them`)
    .refine((hosts) => new Set(hosts).size === hosts.length, 'names a host twice')
    .meta({
      description: 'Hosts that `fleetBackup` and `fleetStatus` work on: the `host` of each one’s file.',
    }),
  concurrency: z
    .number({ error: `must be a number from 1 to ${MOST_AT_ONCE}` })
    .int()
    .min(1)
    .max(MOST_AT_ONCE)
    .default(10)
    .meta({ description: 'Hosts that are backed up at the same time.' }),
});
