import { parseArgs } from 'node:util';

export const USAGE = `Usage: scripts/quickstart [--once]
Shows Lifeboat on real servers, set up from nothing: a Neo4j and a Qdrant with sample data, a Temporal server with its UI, a directory
and an S3 server as repositories. Takes an encrypted, consistent backup set of both databases while a client keeps querying, verifies and
drills it, deletes the data, restores it and compares, then measures what Lifeboat adds to the plain commands.
Stays up until Ctrl-C, then removes everything that it made.

  --once    end after the demonstration, with exit code 0 when everything agreed
  --help    show this`;

export interface Options {
  once: boolean;
  help: boolean;
}

/** @throws with a sentence on what is not understood. */
export function readOptions(given: string[]): Options {
  const { values } = parseArgs({
    args: given,
    options: {
      once: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return values;
}
