import type { z } from 'zod';
import { LifeboatError } from '../model/failures.ts';

/** One thing that is wrong with the configuration. */
export interface Problem {
  /** Keys and indexes from the top of the file on. */
  path: PropertyKey[];
  /** What is wrong and what is accepted; never the value of a secret. */
  message: string;
  /** 1-based place in the file, where it is known. */
  line?: number;
  column?: number;
  /** Where it was written, when not in the file: an environment variable, a container's label. */
  source?: string;
}

/** `services.neo4j.databases[0]`. */
export function pathText(path: PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}

/** One line for people: place, path, sentence. */
export function problemText(problem: Problem, file: string): string {
  const place =
    problem.source ?? (problem.line === undefined ? file : `${file}:${problem.line}:${problem.column ?? 1}`);
  const path = pathText(problem.path);
  return `${place}: ${path === '' ? '' : `${path}: `}${problem.message}`;
}

/** More problems than this are counted and not told: the rest follows from them, or nobody reads it. */
const MOST_TOLD = 100;
/** A message is cut after so many characters: it may quote a whole file. */
const LONGEST_TOLD = 500;

const cut = (text: string): string =>
  text.length > LONGEST_TOLD ? `${text.slice(0, LONGEST_TOLD - 1)}…` : text;

/** The first hundred of them as one `InvalidConfiguration`, in the order of the file. */
export function invalidConfiguration(problems: Problem[], file: string): LifeboatError {
  const ordered = [...problems]
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
    .slice(0, MOST_TOLD)
    .map((problem) => ({ ...problem, message: cut(problem.message) }));
  const lines = ordered.map((problem) => `  ${cut(problemText(problem, file))}`);
  if (problems.length > MOST_TOLD) lines.push(`  and ${problems.length - MOST_TOLD} more`);
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new LifeboatError('InvalidConfiguration', `The configuration has ${count}:\n${lines.join('\n')}`, {
    details: {
      file,
      problems: ordered.map((problem) => ({ ...problem, path: cut(pathText(problem.path)) })),
    },
  });
}

type Issue = z.core.$ZodIssue;

/** What zod found, one problem for each unknown key and each wrong value. */
export function problemsOf(issues: readonly Issue[]): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    if (issue.code === 'unrecognized_keys') {
      const lines = issue.message.split('\n');
      return issue.keys.map((key, index) => ({
        path: [...issue.path, key],
        message: lines[index] ?? issue.message,
      }));
    }
    if (issue.code === 'invalid_key')
      return issue.issues.map((inner) => ({ path: issue.path, message: inner.message }));
    if (issue.code === 'invalid_union') {
      // The alternative that understood most of the value knows best what is wrong with it.
      const deepest = issue.errors
        .filter((errors) =>
          errors.some((error) => error.path.length > 0 || error.code === 'unrecognized_keys'),
        )
        .at(0);
      const inner = deepest ?? issue.errors.filter((errors) => errors.some((e) => e.code === 'custom')).at(0);
      if (inner) return problemsOf(inner).map((p) => ({ ...p, path: [...issue.path, ...p.path] }));
    }
    return [{ path: issue.path, message: sentence(issue) }];
  });
}

/** zod's own words, where a field has none of ours, in the style of the others. */
function sentence(issue: Issue): string {
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'invalid_type') {
    const missing = issue.message.endsWith('received undefined');
    return missing
      ? `is missing: a ${issue.expected} is needed`
      : issue.message.replace('Invalid input: expected', 'must be a').replace(/, received .*/, '');
  }
  return issue.message
    .replace(/^Invalid input: expected/, 'must be')
    .replace(/^Too (big|small): expected \w+ to be/, 'must be');
}
