/** A bound on the work of matching: a policy is hostile input, and time must not follow what it asks for. */
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/** See the module. One budget is shared by all matching of one policy. */
export class StepBudget {
  #left: number;

  constructor(steps: number = LIMITS.selinuxSteps) {
    this.#left = steps;
  }

  /** Takes steps away. Throws `LIMIT_EXCEEDED` when there are none left. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left >= 0) return;
    throw new PlanishError(
      'LIMIT_EXCEEDED',
      'matching paths against the rules of the SELinux policy takes too long',
      {
        limit: 'selinuxSteps',
      },
    );
  }
}
