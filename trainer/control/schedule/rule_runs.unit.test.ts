import { describe, expect, it } from 'vitest';
import type { RunKind } from './run.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { jobSchema } from '../../jobs/kinds/registry.ts';
import { aboutRule } from './judged_rules.ts';
import { noticesOfRun } from './run_notices.ts';
import { newRun, requestTrigger, type RetrainRun } from './run.ts';
import { runParametersSchema, type RunParameters } from '../../jobs/kinds/run_parameters.ts';
import { jobOfRun } from './run_job.ts';
import { scheduledSearches } from './rule_runs.ts';

const delivered = loadSettings({ env: {} });
const settings = {
  ...delivered,
  minutehand: { ...delivered.minutehand, instruments: ['BTCUSDT@1h', 'ETHUSDT@1h'] },
};
const NOW = Date.parse('2026-03-04T05:06:07.890Z');
const trigger = { code: 'schedule', values: { schedule: 'rules' } } as const;

describe('searches of the schedule', () => {
  it('are one per instrument, in the space of the policy, and end at this minute', () => {
    const jobs = scheduledSearches(settings, NOW).map((parameters) => {
      // As the store keeps it.
      const kept = runParametersSchema.parse(JSON.parse(JSON.stringify(parameters)));
      return jobOfRun({ kind: 'evolve', trigger, parameters: kept }, settings);
    });
    for (const job of jobs) expect(jobSchema.parse(JSON.parse(JSON.stringify(job)))).toEqual(job);
    expect(jobs).toMatchObject(
      settings.minutehand.instruments.map((subject) => ({
        kind: 'evolve',
        subject,
        space: { name: settings.retrain.rule_search_space },
        window: { from: null, to: '2026-03-04T05:06:00Z' },
        output: { folder: null, candidate: true },
        trigger,
      })),
    );
  });

  it('need a space of instruments that is there', () => {
    const inSpace = (rule_search_space: string) => () =>
      scheduledSearches({ ...settings, retrain: { ...settings.retrain, rule_search_space } }, NOW);
    const seen = expect.stringContaining('rule_search_space is pair, a space of pairs') as string;
    expect(inSpace('pair')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', seen }) as Error);
    expect(inSpace('missing')).toThrow(expect.objectContaining({ code: 'CONFIG_MISSING' }) as Error);
  });

  it('cannot begin without their job', () => {
    expect(() => jobOfRun({ kind: 'judge', trigger, parameters: {} }, settings)).toThrow(RangeError);
    const [parameters] = scheduledSearches(settings, NOW);
    expect(() => jobOfRun({ kind: 'judge', trigger, parameters: parameters! }, settings)).toThrow(RangeError);
  });

  it('are named in the trigger of a request by space, subject and seed', () => {
    const [parameters] = scheduledSearches(settings, NOW);
    expect(requestTrigger('api', parameters)).toMatchObject({
      values: { options: { rule: 'hourly', subject: 'BTCUSDT@1h', seed: '0' } },
    });
  });
});

describe('what a run keeps of a judgement', () => {
  const check = { code: 'SPA', passed: false, value: 0.3, relation: '<=', limit: 0.05 };
  const judged = { subject: 'BTCUSDT@1h', trials: 7, accepted: false, checks: [check], candidate: null };

  it('is refused, found, or nothing, with the reason', () => {
    expect(aboutRule(judged)).toMatchObject({ status: 'rejected', text: '7 rules on BTCUSDT@1h: refused by SPA' });
    const accepted = { ...judged, trials: 1, accepted: true, candidate: { version: '20260304_0506' } };
    expect(aboutRule(accepted)).toMatchObject({
      status: 'found',
      text: 'one rule on BTCUSDT@1h: every check passed',
      metrics: { version: '20260304_0506' },
    });
    expect(aboutRule({ ...judged, proposed: null })).toMatchObject({ status: 'nothing_new' });
  });

  it('is told as a rule, not as models', () => {
    const started_at = '2026-03-04T05:06:07.000Z';
    const run = {
      ...newRun({ run_id: 1, kind: 'evolve', trigger, attempt: 1, started_at }),
      status: 'rejected' as const,
    };
    const [notice] = noticesOfRun({ ...run, model_version: '20260304_0506', reasons: ['SPA'] }).raised;
    expect(notice!.text).toMatch(/^The rule 20260304_0506 did not pass: SPA\./);
  });
});

describe('the alerts of a run', () => {
  const runOf = (kind: RunKind, parameters: RunParameters, status: RetrainRun['status']) =>
    noticesOfRun({
      ...newRun({ run_id: 1, kind, parameters, trigger, attempt: 1, started_at: '2026-03-04T05:06:07.000Z' }),
      status,
    });
  const opened = (...run: Parameters<typeof runOf>) => runOf(...run).raised[0]!.key;
  const coin: RunParameters = { symbols: ['BTCUSDT'], timeframe: '1h' };

  it('are resolved when the same work has succeeded, and by no other run', () => {
    const failed = opened('direction', coin, 'failed');
    for (const status of ['rejected', 'adopted', 'nothing_new'] as const)
      expect(runOf('direction', coin, status).cleared).toContain(failed);
    expect(runOf('direction', { ...coin, seed: 2 }, 'rejected').cleared).not.toContain(failed);
    expect(runOf('full', {}, 'adopted').cleared).not.toContain(failed);
    expect(runOf('full', { seed: 2 }, 'adopted').cleared).not.toContain(opened('full', {}, 'failed'));
    expect(runOf('full', {}, 'adopted').cleared).toContain(opened('incremental', {}, 'aborted'));
    expect(runOf('incremental', {}, 'adopted').cleared).not.toContain(opened('full', {}, 'aborted'));
  });

  it('of a search of rules are of its subject, whenever it ended', () => {
    const [first] = scheduledSearches(settings, NOW);
    const [later, other] = scheduledSearches(settings, NOW + 86_400_000);
    const failed = opened('evolve', first!, 'failed');
    expect(runOf('evolve', later!, 'rejected').cleared).toContain(failed);
    expect(runOf('evolve', other!, 'rejected').cleared).not.toContain(failed);
  });
});
