#!/usr/bin/env node
/**
 * Tests that take too long for `npm test`, with MINUTEHAND_LONG=1: more kills, a slower market, more months of bars,
 * and the LightGBM engine, whose library is compiled the first time. Arguments replace the list of files.
 */
import { ensureLightgbm } from './lightgbm.mjs';
import { ONLY_LONG } from './only_long.mjs';
import { ensureReady, run } from './setup.mjs';
import { conclude, mustHold, testsHold } from './steps.mjs';

const LONG = [
  ...ONLY_LONG,
  'sim/sim.chain.test.ts',
  'shared/bar_file/bar_check.unit.test.ts',
  'shared/core/formula/formula.unit.test.ts',
  'shared/core/formula/parse_formula.unit.test.ts',
  'test/formula_pandas/formula_pandas.server.test.ts',
  'shared/policy/yaml.unit.test.ts',
  'cli/bars/import.slow.test.ts',
  'cli/bars/store_sink.server.test.ts',
  'daemon/kill.chain.test.ts',
  'daemon/feed/redis.chain.test.ts',
  'trainer/learning/backtest/executability.unit.test.ts',
  'trainer/learning/search/study.chain.test.ts',
  'bench/compare/compare.chain.test.ts',
  'bench/gates/rates.unit.test.ts',
  'bench/end_to_end/soak.unit.test.ts',
  'bench/training.chain.test.ts',
  'mt5/broker.server.test.ts',
  'test/careless_bars.slow.test.ts',
  'test/cheats.chain.test.ts',
  'test/formulas_trained.chain.test.ts',
  'test/adoption_restarts.chain.test.ts',
  'test/retrain_chain.chain.test.ts',
  'test/lease_clock.server.test.ts',
  'test/write_a_job.server.test.ts',
  'test/write_a_pair_strategy.server.test.ts',
  'test/write_a_strategy.server.test.ts',
  'test/league_acceptance.chain.test.ts',
  'test/dashboard.chain.test.ts',
  'test/dashboard_frames.chain.test.ts',
  'test/fresh_clone.chain.test.ts',
  'test/release.chain.test.ts',
  'test/hundred_subjects.chain.test.ts',
  'test/image.chain.test.ts',
  'test/bring_a_model.chain.test.ts',
  'test/real_bars.chain.test.ts',
  'test/promotion_owner.server.test.ts',
  'test/promotion_partition.server.test.ts',
  'test/evolve_fleet.server.test.ts',
  'test/fleet.chain.test.ts',
  'test/fleet_limits.chain.test.ts',
  'test/fleet_partition.chain.test.ts',
  'test/year_of_signals.chain.test.ts',
  'test/notified.chain.test.ts',
  'test/news.chain.test.ts',
  'trainer/learning/profile/evidence.unit.test.ts',
  'trainer/learning/strategies/pair_reversion/dataset/real_dataset.slow.test.ts',
  'trainer/learning/scan/scan.unit.test.ts',
  'trainer/learning/evolve/evolve.unit.test.ts',
  'trainer/learning/automl/search_formulas.slow.test.ts',
  'test/rollout_month.chain.test.ts',
  'test/golden/golden.slow.test.ts',
  'trainer/learning/learners/trees/engines/engines.chain.test.ts',
];

await run(async () => {
  await ensureReady('development');
  process.env.MINUTEHAND_LONG = '1';
  await mustHold('lightgbm', async () => {
    process.env.MINUTEHAND_LIGHTGBM_LIBRARY ||= (await ensureLightgbm()) ?? '';
    return process.env.MINUTEHAND_LIGHTGBM_LIBRARY !== '';
  });
  const given = process.argv.slice(2);
  await testsHold('long tests', given.length > 0 ? given : LONG);
  return conclude();
});
