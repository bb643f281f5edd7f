#!/usr/bin/env node
/**
 * Tests that take too long for `npm test`, with MINUTEHAND_LONG=1: more kills, a slower market, more months of bars,
 * and the LightGBM engine, whose library is compiled the first time. Arguments replace the list of files.
 */
import { ensureLightgbm } from './lightgbm.mjs';
import { ensureBuilt, ensureInstalled, run } from './setup.mjs';
import { conclude, mustHold, testsHold } from './steps.mjs';

const LONG = [
  'sim/sim.test.ts',
  'shared/bar_file/bar_check.test.ts',
  'shared/policy/yaml.test.ts',
  'cli/bars/import.test.ts',
  'cli/bars/store_sink.test.ts',
  'daemon/kill.test.ts',
  'daemon/feed/redis.test.ts',
  'trainer/learning/backtest/executability.test.ts',
  'trainer/learning/search/study.test.ts',
  'bench/compare/compare.test.ts',
  'bench/end_to_end/soak.test.ts',
  'mt5/day.test.ts',
  'mt5/broker.test.ts',
  'test/signals_crash.test.ts',
  'test/retrain_chain.test.ts',
  'test/registry_crash.test.ts',
  'test/dashboard.test.ts',
  'test/dashboard_frames.test.ts',
  'test/fresh_clone.test.ts',
  'test/year_of_signals.test.ts',
  'test/notified.test.ts',
  'test/two_machines.test.ts',
  'trainer/control/monitor/evidence.test.ts',
  'trainer/control/rollout/simulation/rollouts.test.ts',
  'trainer/learning/dataset/real_dataset.test.ts',
  'trainer/learning/scan/scan.test.ts',
  'test/rollout_month.test.ts',
  'trainer/learning/learners/trees/engines/engines.test.ts',
];

await run(async () => {
  await ensureInstalled();
  await ensureBuilt();
  process.env.MINUTEHAND_LONG = '1';
  await mustHold('lightgbm', async () => {
    process.env.MINUTEHAND_LIGHTGBM_LIBRARY ||= (await ensureLightgbm()) ?? '';
    return process.env.MINUTEHAND_LIGHTGBM_LIBRARY !== '';
  });
  const given = process.argv.slice(2);
  await testsHold('long tests', given.length > 0 ? given : LONG);
  return conclude();
});
