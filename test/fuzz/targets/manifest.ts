import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parseManifest } from '../../../src/model/manifest.ts';
import { retentionSetOf } from '../../../src/model/retention/retention-set.ts';
import { planRetention } from '../../../src/model/retention.ts';
import { mutatedBytes, mutatedJson } from '../mutations.ts';
import { receptionOf, target } from '../target.ts';

const recorded = (name: string): Buffer =>
  readFileSync(new URL(`../recordings/${name}.manifest.json`, import.meta.url));
const RECORDED = ['graph', 'vectors'].map(recorded);
const VALUES = RECORDED.map((text) => JSON.parse(text.toString()) as unknown);

const DEEP = [10, 1000, 100_000].flatMap((depth) => ['['.repeat(depth), '{"a":'.repeat(depth)]);

export const MANIFEST = target<string>({
  name: 'manifest',
  what: 'manifests of real sets: changed bytes and values, depth, keys like `__proto__`, paths that lead out',
  inputs: () =>
    fc.oneof(
      mutatedJson(...VALUES).map((value) => JSON.stringify(value) ?? ''),
      fc
        .constantFrom(...RECORDED)
        .chain(mutatedBytes)
        .map(String),
      fc.constantFrom(
        ...DEEP,
        ...DEEP.map((text) => `{"kind":"lifeboat/backup-set","format":1,"services":${text}`),
      ),
      fc.json({ maxDepth: 4 }),
    ),
  async read(text) {
    return await receptionOf(() => {
      const manifest = parseManifest(text, 'manifests/x.json');
      for (const { path } of manifest.artifacts) {
        const out =
          path.startsWith('/') ||
          path.split('/').some((word) => word === '..' || word === '.' || word === '');
        if (out || path.includes('\0')) throw new Error(`It took the path ${JSON.stringify(path)}.`);
      }
      // What reads a manifest first.
      planRetention(
        [retentionSetOf(manifest, { held: false, verdicts: [] })],
        { timezone: 'UTC', minimum: 1, keepDaily: 1 },
        new Date(),
      );
    });
  },
});
