import pc from 'picocolors';

/** What a person reads: a numbered heading a step, and indented lines below it. */
export class Narration {
  #steps = 0;

  heading(text: string): void {
    this.#steps += 1;
    process.stdout.write(`\n${pc.bold(`${this.#steps}. ${text}`)}\n`);
  }

  tell(...lines: string[]): void {
    for (const line of lines) process.stdout.write(line === '' ? '\n' : `   ${line}\n`);
  }

  /** A name and what belongs to it, in two columns. */
  fact(name: string, value: string): void {
    this.tell(`${name.padEnd(20)} ${value}`);
  }
}

/** `12.3 s` */
export const seconds = (value: number): string => `${value.toFixed(1)} s`;
