import { closest } from 'fastest-levenshtein';
import type { z } from 'zod';
import { messageOf } from '../model/failures.ts';
import {
  backupInput,
  drillInput,
  fleetBackupInput,
  parseInput,
  pruneInput,
  replicateInput,
  verifyInput,
  watchdogInput,
} from '../model/inputs.ts';
import type { Problem } from './problems.ts';
import { WORKFLOWS } from './schedule-schema.ts';
import { calendarCron } from './schedule-times.ts';
import { cronProblem } from './values.ts';

type Raw = Record<string, unknown>;
const isMap = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const TIMINGS = ['cron', 'calendar', 'every'];

/** Schedules without a time or with two, without a workflow, that never fire, or that prune where nothing may expire. */
export function scheduleProblems(file: Raw): Problem[] {
  if (!isMap(file.schedules)) return [];
  return Object.entries(file.schedules).flatMap(([name, schedule]) => {
    const path = ['schedules', name];
    if (!isMap(schedule) || schedule.enabled === false) return [];
    const problems: Problem[] = [];
    const workflow = schedule.workflow ?? name;
    if (schedule.workflow === undefined && !(WORKFLOWS as readonly string[]).includes(name)) {
      problems.push({ path, message: `needs "workflow": one of ${WORKFLOWS.join(', ')}` });
    }
    const timings = TIMINGS.filter((key) => schedule[key] !== undefined);
    if (timings.length === 0) {
      problems.push({ path, message: 'needs a time: "cron", "calendar" or "every"' });
    } else if (timings.length > 1) {
      const message = `give one of ${timings.map((key) => `"${key}"`).join(', ')}, not several`;
      problems.push({ path: [...path, timings[1] as string], message });
    }
    problems.push(...inputProblems(workflow, schedule.input, [...path, 'input'], file));
    problems.push(...calendarsThatNeverFire(schedule.calendar, [...path, 'calendar']));
    if (workflow === 'prune' && file.retention === undefined) {
      problems.push({ path, message: 'prunes, but there is no "retention" that says what stays: add it' });
    }
    return problems;
  });
}

const INPUTS: Record<string, z.ZodType> = {
  backup: backupInput,
  prune: pruneInput,
  verify: verifyInput,
  drill: drillInput,
  watchdog: watchdogInput,
  replicate: replicateInput,
  fleetBackup: fleetBackupInput,
};

/** What the workflow itself would refuse, and repositories that there are not. Services may also come from labels. */
function inputProblems(workflow: unknown, input: unknown, path: PropertyKey[], file: Raw): Problem[] {
  const schema = INPUTS[String(workflow)];
  if (!schema || !isMap(input)) return [];
  const problems: Problem[] = [];
  try {
    parseInput(String(workflow), schema, input);
  } catch (error) {
    problems.push({ path, message: messageOf(error) });
  }
  const known = isMap(file.repositories) ? Object.keys(file.repositories) : [];
  const named = [input.repositories, input.repository, input.from, input.to].flat();
  for (const name of named.filter((one) => typeof one === 'string')) {
    if (known.length === 0 || known.includes(name)) continue;
    const message = `there is no repository "${name}": did you mean "${closest(name, known)}"?`;
    problems.push({ path, message });
  }
  return problems;
}

function calendarsThatNeverFire(calendar: unknown, path: PropertyKey[]): Problem[] {
  const list = Array.isArray(calendar) ? calendar : calendar === undefined ? [] : [calendar];
  return list.flatMap((one, index) => {
    if (!isMap(one)) return [];
    const expression = calendarCron(one);
    // What can not be written as a cron expression is wrong by itself, and the schema says so.
    if (expression === undefined || cronProblem(expression, true)?.includes('never fires') !== true)
      return [];
    const here = Array.isArray(calendar) ? [...path, index] : path;
    return [{ path: here, message: 'never fires: there is no such date to come' }];
  });
}
