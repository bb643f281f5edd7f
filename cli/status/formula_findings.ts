import { problemText, type ConfigProblem } from '../../shared/policy/problem.ts';
import type { Finding } from './findings.ts';

/**
 * Faults of `features.yaml`, which stop no daemon, but the next training.
 * @param problems of settings that are valid
 */
export function formulaFindings(problems: readonly ConfigProblem[]): Finding[] {
  return problems.map((problem) => ({
    weight: 'problem',
    about: 'features.yaml',
    text: problemText(problem),
    next: 'The next training refuses it: correct it, and look with `minutehand config check`.',
  }));
}
