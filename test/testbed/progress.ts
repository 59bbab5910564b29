/** Tells a person what is going on, in one line. */
export type Say = (line: string) => void;

/** Lines of one part of the testbed, on standard error, with the seconds since the start. */
export function progressOf(part: string, since: number = Date.now()): Say {
  return (line) => {
    const seconds = ((Date.now() - since) / 1000).toFixed(1).padStart(6);
    process.stderr.write(`${seconds} s  ${part.padEnd(8)}  ${line}\n`);
  };
}

export const silently: Say = () => {};
