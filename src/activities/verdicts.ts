import { type Verdict, writeVerdict } from '../adapters/repository/set-marks.ts';
import { LifeboatError } from '../model/failures.ts';
import type { Dependencies } from './dependencies.ts';
import { step } from './step.ts';

/** What verify and drill found of sets. */
export function createVerdictActivities(deps: Dependencies) {
  return {
    /** Write a verdict beside its set; a retry that finds its own has nothing to do. */
    async recordVerdict(input: {
      repository: string;
      set: string;
      kind: Verdict['kind'];
      verdict: Verdict['verdict'];
      /** ISO time. */
      time: string;
      findings: unknown;
    }): Promise<void> {
      await step('record', async () => {
        const { repository, set, time, ...verdict } = input;
        try {
          await writeVerdict(deps.repository(repository), set, { ...verdict, time: new Date(time) });
        } catch (error) {
          if (!(error instanceof LifeboatError && error.type === 'KeyExists')) throw error;
        }
      });
    },
  };
}
