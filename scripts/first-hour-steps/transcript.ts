import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A page that shows commands as they were typed in one folder, and what they said. */
export class Transcript {
  readonly #lines: string[] = [];
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  /** What differs from machine to machine → what it is usually called. */
  readonly #names: [string, string][];

  constructor(options: { folder: string; env: NodeJS.ProcessEnv; names: [string, string][] }) {
    this.#folder = options.folder;
    this.#env = options.env;
    this.#names = options.names;
  }

  heading(text: string): void {
    this.#lines.push('', `${this.#lines.length === 0 ? '#' : '##'} ${text}`);
  }

  tell(text: string): void {
    this.#lines.push('', text);
  }

  /**
   * Run a command line to its end and show it, with both of its streams as a terminal shows them.
   * @throws when it ends with another code than `code`.
   */
  async run(command: string, code = 0): Promise<string> {
    const child = this.#spawn(command);
    const said = collect(child);
    const [ended] = (await once(child, 'close')) as [number | null];
    if (ended !== code) throw new Error(`$ ${command}\nended with ${ended}:\n${said.text}`);
    this.#show(command, said.text);
    return said.text;
  }

  /** Start a command that stays, and show what it says until it says this. */
  async start(command: string, until: RegExp): Promise<ChildProcess> {
    const child = this.#spawn(`exec ${command}`);
    const said = collect(child);
    await new Promise<void>((resolve, reject) => {
      const look = () => until.test(said.text) && resolve();
      child.stdout?.on('data', look);
      child.stderr?.on('data', look);
      child.once('exit', (code) => reject(new Error(`$ ${command}\nended with ${code}:\n${said.text}`)));
    });
    this.#show(command, said.text);
    return child;
  }

  /** The page. */
  text(): string {
    let text = this.#lines.join('\n').trimStart();
    for (const [found, usual] of this.#names) text = renamed(text, found, usual);
    return `${text}\n`;
  }

  #spawn(command: string): ChildProcess {
    return spawn('sh', ['-c', command], {
      cwd: this.#folder,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  #show(command: string, said: string): void {
    const answer = said.trimEnd();
    this.#lines.push('', '```console', `$ ${command}`, ...(answer === '' ? [] : [answer]), '```');
  }
}

/** With another name of another length; in a table, which has two spaces between its columns, the next column stays where it is. */
function renamed(text: string, found: string, usual: string): string {
  const pattern = new RegExp(`${found.replace(/[^\w]/g, '\\$&')}(\\S*)( {2,})?`, 'g');
  return text.replace(pattern, (_, rest: string, gap: string | undefined) => {
    const kept = usual + rest;
    return gap === undefined ? kept : kept.padEnd(found.length + rest.length) + gap;
  });
}

function collect(child: ChildProcess): { text: string } {
  const said = { text: '' };
  const add = (chunk: Buffer) => {
    said.text += chunk.toString();
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  return said;
}
