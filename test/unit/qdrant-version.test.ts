import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isBefore, restoreRefusal, versionWarnings } from '../../src/adapters/qdrant/version.ts';

describe('the version of a Qdrant server', () => {
  it('may be the same minor or the next one', () => {
    for (const [from, to] of [
      ['1.18.3', '1.18.3'],
      ['1.18.3', '1.18.0'],
      ['1.18.3', '1.19.2'],
      ['v1.9.7', '1.10.0'],
    ] as const)
      assert.equal(restoreRefusal(from, to), undefined, `${from} → ${to}`);
  });

  it('is refused in both directions beyond that, with advice', () => {
    assert.match(restoreRefusal('1.18.3', '1.17.9')!, /1\.18\.3.*1\.17\.9.*run Qdrant 1\.18/);
    assert.match(restoreRefusal('1.16.0', '1.18.0')!, /1\.16 or 1\.17.*one minor version at a time/);
    assert.match(restoreRefusal('1.18.3', '2.0.0')!, /upgrade/);
    assert.match(restoreRefusal('2.0.0', '1.20.0')!, /run Qdrant 2\.0/);
  });

  it('is refused when it is not known', () => {
    assert.match(restoreRefusal('', '1.18.0')!, /snapshot's server is not known/);
    assert.match(restoreRefusal('1.18.0', 'dev')!, /target is not known \("dev"\)/);
  });

  it('is warned of when snapshots may be damaged, or when it is too old', () => {
    assert.deepEqual(versionWarnings('1.18.3'), []);
    assert.deepEqual(versionWarnings('1.15.5'), []);
    assert.match(versionWarnings('1.15.4')[0]!, /Pause the writers/);
    assert.match(versionWarnings('1.9.2')[0]!, /oldest/);
    assert.equal(isBefore('1.9.9', '1.10.0'), true);
    assert.equal(isBefore('1.10.0', '1.9.9'), false);
    assert.equal(isBefore('dev', '1.9.9'), false);
  });
});
