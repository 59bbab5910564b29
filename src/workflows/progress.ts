import {
  defineQuery,
  log,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { type Progress, progressMarkdown } from '../model/progress.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';

/** How far a run is; the command line follows it. */
export const progressQuery = defineQuery<Progress>('progress');

/** The progress of this run: answered to queries, shown as current details, and its phase as a search attribute. */
export class ProgressReport {
  readonly #progress: Progress = { phase: 'starting', services: [], lines: [] };

  constructor() {
    setHandler(progressQuery, () => this.#progress);
  }

  phase(phase: string): void {
    this.#progress.phase = phase;
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.phase, value: phase }]);
    this.#show();
  }

  set(set: string): void {
    this.#progress.set = set;
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.set, value: set }]);
  }

  service(service: string, step: string): void {
    const entry = { service, step, since: new Date().toISOString() };
    const at = this.#progress.services.findIndex((one) => one.service === service);
    if (at < 0) this.#progress.services.push(entry);
    else this.#progress.services[at] = entry;
    this.#show();
  }

  line(text: string): void {
    log.info(text);
    this.#progress.lines.push(text);
    this.#show();
  }

  #show(): void {
    setCurrentDetails(progressMarkdown(this.#progress));
  }
}
