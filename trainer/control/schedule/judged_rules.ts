import type { RetrainRun } from './run.ts';
import type { RuleAnswer } from '../../jobs/records/job_answer.ts';

/** What a run keeps of a search or a judgement of rules. */
export function aboutRule(judged: RuleAnswer['judgement']): {
  readonly metrics: unknown;
  readonly status: Extract<RetrainRun['status'], 'found' | 'rejected' | 'nothing_new'>;
  readonly text: string;
} {
  const { files: _files, candidate, ...report } = judged;
  const { trials, accepted, checks, subject } = judged;
  const metrics = { ...report, version: candidate?.version ?? null };
  const tried = trials === 1 ? 'one rule' : `${trials} rules`;
  if (judged['proposed'] === null)
    return { metrics, status: 'nothing_new', text: `none of ${tried} on ${subject} has enough trades` };
  const failed = checks.filter(({ passed }) => !passed).map(({ code }) => code);
  const verdict = accepted ? 'every check passed' : `refused by ${failed.join(', ')}`;
  return { metrics, status: accepted ? 'found' : 'rejected', text: `${tried} on ${subject}: ${verdict}` };
}
