import { MinutehandError } from '../../../shared/errors.ts';
import type { LearnerDefinition } from './contract/learner.ts';
import { LOGISTIC } from './linear/logistic.ts';
import { PRIOR } from './linear/prior.ts';
import { TREE_LEARNERS, type TreeSetup } from './trees/tree_learners.ts';

/** What a learner may need to open. */
export type LearnerSetup = TreeSetup;

/** Every learner. A new one is a folder beside this file and a line here. */
export const LEARNERS: readonly LearnerDefinition<LearnerSetup>[] = [PRIOR, LOGISTIC, ...TREE_LEARNERS];

/** @throws MinutehandError USAGE */
export function learnerNamed(name: string): LearnerDefinition<LearnerSetup> {
  const found = LEARNERS.find((own) => own.name === name);
  if (found !== undefined) return found;
  throw new MinutehandError('USAGE', {
    seen: `learner ${name}`,
    expected: `one of ${LEARNERS.map((own) => own.name).join(', ')}`,
  });
}
