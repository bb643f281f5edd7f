import { readRuleBundle } from '../../shared/bundle/rule/rule_bundle.ts';
import type { StrategyDocument } from '../../shared/policy/strategy_file.ts';
import { homePaths } from '../../shared/home.ts';
import type { EvolveJob } from '../../trainer/jobs/kinds/evolve_job.ts';
import type { JudgeJob } from '../../trainer/jobs/kinds/judge_job.ts';
import type { KeptRule, RuleContext } from '../../trainer/jobs/kinds/rule_candidate.ts';
import { runEvolve } from '../../trainer/jobs/kinds/run_evolve.ts';
import { runJudge } from '../../trainer/jobs/kinds/run_judge.ts';
import { writeTrendingHours } from './direction_part.ts';
import type { GoldenPart } from './part.ts';
import { asValue, type Value } from './values.ts';
import type { Workshop } from './workshop.ts';

const HOURS = 3000;

async function marketOf(workshop: Workshop, name: string) {
  const folder = await writeTrendingHours(workshop.folder(`${name} bars`), ['BTCUSDT'], HOURS);
  return {
    market: 'simulated',
    subject: 'BTCUSDT@1h',
    window: { from: null, to: null },
    source: { folder, series: null },
    direction: null,
    costs: { model: 'profile', fee_bps: 2, slippage_bps: 0 },
    holdout_from: null,
    seed: '0',
    resamples: 200,
    trigger: { code: 'command', values: { command: 'golden' } },
  } as const;
}

function contextOf(workshop: Workshop, name: string): RuleContext {
  const paths = homePaths({ MINUTEHAND_HOME: workshop.folder(`${name} home`) });
  return { settings: workshop.settings, paths, gitCommit: null, onProgress: () => undefined };
}

/** The kept rule without what says when it was made. */
function keptRule(kept: KeptRule | null): Value {
  if (kept === null) return null;
  const { version: _, created: __, files: ___, ...manifest } = readRuleBundle(kept.path).manifest;
  return asValue(manifest);
}

const RULE: StrategyDocument = {
  name: 'follow',
  description: 'Follows a move of six hours',
  subject: 'instrument',
  entry_long: 'close / delay(close, 6) - 1 > 0.01 and rsi(14) < 90',
  entry_short: 'close / delay(close, 6) - 1 < -0.01 and hour() < 20',
  stop: { bps: 300 },
  max_age: 12,
};

const judgePart: GoldenPart = {
  name: 'judge',
  what: 'a judgement of a written rule: trades, checks, the kept bundle',
  depth: 2,
  figures: [
    'report/trades/length',
    'report/accepted',
    'report/deflated_sharpe',
    'report/development/performance/net_sharpe',
    'report/holdout/performance/mean_net_bps',
  ],
  async measure(workshop) {
    const job: JudgeJob = {
      kind: 'judge',
      ...(await marketOf(workshop, 'judge')),
      strategy: RULE,
      output: { candidate: true },
    };
    const { report, candidate } = await runJudge(job, contextOf(workshop, 'judge'));
    return { report: asValue(report), bundle: keptRule(candidate) };
  },
};

const evolvePart: GoldenPart = {
  name: 'evolve',
  what: 'a search of rules, two generations: searches, the proposed rule, its checks and bundle',
  depth: 2,
  figures: [
    'report/trials',
    'report/accepted',
    'report/proposed/strategy/entry_long',
    'report/proposed/deflated_sharpe',
    'report/proposed/holdout/performance/mean_net_bps',
  ],
  async measure(workshop) {
    const job: EvolveJob = {
      kind: 'evolve',
      ...(await marketOf(workshop, 'evolve')),
      space: {
        name: 'small',
        description: 'of the golden record',
        subject: 'instrument',
        features: [
          { formula: 'close / delay(close, n) - 1', windows: [1, 3, 6], thresholds: [-0.01, -0.005, 0.005, 0.01] },
          { formula: 'rsi(n)', windows: [14], thresholds: [30, 50, 70] },
          { formula: 'hour()', thresholds: [6, 12, 18] },
        ],
        operators: ['and', 'or'],
        sides: ['long', 'short'],
        max_conditions: 3,
        stop_bps: [null, 100],
        target_bps: [null],
        max_age: [1, 4, 12],
        population: 20,
        generations: 2,
        complexity_penalty: 0.3,
      },
      output: { folder: null, candidate: true },
    };
    const { report, candidate } = await runEvolve(job, contextOf(workshop, 'evolve'));
    return { report: asValue(report), bundle: keptRule(candidate) };
  },
};

export const RULE_PARTS: readonly GoldenPart[] = [judgePart, evolvePart];
