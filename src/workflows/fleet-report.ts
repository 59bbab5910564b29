import { log, setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import { type Progress, progressMarkdown } from '../model/progress.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import { progressQuery } from './progress.ts';

/** Lines that are kept: each next run of the workflow begins with none. */
const LINES = 600;

/** The progress of a run over many hosts: like that of others, but a host is shown only while it works. */
export class FleetReport {
  readonly #progress: Progress = { phase: 'starting', services: [], lines: [] };
  /** How far it is, in words; asked anew whenever something changed. */
  readonly #state: () => string;

  constructor(state: () => string) {
    this.#state = state;
    setHandler(progressQuery, () => this.#progress);
  }

  phase(phase: string): void {
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.phase, value: phase }]);
    this.#progress.phase = phase;
    this.#show();
  }

  works(host: string, step: string, since: string): void {
    this.#progress.services.push({ service: host, step, since });
    this.#show();
  }

  ends(host: string): void {
    this.#progress.services = this.#progress.services.filter(({ service }) => service !== host);
    this.#show();
  }

  line(text: string): void {
    log.info(text);
    if (this.#progress.lines.length < LINES) this.#progress.lines.push(text);
    this.#show();
  }

  #show(): void {
    setCurrentDetails(`${this.#state()}\n\n${progressMarkdown(this.#progress)}`);
  }
}
