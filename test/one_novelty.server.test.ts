import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { byMinute, openBench } from '../daemon/pipeline.fixture.ts';
import { barInput } from '../daemon/queue/input.ts';
import { replayBars } from '../daemon/replay.ts';
import type { OpenTime } from '../shared/bar.ts';
import { legBars } from '../shared/bar_file/resampled_bars.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { expectedNovelty } from '../shared/bundle/input_novelty.oracle.ts';
import type { InputDescription } from '../shared/bundle/input_novelty.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { parsePair } from '../shared/pair.ts';
import { tradingCosts } from '../shared/policy/costs.ts';
import { decisionPolicy } from '../shared/policy/policy.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { backtestPeriod, ROWS_PER_SCORE } from '../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { buildPairHistory, type PairHistory } from '../trainer/learning/history/pair_history.ts';
import { describeInputs } from '../trainer/learning/novelty/input_description.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';

/* One novelty: the daemon, a replay of bars and a backtest measure it alike and refuse the same entries for it. */

const LIMIT = 0.3;
const settings = tinySettings({ core: { min_expected_net_bps: -1e9, require_edge: false, novelty_min: LIMIT } });
const { windows } = settings.minutehand;
const { z_entry } = settings.minutehand.decision;
const schema = featureSchema(windows);
const BARS = tinyBars(settings, 700);
const FROM = [...BARS.values()][0]!.time[200]! as OpenTime;
const PAIRS = settings.minutehand.pairs.map(parsePair);
let folder: string;
let inputs: InputDescription;
let models: ModelSet;
let histories: readonly PairHistory[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-one-novelty-'));
  histories = PAIRS.map((pair) =>
    buildPairHistory(pair, legBars(BARS, pair, 'a')!, legBars(BARS, pair, 'b')!, windows, () => true),
  );
  inputs = describeCandidates(histories[0]!);
  const path = writeRandomBundle(folder, { schema, trees: 4, leaves: 4, seed: 'one novelty', inputs });
  const loaded = await loadModelSet(path, schema, ROWS_PER_SCORE);
  models = { ...loaded, theta1: 0, theta2: 1, hasEdge: () => true };
});
afterAll(async () => {
  await models.release();
  rmSync(folder, { recursive: true, force: true });
});

/** As if AI1 had learned from all rows of one pair. */
function describeCandidates({ rows, features, time, row }: PairHistory): InputDescription {
  const times = Float64Array.from(time.filter((_, t) => row[t]! >= 0));
  const x = { rows, columns: schema.definitions.length, values: features };
  const columns = schema.definitions.map(({ name, models: users }) => ({ name, isUsed: users.includes('ai1') }));
  return describeInputs({ x, time: times }, columns, 'one novelty')!;
}

async function live(): Promise<readonly Signal[]> {
  const bench = openBench(settings);
  bench.pipeline.inputs.apply({ kind: 'swap', set: models });
  for (const { time, bars } of byMinute(BARS)) {
    for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, time < FROM));
    await bench.pipeline.settled();
  }
  return bench.signals;
}

async function replay(): Promise<readonly Signal[]> {
  const signals: Signal[] = [];
  await replayBars({
    settings,
    pairIds: settings.minutehand.pairs,
    bars: BARS,
    models,
    clock: MACHINE_CLOCK,
    bootId: 'one novelty',
    from: FROM,
    to: Infinity as OpenTime,
    onSignals: (batch) => signals.push(...batch.map(({ text }) => verifySignal(text))),
    onMinute: () => undefined,
  });
  return signals;
}

async function backtest() {
  const { bundles } = await backtestPeriod({
    pairs: PAIRS,
    bars: BARS,
    from: FROM,
    sets: [models],
    policy: decisionPolicy(settings),
    labels: datasetPolicy(settings),
    costs: tradingCosts(settings),
    workers: 0,
    onProgress: () => undefined,
  });
  return bundles[0]!.all_pairs;
}

/** By the slow reference, from the features that training computes. */
function expectedOf({ pair_id, timestamp }: Signal): number {
  const { time, row, features } = histories.find(({ pair }) => pair.id === pair_id)!;
  const at = row[time.indexOf(Date.parse(timestamp) / 1000 - 60)]!;
  const columns = schema.definitions.length;
  const values = schema.definitions.map(({ name }, column) => [name, features[at * columns + column]!] as const);
  return expectedNovelty(inputs, Object.fromEntries(values));
}

const lineOf = ({ pair_id, timestamp, reason, novelty }: Signal): string =>
  `${pair_id} ${Date.parse(timestamp) / 1000} ${reason} ${novelty}`;

it('measures and refuses the same in a daemon, a replay and a backtest, as the slow reference does', async () => {
  const signals = await live();
  const isCandidate = ({ z_score, return_prob }: Signal): boolean =>
    return_prob !== null && Math.abs(z_score!) >= z_entry;
  const candidates = signals.filter(isCandidate);
  expect(candidates.length).toBeGreaterThan(100);
  for (const signal of candidates) expect(signal.novelty).toBe(expectedOf(signal));
  expect(signals.filter((signal) => !isCandidate(signal) && 'novelty' in signal)).toEqual([]);

  const refused = candidates.filter(({ reason }) => reason === 'NOVEL_INPUT');
  const entered = candidates.filter(({ reason }) => reason === 'ENTRY');
  expect(refused.length).toBeGreaterThan(20);
  expect(entered.length).toBeGreaterThan(20);
  expect(refused.every(({ novelty }) => novelty! < LIMIT)).toBe(true);
  expect(entered.every(({ novelty }) => novelty! >= LIMIT)).toBe(true);
  expect(candidates.some(({ reason, novelty }) => reason === 'IN_POSITION' && novelty! < LIMIT)).toBe(true);

  expect((await replay()).map(lineOf).sort()).toEqual(signals.map(lineOf).sort());

  const { trades, total } = await backtest();
  const last = Math.max(...[...BARS.values()].map(({ time, length }) => time[length - 1]!)) + 60;
  const entries = trades.map(({ pairId, entrySignalTime }) => `${pairId} ${entrySignalTime}`);
  const expected = entered.map(({ pair_id, timestamp }) => `${pair_id} ${Date.parse(timestamp) / 1000}`);
  // An entry at the bar before the last one would be filled where it is closed.
  const isTraded = (line: string): boolean => Number(line.split(' ')[1]) < last - 60;
  expect(entries.filter(isTraded).sort()).toEqual(expected.filter(isTraded).sort());
  expect(total.refusals.NOVEL_INPUT).toBe(
    refused.filter(({ timestamp }) => Date.parse(timestamp) / 1000 < last).length,
  );
});
