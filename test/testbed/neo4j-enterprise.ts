import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { withLock } from './lock.ts';
import { hasImage } from './neo4j-image.ts';

const SOURCES = fileURLToPath(new URL('./neo4j-enterprise', import.meta.url));
/** Where they are in the image: before the image's own programs. */
const PLACE = '/startup/enterprise';

/**
 * Make an image that stands in for Neo4j Enterprise, of which none can be had without a licence: the Community image of the testbed, with
 * the online backup and restore of Enterprise in a form of their own. It shows that Lifeboat asks as the manual says, and keeps what comes
 * back; it shows nothing about Enterprise itself.
 */
export async function ensureEnterpriseImage(docker: Docker, community: string): Promise<string> {
  const { Id, Config } = await docker.getImage(community).inspect();
  const files = await Promise.all(
    (await readdir(SOURCES))
      .sort()
      .map(async (name) => ({ name, text: await readFile(join(SOURCES, name)) })),
  );
  const path = Config.Env.find((one) => one.startsWith('PATH='))?.slice('PATH='.length);
  const changes = [
    'ENV NEO4J_EDITION=enterprise',
    `ENV PATH=${PLACE}:${path}`,
    `ENTRYPOINT ["tini", "-g", "--", "${PLACE}/entrypoint.sh"]`,
    // A new entry point forgets what was to be run.
    'CMD ["neo4j"]',
  ].join('\n');
  const hash = createHash('sha256').update(Id).update(changes);
  for (const { name, text } of files) hash.update(name).update(text);
  const [repo, tag] = ['lifeboat-test/neo4j-enterprise', hash.digest('hex').slice(0, 10)];
  return await withLock('neo4j-enterprise-image', async () => {
    if (await hasImage(docker, `${repo}:${tag}`)) return `${repo}:${tag}`;
    const container = await docker.createContainer({ Image: community });
    try {
      const archive = pack();
      for (const { name, text } of files) archive.entry({ name: `enterprise/${name}`, mode: 0o755 }, text);
      archive.finalize();
      await container.putArchive(archive as unknown as NodeJS.ReadableStream, { path: '/startup' });
      await container.commit({ repo, tag, changes });
    } finally {
      await container.remove({ force: true, v: true });
    }
    return `${repo}:${tag}`;
  });
}
