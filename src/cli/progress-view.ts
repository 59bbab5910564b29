import { MultiBar, type SingleBar } from 'cli-progress';
import pc from 'picocolors';
import prettyBytes from 'pretty-bytes';
import prettyMilliseconds from 'pretty-ms';
import { printable } from '../model/printable.ts';
import type { StepHeartbeat } from '../model/progress.ts';
import type { RunView } from './follow-run.ts';
import type { Terminal } from './terminal.ts';

/** Shows a run: bars where a person watches, plain lines in a pipe, nothing with JSON. */
export interface ProgressView {
  show(view: RunView): void;
  /** Take the bars away, for a question or the end. */
  stop(): void;
}

export function progressView(terminal: Terminal): ProgressView {
  if (terminal.json) return { show: () => undefined, stop: () => undefined };
  return terminal.interactive ? barsView() : linesView((line) => terminal.note(line));
}

/** New lines of a run, each once, with the time. */
function newLines(): (view: RunView) => string[] {
  let seen = 0;
  let phase = '';
  return ({ progress }) => {
    // A run that continued as a new one begins with none.
    if (progress.lines.length < seen) seen = 0;
    const fresh = progress.lines.slice(seen);
    seen = progress.lines.length;
    const changed = progress.phase !== phase && progress.phase !== 'done';
    const first = phase === '';
    phase = progress.phase;
    if (!changed) return fresh;
    // What is new belongs to the phase before, except at first.
    return first ? [phase, ...fresh] : [...fresh, phase];
  };
}

function linesView(print: (line: string) => void): ProgressView {
  const fresh = newLines();
  return {
    show: (view) => {
      for (const line of fresh(view)) print(`${new Date().toISOString().slice(11, 19)} ${line}`);
    },
    stop: () => undefined,
  };
}

/** Bytes a second and the time that is left, from what was seen between two looks. */
export class Rate {
  #first: { at: number; bytes: number } | undefined;
  #last = 0;

  /** @returns bytes a second, and milliseconds that are left where the total is known. */
  see(bytes: number, total: number | undefined, now: number): { perSecond: number; left?: number } {
    // A step that has less than before is tried again from the start.
    if (!this.#first || bytes < this.#last) this.#first = { at: now, bytes };
    this.#last = bytes;
    const seconds = (now - this.#first.at) / 1000;
    const perSecond = seconds > 0 ? (bytes - this.#first.bytes) / seconds : 0;
    return {
      perSecond,
      ...(total !== undefined && perSecond > 0 && { left: ((total - bytes) / perSecond) * 1000 }),
    };
  }
}

/** One line for a step: `12 MB of 80 MB · 4 MB/s · 17s left`. */
export function stepText(step: StepHeartbeat, rate: { perSecond: number; left?: number }): string {
  const parts: string[] = [];
  if (step.bytes !== undefined) {
    const of = step.total === undefined ? '' : ` of ${prettyBytes(step.total)}`;
    parts.push(`${prettyBytes(step.bytes)}${of}`);
  }
  if (rate.perSecond > 0) parts.push(`${prettyBytes(Math.round(rate.perSecond))}/s`);
  if (rate.left !== undefined && rate.left >= 1000) {
    parts.push(`${prettyMilliseconds(rate.left, { secondsDecimalDigits: 0 })} left`);
  }
  return parts.join(' · ');
}

function barsView(): ProgressView {
  const fresh = newLines();
  const bars = new Map<string, SingleBar>();
  const rates = new Map<string, Rate>();
  let group: MultiBar | undefined;
  const stop = (): void => {
    group?.stop();
    group = undefined;
    bars.clear();
  };
  return {
    stop,
    show(view) {
      group ??= new MultiBar({
        format: `  {step} ${pc.cyan('{bar}')} {text}`,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        barsize: 24,
        hideCursor: true,
        clearOnComplete: true,
        stream: process.stderr,
      });
      for (const line of fresh(view))
        group.log(`${pc.dim(new Date().toISOString().slice(11, 19))} ${printable(line)}\n`);
      const steps = view.steps.length > 0 ? view.steps : waiting(view);
      const names = new Set(steps.map(({ step }) => step));
      for (const [name, bar] of bars) {
        if (names.has(name)) continue;
        group.remove(bar);
        bars.delete(name);
      }
      for (const step of steps) {
        const rate = rates.get(step.step) ?? new Rate();
        rates.set(step.step, rate);
        const text = stepText(step, rate.see(step.bytes ?? 0, step.total, Date.now()));
        const [done, total] = shareOf(step);
        const bar = bars.get(step.step) ?? group.create(total, done, { step: printable(step.step), text });
        bars.set(step.step, bar);
        bar.setTotal(total);
        bar.update(done, { step: printable(step.step).padEnd(18), text });
      }
      group.update();
    },
  };
}

const waiting = ({ progress }: RunView): StepHeartbeat[] =>
  progress.services.map(({ service, step }) => ({ step: `${service}: ${step}` }));

function shareOf(step: StepHeartbeat): [done: number, total: number] {
  if (step.bytes !== undefined && step.total !== undefined)
    return [Math.min(step.bytes, step.total), Math.max(1, step.total)];
  if (step.percent !== undefined) return [step.percent, 100];
  return [0, 100];
}
