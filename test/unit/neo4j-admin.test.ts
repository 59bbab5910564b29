// needs: nothing
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminCommands } from '../../src/adapters/neo4j/admin-commands.ts';
import { judgeAdmin } from '../../src/adapters/neo4j/admin-outcome.ts';
import { compareVersions, isLegacy, parseVersion } from '../../src/adapters/neo4j/version.ts';
import { LifeboatError } from '../../src/model/failures.ts';

test('versions as the tools of every generation print them', () => {
  assert.deepEqual(parseVersion('5.26.30'), { text: '5.26.30', major: 5, minor: 26, patch: 30 });
  assert.deepEqual(parseVersion('neo4j-admin 4.4.48'), { text: '4.4.48', major: 4, minor: 4, patch: 48 });
  assert.deepEqual(parseVersion('2026.08.1\n'), { text: '2026.08.1', major: 2026, minor: 8, patch: 1 });
  assert.throws(() => parseVersion('Unknown command'), { type: 'NotNeo4j' });
  assert.ok(compareVersions(parseVersion('5.26.30'), parseVersion('2025.01.0')) < 0);
  assert.ok(compareVersions(parseVersion('5.26.4'), parseVersion('5.26.30')) < 0);
  assert.ok(isLegacy(parseVersion('4.4.48')) && !isLegacy(parseVersion('5.26.30')));
});

test('the syntax of 5 and later', () => {
  const commands = adminCommands(parseVersion('2026.08.1'));
  assert.deepEqual(commands.dump('neo4j', '/out'), [
    'neo4j-admin',
    'database',
    'dump',
    'neo4j',
    '--to-path=/out',
  ]);
  assert.deepEqual(commands.load('neo4j', '/in'), [
    'neo4j-admin',
    'database',
    'load',
    'neo4j',
    '--from-path=/in',
    '--overwrite-destination=true',
  ]);
  assert.deepEqual(commands.info('neo4j')?.slice(0, 3), ['neo4j-admin', 'database', 'info']);
});

test('the syntax of 4.4', () => {
  const commands = adminCommands(parseVersion('4.4.48'));
  assert.deepEqual(commands.dump('neo4j', '/out'), [
    'neo4j-admin',
    'dump',
    '--database=neo4j',
    '--to=/out/neo4j.dump',
  ]);
  assert.deepEqual(commands.load('neo4j', '/in'), [
    'neo4j-admin',
    'load',
    '--database=neo4j',
    '--from=/in/neo4j.dump',
    '--force',
  ]);
  assert.equal(commands.info('neo4j'), null);
});

/** What real versions printed, and what it means. */
const OUTCOMES: [string, number, string, string, LifeboatError['type']][] = [
  [
    'a store that a kill left',
    1,
    'Active logical log detected, this might be a source of inconsistencies.\nPlease recover database before running the dump.\nTo perform recovery please start database and perform clean shutdown.',
    '',
    'RecoveryNeeded',
  ],
  [
    'a database that runs',
    1,
    "Failed to dump database 'neo4j': The database is in use. Stop database 'neo4j' and try again.\nDump failed for databases: 'neo4j'",
    '',
    'DumpFailed',
  ],
  ['a database that there is not', 1, 'Database does not exist: nosuch', '', 'DatabaseNotFound'],
  [
    'a full target',
    1,
    'Unable to dump database: IOException: No space left on device',
    '',
    'InsufficientSpace',
  ],
  [
    'a target that is not writable',
    1,
    'Unable to dump database: AccessDeniedException: /backup',
    '',
    'DumpFailed',
  ],
  ['a helper that was killed', 137, '', '', 'HelperFailed'],
  [
    'the syntax of another version',
    2,
    '',
    "Unmatched arguments from index 0: '--database=neo4j'\nDid you mean: neo4j-admin database",
    'DumpFailed',
  ],
];

for (const [what, exitCode, stdout, stderr, type] of OUTCOMES) {
  test(`the recorded output of ${what}`, () => {
    assert.throws(
      () => judgeAdmin('dump', 'neo4j', { exitCode, stdout, stderr }),
      (error: unknown) =>
        error instanceof LifeboatError && error.type === type && /"neo4j"/.test(error.message),
    );
  });
}

test('a load of a damaged archive', () => {
  const stderr = 'Unable to load database: ZstdIOException: Data corruption detected';
  assert.throws(() => judgeAdmin('load', 'neo4j', { exitCode: 1, stdout: '', stderr }), {
    type: 'LoadFailed',
  });
});

test('an exit code of 0 is no failure, whatever is printed', () => {
  judgeAdmin('dump', 'neo4j', { exitCode: 0, stdout: 'Done: 37 files, 49MiB processed.', stderr: 'WARNING' });
});
