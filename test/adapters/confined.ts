import assert from 'node:assert/strict';
import type { ContainerInspectInfo } from 'dockerode';

/** A container of Lifeboat's, as the engine shows it, can reach nothing but the volumes that it was given. */
export function assertConfined(
  { Name, HostConfig, NetworkSettings }: ContainerInspectInfo,
  /** Copying while a database is down has none: the pages that wait to be written would count. */
  { memory = true }: { memory?: boolean } = {},
): void {
  const { NetworkMode, CapAdd, CapDrop, SecurityOpt, PidsLimit, Memory, Privileged } = HostConfig;
  assert.equal(NetworkMode, 'none', Name);
  assert.deepEqual(Object.keys(NetworkSettings.Networks ?? {}), ['none'], Name);
  assert.deepEqual([CapAdd ?? [], CapDrop], [[], ['ALL']], Name);
  assert.deepEqual(SecurityOpt, ['no-new-privileges'], Name);
  assert.equal(Privileged, false, Name);
  assert.ok((PidsLimit ?? 0) > 0, `${Name} may have any number of processes`);
  if (memory) assert.ok((Memory ?? 0) > 0, `${Name} may take all memory`);
  assert.deepEqual([HostConfig.PidMode, HostConfig.UsernsMode], ['', ''], Name);
  assert.ok(['private', 'shareable'].includes(HostConfig.IpcMode ?? 'private'), Name);
  assert.deepEqual(HostConfig.Devices ?? [], [], Name);
  assert.deepEqual(HostConfig.PortBindings ?? {}, {}, Name);
  // A volume's name has no slash; a folder of the host begins with one.
  for (const bind of HostConfig.Binds ?? []) assert.doesNotMatch(bind, /^[/.~]/, Name);
}

/** Steps that may copy while a database is down have no limit of memory. */
const COPYING = [
  'copy',
  'ask',
  'adopt',
  'return',
  'swap',
  'roll',
  'accept',
  'tidy',
  'forget',
  'empty',
  'list',
  'record',
];

/** Every kind of container that a backup, a drill and a restore make, as the engine shows it. */
export function assertHelpersConfined(containers: ContainerInspectInfo[]): void {
  const steps = containers.map((info) => {
    const step = /^\/lifeboat-([a-z]+)-/.exec(info.Name)?.[1] ?? '';
    assertConfined(info, { memory: !COPYING.includes(step) });
    return step;
  });
  const missing = ['probe', 'staging', 'copy', 'dump', 'check', 'load', 'sandbox', 'swap'].filter(
    (step) => !steps.includes(step),
  );
  assert.deepEqual(missing, [], `only ${[...new Set(steps)].join()} were seen`);
}
