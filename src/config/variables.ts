import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where Docker puts the secrets of a container. */
export const SECRETS_DIRECTORY = '/run/secrets';

/** Fills `${NAME}`, `${NAME:-default}` and `${secret:NAME}` (a Docker secret) into texts; `$${` stands for `${`. */
export interface Variables {
  fill(text: string): { text: string; missing: string[] };
}

/** Variables from an environment and a folder of Docker secrets. */
export function variables(env: NodeJS.ProcessEnv, secretsDirectory: string = SECRETS_DIRECTORY): Variables {
  return {
    fill(text) {
      const missing: string[] = [];
      const filled = text.replace(/\$?\$\{([^}]*)\}/g, (whole, inner: string) => {
        if (whole.startsWith('$$')) return whole.slice(1);
        const secret = /^secret:([\w.-]+)$/.exec(inner)?.[1];
        if (secret !== undefined) {
          try {
            return readFileSync(join(secretsDirectory, secret), 'utf8').replace(/\r?\n$/, '');
          } catch {
            missing.push(
              `the Docker secret "${secret}" is not in ${secretsDirectory}: give it to this container, or create the file`,
            );
            return '';
          }
        }
        const match = /^([A-Za-z_]\w*)(?::-(.*))?$/s.exec(inner);
        if (!match) {
          missing.push(
            `"\${${inner}}" is not understood: write \${NAME}, \${NAME:-default} or \${secret:NAME}, and $\${ for the text itself`,
          );
          return '';
        }
        const name = match[1] as string;
        // What every object has, such as `constructor`, is no variable.
        const value = Object.hasOwn(env, name) ? env[name] : undefined;
        if (value !== undefined && value !== '') return value;
        if (match[2] !== undefined) return match[2];
        missing.push(
          `the environment variable ${match[1]} is not set: set it, or write \${${match[1]}:-default}`,
        );
        return '';
      });
      return { text: filled, missing };
    },
  };
}
