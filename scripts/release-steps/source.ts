import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from './command-output.ts';

/** What is released: a commit, and what it says of itself. */
export interface Source {
  /** Git's name of the commit, whole. */
  commit: string;
  name: string;
  /** Of package.json; of a snapshot with `-dev.` and the commit behind it. */
  version: string;
  /** The version's section of CHANGELOG.md, without its heading. */
  notes: string;
}

/**
 * Read what is to be released, and refuse what can't be: every problem at once.
 * @param snapshot what is not released yet: its notes are those under "Unreleased".
 */
export async function readSource(project: string, { snapshot }: { snapshot: boolean }): Promise<Source> {
  const read = async (file: string) => await readFile(join(project, file), 'utf8');
  const { name, version } = JSON.parse(await read('package.json')) as { name: string; version: string };
  const locked = (JSON.parse(await read('package-lock.json')) as { version: string }).version;
  const changelog = await read('CHANGELOG.md');
  const commit = await git(project, 'rev-parse', 'HEAD');
  const changed = await git(project, 'status', '--porcelain');
  const unreleased = sectionOf(changelog, 'Unreleased');
  const notes = snapshot ? unreleased : sectionOf(changelog, version);
  const problems: string[] = [];
  if (changed) {
    const files = changed.split('\n');
    problems.push(
      `The tree is not clean (${files.length} files, "${files[0]}" first): commit or remove them.`,
    );
  }
  if (locked !== version) {
    problems.push(`package-lock.json says ${locked} and package.json ${version}: run npm install.`);
  }
  if (!notes) {
    const heading = snapshot ? '## Unreleased' : `## ${version} - <date>`;
    problems.push(`CHANGELOG.md says nothing under "${heading}".`);
  }
  if (!snapshot) {
    if (unreleased) {
      problems.push(`CHANGELOG.md still has entries under "Unreleased": move them to ${version}.`);
    }
    const tag = `v${version}`;
    if (await git(project, 'tag', '--list', tag)) {
      const tagged = await git(project, 'rev-parse', `${tag}^{commit}`);
      if (tagged !== commit) {
        problems.push(`The tag ${tag} names another commit (${tagged.slice(0, 12)}): raise the version.`);
      }
    }
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return {
    commit,
    name,
    version: snapshot ? `${version}-dev.${commit.slice(0, 12)}` : version,
    notes: `${notes}\n`,
  };
}

/** The text under `## <title>`, with whatever stands behind the title, to the next heading of that rank; empty without it. */
export function sectionOf(changelog: string, title: string): string {
  for (const section of changelog.split(/^## /m).slice(1)) {
    const [heading = '', ...lines] = section.split('\n');
    if (
      heading
        .trim()
        .split(/\s/)[0]
        ?.replace(/^\[(.*)\]$/, '$1') === title
    )
      return lines.join('\n').trim();
  }
  return '';
}
