import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { replayBars } from '../daemon/replay.ts';
import { barInput } from '../daemon/queue/input.ts';
import { byMinute, openBench } from '../daemon/pipeline.fixture.ts';
import type { OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import type * as fillCost from '../shared/core/cost/fill_cost.ts';
import { parsePair } from '../shared/pair.ts';
import { tradingCosts } from '../shared/policy/costs.ts';
import { decisionPolicy } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { backtestPeriod, ROWS_PER_SCORE } from '../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';
import { programSources } from './program_sources.ts';

const extra = vi.hoisted(() => ({ bps: 0 }));
vi.mock('../shared/core/cost/fill_cost.ts', async (importOriginal) => {
  const real = await importOriginal<typeof fillCost>();
  return {
    ...real,
    pairFillCostBps: (...call: Parameters<typeof real.pairFillCostBps>) => real.pairFillCostBps(...call) + extra.bps,
  };
});

const settings = tinySettings({ core: { min_expected_net_bps: -50, require_edge: false } });
const BARS = tinyBars(settings, 700);
const FROM = [...BARS.values()][0]!.time[200]! as OpenTime;
let folder: string;
let models: ModelSet;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-one-cost-'));
  const schema = featureSchema(settings.minutehand.windows);
  const path = writeRandomBundle(folder, { schema, trees: 4, leaves: 4, seed: 'one cost' });
  const loaded = await loadModelSet(path, schema, ROWS_PER_SCORE);
  models = { ...loaded, theta1: 0, theta2: 1, hasEdge: () => true };
});
afterAll(async () => {
  await models.release();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => (extra.bps = 0));

function reasonsOf(signals: readonly Signal[]): { entries: number; costly: number } {
  const counted = (reason: string): number => signals.filter((signal) => signal.reason === reason).length;
  return { entries: counted('ENTRY'), costly: counted('COST_HIGH') };
}

async function live(): Promise<ReturnType<typeof reasonsOf>> {
  const bench = openBench(settings);
  bench.pipeline.inputs.apply({ kind: 'swap', set: models });
  for (const { bars } of byMinute(BARS)) {
    for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, false));
    await bench.pipeline.settled();
  }
  return reasonsOf(bench.signals);
}

async function replay(): Promise<ReturnType<typeof reasonsOf>> {
  const signals: Signal[] = [];
  await replayBars({
    settings,
    pairIds: settings.minutehand.pairs,
    bars: BARS,
    models,
    clock: MACHINE_CLOCK,
    bootId: 'one cost',
    from: FROM,
    to: Infinity as OpenTime,
    onSignals: (batch) => signals.push(...batch.map(({ text }) => JSON.parse(text) as Signal)),
    onMinute: () => undefined,
  });
  return reasonsOf(signals);
}

async function backtest(): Promise<{ entries: number; costly: number; cost: number }> {
  const { bundles } = await backtestPeriod({
    pairs: settings.minutehand.pairs.map(parsePair),
    bars: BARS,
    from: FROM,
    sets: [models],
    policy: decisionPolicy(settings),
    labels: datasetPolicy(settings),
    costs: tradingCosts(settings),
    workers: 0,
    onProgress: () => undefined,
  });
  const { trades, total } = bundles[0]!.all_pairs;
  const cost = trades.reduce((sum, { costBps }) => sum + costBps, 0) / trades.length;
  return { entries: trades.length, costly: total.refusals.COST_HIGH ?? 0, cost };
}

it('a change of the cost function changes live decisions, a replay and a backtest alike', async () => {
  const before = { live: await live(), replay: await replay(), backtest: await backtest() };
  extra.bps = 30;
  const after = { live: await live(), replay: await replay(), backtest: await backtest() };
  for (const where of ['live', 'replay', 'backtest'] as const) {
    expect(before[where].entries).toBeGreaterThan(10);
    expect(after[where].entries).toBeLessThan(before[where].entries);
    expect(after[where].costly).toBeGreaterThan(before[where].costly);
  }
  extra.bps = 1;
  expect((await backtest()).cost - before.backtest.cost).toBeCloseTo(2, 1);
});

it('only the cost function computes with spread, commission and slippage', () => {
  /** Other files that mention costs: declared, checked, shown, simulated, stored, or compared with fills. */
  const allowed = [
    'shared/bundle/direction/direction_manifest.ts',
    'shared/bundle/rule/rule_manifest.ts',
    'shared/core/cost/fill_cost.ts',
    'shared/fill/fill.ts',
    'shared/fill/quoted_price.ts',
    'shared/market/instrument.ts',
    'shared/market/simulated_market.ts',
    'shared/policy/applies.ts',
    'shared/policy/believed_costs.ts',
    'shared/policy/consistency.ts',
    'shared/policy/delivered.ts',
    'shared/policy/schema.ts',
    'shared/run_trigger/en.ts',
    'shared/run_trigger/ja.ts',
    'trainer/control/api/usual_leagues.ts',
    'trainer/control/fills/fill_figures.ts',
    'trainer/control/fills/intake.ts',
    'trainer/control/monitor/direction_look.ts',
    'trainer/control/monitor/fill_performance.ts',
    'trainer/control/monitor/report.ts',
    'trainer/control/performance/account_performance.ts',
    'trainer/control/performance/performance_schema.ts',
    'trainer/control/report/fill_figures.ts',
    'trainer/control/report/report_page.ts',
    'trainer/control/schedule/rule_runs.ts',
    'trainer/control/schema/records.ts',
    'trainer/control/schema/reports.ts',
    'trainer/jobs/bars/bar_notes.ts',
    'trainer/jobs/kinds/direction_defaults.ts',
    'trainer/jobs/kinds/direction_job.ts',
    'trainer/jobs/kinds/direction_league_job.ts',
    'trainer/jobs/kinds/read_rule_subject.ts',
    'trainer/jobs/kinds/rule_candidate.ts',
    'trainer/jobs/kinds/rule_market.ts',
    'trainer/jobs/kinds/run_direction.ts',
    'trainer/jobs/strategies/direction/live_comparison.ts',
    'trainer/jobs/strategies/direction/run_league.ts',
    'trainer/learning/backtest/executability.ts',
    'trainer/learning/strategies/direction/make_direction_bundle.ts',
    'trainer/learning/strategies/pair_reversion/backtest/report/report.ts',
    'trainer/store/schema/trades.ts',
  ];
  const found = programSources(['daemon', 'shared', 'trainer']).filter((path) =>
    /spread_bps|commission_bps|slippage_bps/.test(readFileSync(join(packageRoot(), path), 'utf8')),
  );
  expect(found.sort()).toEqual(allowed);
});
