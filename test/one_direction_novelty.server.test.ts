import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeRandomDirection } from '../bench/direction_bundle.ts';
import { openBench, type Bench } from '../daemon/pipeline.fixture.ts';
import { barInput } from '../daemon/queue/input.ts';
import { replayBars } from '../daemon/replay.ts';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { columnsOf } from '../shared/bar_file/bar_file.ts';
import { directionFolder, liveInstrumentSchema } from '../shared/bundle/direction/active_direction.ts';
import {
  linearGraph,
  networkGraph,
  sequenceGraph,
  writeGraphDirection,
} from '../shared/bundle/direction/direction_graph.fixture.ts';
import { loadDirectionModel, type DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { expectedNovelty } from '../shared/bundle/input_novelty.oracle.ts';
import type { InputDescription } from '../shared/bundle/input_novelty.ts';
import { emptyTree, type TreeEnsemble } from '../shared/bundle/onnx/tree_ensemble.ts';
import { ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { readRuleBundle, writeRuleBundle, type FileRule, type RuleContent } from '../shared/bundle/rule/rule_bundle.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { createExplainer } from '../shared/explain/explain_minute.ts';
import { parseInstrument } from '../shared/pair.ts';
import type { StrategyDocument } from '../shared/policy/strategy_file.ts';
import { createRng } from '../shared/rng.ts';
import { openJournal } from '../shared/store/journal.ts';
import type { InstrumentSignal } from '../shared/signal/instrument_signal.ts';
import { verifyInstrumentSignal } from '../shared/signal/verify_instrument.ts';
import { instrumentBarsOf } from '../trainer/learning/instruments/instrument_bars.ts';
import { NO_SERIES } from '../trainer/learning/instruments/series_files.ts';
import { describeRows } from '../trainer/learning/strategies/direction/block_novelties.ts';
import { evaluateDirection } from '../trainer/learning/strategies/direction/evaluate_direction.ts';
import { instrumentRows, type InstrumentRows } from '../trainer/learning/strategies/direction/instrument_rows.ts';
import { PREDICTION_BIAS_LIMITS } from '../trainer/learning/strategies/direction/gates/bias_limits.fixture.ts';
import { evaluationLabel } from '../trainer/learning/strategies/direction/label/direction.ts';
import type { Trade } from '../trainer/learning/trades/backtest.ts';
import { ruleColumns } from '../trainer/learning/formula_rules/rule_columns.ts';
import { instrumentSubject, type RuleSubject } from '../trainer/learning/formula_rules/rule_subject.ts';
import { SMALL_SPACE } from '../trainer/learning/evolve/evolve.fixture.ts';
import { searchFingerprint } from '../trainer/learning/evolve/evolution_file.ts';
import { spaceOf } from '../trainer/learning/evolve/search_space.ts';
import { readRuleSubject } from '../trainer/jobs/kinds/read_rule_subject.ts';
import { ruleTrades } from '../trainer/learning/formula_rules/rule_trades.ts';
import { answeredAtOnce } from '../trainer/learning/strategies/direction/known_answers.ts';
import { tinyRule } from './tiny_rule.ts';
import { tinySettings } from './tiny_settings.ts';

/*
 * One novelty of instruments: the daemon, a replay of bars, an explanation and a backtest measure it alike, and refuse
 * the same entries for it.
 */

const HOUR = 3600;
const START = 1_767_225_600;
const HOURS = 1500;
/** The model learned from the hours before; those from then on are answered. */
const LIVE_FROM = 1200;
const ID = 'BTCUSDT@1h';
const INSTRUMENT = parseInstrument(ID);
const LIMIT = 0.05;
const COSTS = { takerFeeBps: 5, slippageBps: 1 };
const schema = liveInstrumentSchema(HOUR);
const columns = schema.definitions.map(({ name }) => name);
const settings = tinySettings({
  core: { novelty_min: LIMIT, require_edge: true },
  minutehand: { pairs: [], instruments: [ID], screen: { enabled: false } },
});

/** Three minutes of each hour. In some of the answered ones, moves are three times as large. */
function marketMinutes(): Bar[] {
  const rng = createRng('novel hours');
  let price = 20_000;
  return Array.from({ length: HOURS }, (_, hour) => {
    const open = price;
    price *= Math.exp((hour < 1280 || hour > 1340 ? 0.004 : 0.012) * rng.normal());
    const high = Math.max(open, price) * 1.001;
    const low = Math.min(open, price) * 0.999;
    const at = (minute: number, prices: Pick<Bar, 'open' | 'high' | 'low' | 'close'>): Bar => {
      const time = (START + hour * HOUR + 60 * minute) as OpenTime;
      return { symbol: 'BTCUSDT', time, ...prices, volume: 1 + rng.uniform(), takerBuyVolume: rng.uniform() };
    };
    return [
      at(0, { open, high: open, low: open, close: open }),
      at(30, { open, high, low, close: open }),
      at(59, { open: price, high: price, low: price, close: price }),
    ];
  }).flat();
}

const MINUTES = marketMinutes();
const BARS = columnsOf('BTCUSDT', MINUTES);
const FROM = (START + LIVE_FROM * HOUR) as OpenTime;
const INSTRUMENTS = [{ bars: instrumentBarsOf(BARS, HOUR), series: NO_SERIES }];

let models: string;
let rows: InstrumentRows;
let inputs: InputDescription;
let version: string;
let earlier: string;
let linear: string;
let network: string;
let sequence: string;

beforeAll(async () => {
  models = mkdtempSync(join(tmpdir(), 'minutehand-one-direction-novelty-'));
  rows = instrumentRows(INSTRUMENTS, { windows: INSTRUMENT_WINDOWS, label: evaluationLabel(HOUR).policy });
  const learned = rows.time.filter((time) => time <= START + (LIVE_FROM - 24) * HOUR).length;
  const x = { ...rows.x, rows: learned };
  inputs = describeRows({ columns, x, time: rows.time.subarray(0, learned) }, 'one novelty')!;
  version = writeModel(new Date(1_700_000_000_000), inputs);
  earlier = writeModel(new Date(1_700_000_060_000));
  const graphs = { columns: columns.length, seed: 'one novelty' };
  const written = (minute: number, graph: Uint8Array, bars = 1): Promise<string> =>
    writeGraphDirection(models, { of: version, created: new Date(1_700_000_000_000 + 60_000 * minute), graph, bars });
  linear = await written(2, linearGraph(graphs));
  network = await written(3, networkGraph(graphs));
  sequence = await written(4, sequenceGraph({ ...graphs, bars: 4 }), 4);
});
afterAll(() => rmSync(models, { recursive: true, force: true }));

/** Calls up after an hour that rose by more than 0.1 %, down after one that fell by more. */
function writeModel(created: Date, described?: InputDescription): string {
  const column = columns.indexOf('return_1');
  const above = (threshold: number, low: number, high: number): TreeEnsemble => {
    const tree = emptyTree(3);
    tree.feature[0] = column;
    tree.threshold[0] = threshold;
    tree.left[0] = 1;
    tree.right[0] = 2;
    tree.value.set([0, low, high]);
    return { columns: columns.length, baseScore: 0, trees: [tree] };
  };
  const some = rows.x.values.slice(0, 40 * columns.length);
  return writeRandomDirection(models, {
    symbols: ['BTCUSDT'],
    timeframe: '1h',
    created,
    market: 'simulated',
    ...(described && { inputs: described }),
    ensembles: [above(0.001, -1, 2), above(-0.001, 2, -1), above(0, 0, 0)],
    rows: some,
    goldenRows: some.slice(0, 3 * columns.length),
  });
}

const open = (name: string, maxRows = 1): Promise<DirectionModel> =>
  loadDirectionModel(join(directionFolder(models), name), schema, maxRows);

async function live(name: string): Promise<Bench & { readonly own: readonly InstrumentSignal[] }> {
  const bench = openBench(settings, { instruments: [INSTRUMENT] });
  bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1h', set: await open(name) });
  for (const bar of MINUTES) {
    bench.pipeline.inputs.take(barInput(bar, bar.time < FROM));
    await bench.pipeline.settled();
  }
  return { ...bench, own: bench.texts.map((text) => verifyInstrumentSignal(text)) };
}

async function replay(name: string): Promise<readonly InstrumentSignal[]> {
  const signals: InstrumentSignal[] = [];
  await replayBars({
    settings,
    pairIds: [ID],
    bars: new Map([['BTCUSDT', BARS]]),
    models: null,
    directions: [{ timeframe: '1h', set: await open(name) }],
    clock: MACHINE_CLOCK,
    bootId: 'one novelty',
    from: FROM,
    to: Infinity as OpenTime,
    onSignals: (batch) => signals.push(...batch.map(({ text }) => verifyInstrumentSignal(text))),
    onMinute: () => undefined,
  });
  return signals;
}

/** The entries of a backtest, by the close of the bar that was decided on. */
async function backtest(name: string, noveltyMin: number | undefined): Promise<string[]> {
  const model = await open(name, 4096);
  let trades: readonly Trade[] = [];
  await evaluateDirection({
    manifest: model.manifest,
    infer: model.infer.bind(model),
    novelty: model.novelty,
    noveltyMin,
    instruments: INSTRUMENTS,
    from: FROM + HOUR,
    to: Infinity,
    costs: COSTS,
    f1Floor: null,
    biasLimits: PREDICTION_BIAS_LIMITS,
    seed: '1',
    countLook(look) {
      trades = look.trades;
      return 1;
    },
  });
  return trades.map(({ entryTime, side }) => `${entryTime} ${side}`);
}

const closeOf = ({ timestamp }: InstrumentSignal): number => Date.parse(timestamp) / 1000;
const lineOf = (signal: InstrumentSignal): string =>
  `${closeOf(signal)} ${signal.action} ${signal.reason} ${signal.target} ${signal.novelty}`;
const entriesOf = (signals: readonly InstrumentSignal[]): string[] =>
  signals.filter(({ action }) => action === 'ENTER').map((signal) => `${closeOf(signal)} ${signal.target}`);

/** By the slow reference, from the features that training computes; null: of a bar without a label. */
function expectedOf(signal: InstrumentSignal): number | null {
  const row = rows.time.indexOf(closeOf(signal));
  if (row < 0) return null;
  const values = columns.map((name, column) => [name, rows.x.values[row * columns.length + column]!] as const);
  return expectedNovelty(inputs, Object.fromEntries(values));
}

function isCalled({ ml_up_prob: up, ml_down_prob: down }: InstrumentSignal): boolean {
  return Math.max(up!, down!) > 0.34 && up !== down;
}

it.each([
  ['trees', () => version],
  ['a linear softmax', () => linear],
  ['a network', () => network],
  ['a sequence', () => sequence],
])(
  'of %s is the same in a daemon, a replay, explanations and a backtest, as the slow reference has it',
  async (kind, named) => {
    const name = named();
    const { own: signals, inputs: journaled, rows: answers } = await live(name);
    expect(signals).toHaveLength(HOURS - LIVE_FROM);
    const candidates = signals.filter(isCalled);
    expect(candidates.length).toBeGreaterThan(150);
    expect(signals.filter((signal) => !isCalled(signal) && 'novelty' in signal)).toEqual([]);
    for (const signal of candidates) expect(signal.novelty).toBe(expectedOf(signal) ?? signal.novelty);

    const refused = candidates.filter(({ reason }) => reason === 'NOVEL_INPUT');
    const entered = candidates.filter(({ reason }) => reason === 'ENTRY');
    expect(refused.length).toBeGreaterThan(10);
    expect(entered.length).toBeGreaterThan(3);
    expect(refused.every(({ novelty }) => novelty! < LIMIT)).toBe(true);
    expect(entered.every(({ novelty }) => novelty! >= LIMIT)).toBe(true);
    // No exit depends on it: the trees call many of them.
    const exits = candidates.filter(({ reason, novelty }) => reason !== 'NOVEL_INPUT' && novelty! < LIMIT);
    expect(exits.length).toBeGreaterThanOrEqual(kind === 'trees' ? 1 : 0);

    expect((await replay(name)).map(lineOf)).toEqual(signals.map(lineOf));

    // The last bars have no known label, and are not evaluated.
    const until = rows.time.at(-1)!;
    const isKnown = (line: string): boolean => Number(line.split(' ')[0]) < until - 24 * HOUR;
    const entries = await backtest(name, LIMIT);
    expect(entries.filter(isKnown)).toEqual(entriesOf(signals).filter(isKnown));
    expect(await backtest(name, undefined)).not.toEqual(entries);

    const path = join(models, `journal of ${kind}.db`);
    const journal = openJournal(path);
    journal.append(journaled, answers);
    journal.close();
    const explainer = createExplainer(settings, { models, journal: () => path });
    const decided = refused.slice(0, 3).concat(entered.slice(0, 3));
    for (const signal of decided) {
      const { reproduced, conditions, to_enter } = await explainer.explain(ID, (closeOf(signal) - 60) as OpenTime);
      expect(reproduced).toEqual({ equal: true, code: null, differences: [] });
      expect(conditions.find(({ name }) => name === 'novelty')).toMatchObject({
        reason: 'NOVEL_INPUT',
        value: signal.novelty,
        limit: LIMIT,
        holds: signal.reason === 'ENTRY',
      });
      expect(to_enter.map(({ name }) => name)).toEqual(signal.reason === 'ENTRY' ? [] : ['novelty']);
    }
  },
);

it('of a rule that reads the answers holds for its entries in a daemon, a replay, explanations and a backtest', async () => {
  const strategy: StrategyDocument = {
    name: 'by_model',
    description: 'a test',
    subject: 'instrument',
    entry_long: 'ML_UP_PROB > 0.34',
    entry_short: 'ML_DOWN_PROB > 0.34',
    exit: 'ML_RANGE_PROB > 0.34',
    stop: { bps: 300 },
    max_age: 2,
  };
  const written = (change: Partial<RuleContent['manifest']>, minute: number): FileRule => {
    const created = new Date(1_700_000_000_000 + 60_000 * minute);
    return readRuleBundle(writeRuleBundle(ruleFolder(models), created, tinyRule(ID, { strategy, ...change })));
  };
  const rule = written({ direction: version }, 0);
  const answersOf = async (served: FileRule, direction = version) => {
    const bench = openBench(settings, { instruments: [INSTRUMENT] });
    bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1h', set: await open(direction) });
    bench.pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule: served });
    for (const bar of MINUTES) {
      bench.pipeline.inputs.take(barInput(bar, bar.time < FROM));
      await bench.pipeline.settled();
    }
    return { ...bench, own: bench.texts.map((text) => verifyInstrumentSignal(text)) };
  };
  const { own: signals, inputs: journaled, rows: answers } = await answersOf(rule);
  expect(new Set(signals.map(({ model_version }) => model_version))).toEqual(
    new Set([`rule/${rule.manifest.version}`]),
  );
  expect(signals.filter((signal) => 'novelty' in signal)).toEqual([]);
  const refused = signals.filter(({ reason }) => reason === 'NOVEL_INPUT');
  const entered = signals.filter(({ reason }) => reason === 'ENTRY');
  expect(refused.length).toBeGreaterThan(10);
  expect(entered.length).toBeGreaterThan(10);
  for (const signal of refused) expect(expectedOf(signal) ?? 0).toBeLessThan(LIMIT);
  for (const signal of entered) expect(expectedOf(signal) ?? 1).toBeGreaterThanOrEqual(LIMIT);
  // No exit depends on it.
  expect(signals.some((signal) => signal.action === 'EXIT' && expectedOf(signal)! < LIMIT)).toBe(true);

  const replayed: InstrumentSignal[] = [];
  await replayBars({
    settings,
    pairIds: [ID],
    bars: new Map([['BTCUSDT', BARS]]),
    models: null,
    directions: [{ timeframe: '1h', set: await open(version) }],
    rules: [rule],
    clock: MACHINE_CLOCK,
    bootId: 'one novelty',
    from: FROM,
    to: Infinity as OpenTime,
    onSignals: (batch) => replayed.push(...batch.map(({ text }) => verifyInstrumentSignal(text))),
    onMinute: () => undefined,
  });
  expect(replayed.map(lineOf)).toEqual(signals.map(lineOf));

  const tested = async (name: string, noveltyMin?: number): Promise<string[]> => {
    const direction = answeredAtOnce(await open(name));
    const costs = { spread_bps: 0, commission_bps: 5, slippage_bps: 1 };
    const subject = instrumentSubject(INSTRUMENTS[0]!, INSTRUMENT, costs, direction, noveltyMin);
    const trades = ruleTrades(subject, ruleColumns(subject, rule.strategy), LIVE_FROM, HOURS);
    return trades.map(({ entrySignal, side }) => `${subject.history.time[entrySignal]! + 60} ${side}`);
  };
  // A position that is entered at the last bars is closed where it is filled.
  const isTraded = (line: string): boolean => Number(line.split(' ')[0]) < START + (HOURS - 2) * HOUR;
  const entries = await tested(version, LIMIT);
  expect(entries.filter(isTraded)).toEqual(entriesOf(signals).filter(isTraded));
  expect(await tested(version)).not.toEqual(entries);
  // A bundle that describes no rows refuses nothing.
  expect(await tested(earlier, LIMIT)).toEqual(await tested(earlier));

  // A rule that reads no answers has no limit.
  const { own: others } = await answersOf(written({ strategy: { ...strategy, entry_long: 'close > 0' } }, 1));
  expect(others.filter(({ reason }) => reason === 'NOVEL_INPUT')).toEqual([]);
  expect(entriesOf(others).length).toBeGreaterThan(10);

  const path = join(models, 'journal of a rule.db');
  const journal = openJournal(path);
  journal.append(journaled, answers);
  journal.close();
  const explainer = createExplainer(settings, { models, journal: () => path });
  for (const signal of refused.slice(0, 3).concat(entered.slice(0, 3))) {
    const { reproduced, conditions, to_enter } = await explainer.explain(ID, (closeOf(signal) - 60) as OpenTime);
    expect(reproduced).toEqual({ equal: true, code: null, differences: [] });
    expect(conditions.find(({ name }) => name === 'novelty')).toMatchObject({
      reason: 'NOVEL_INPUT',
      value: expectedOf(signal),
      limit: LIMIT,
      holds: signal.reason === 'ENTRY',
    });
    expect(to_enter.map(({ name }) => name)).toEqual(signal.reason === 'ENTRY' ? [] : ['novelty']);
  }
});

it('reaches the jobs of rules by the policy, and is part of what identifies a search', async () => {
  const folder = join(models, 'hours');
  mkdirSync(folder);
  const { time, open: opens, high, low, close, volume } = INSTRUMENTS[0]!.bars;
  const lines = Array.from(time, (at, t) => [at, opens[t], high[t], low[t], close[t], volume[t]].join(','));
  writeFileSync(join(folder, 'BTCUSDT.csv'), `time,open,high,low,close,volume\n${lines.join('\n')}\n`);
  const market = {
    market: 'live',
    subject: ID,
    window: { from: null, to: null },
    source: { folder, series: null },
    direction: join(directionFolder(models), version),
    costs: { model: 'flat', fee_bps: 5, slippage_bps: 1 },
  } as const;
  const subjectWith = async (novelty_min: number | null, direction: string | null = market.direction) => {
    const own = { ...settings, core: { ...settings.core, novelty_min } };
    return (await readRuleSubject({ ...market, direction }, 'instrument', own, () => undefined)).subject;
  };
  const limited = await subjectWith(LIMIT);
  const { min, bars } = limited.novelty()!;
  expect(min).toBe(LIMIT);
  // The taker volume of the other tests is not in the file.
  expect(Array.from(bars).filter((novelty) => novelty < LIMIT).length).toBeGreaterThan(10);
  expect((await subjectWith(null)).novelty()).toBeNull();
  expect((await subjectWith(LIMIT, null)).novelty()).toBeNull();

  const document = { ...SMALL_SPACE, features: [{ formula: 'ML_UP_PROB', thresholds: [0.34] }] };
  const { windows } = settings.minutehand;
  const space = spaceOf(document, windows, () => 'small');
  const fingerprintOf = (subject: RuleSubject): string =>
    searchFingerprint({ subject, space, windows, bars: { from: 200, to: 1400 }, holdoutFrom: 1200, seed: '1' });
  const known = fingerprintOf(limited);
  expect(fingerprintOf(await subjectWith(LIMIT))).toBe(known);
  expect(fingerprintOf(await subjectWith(LIMIT / 2))).not.toBe(known);
  expect(fingerprintOf(await subjectWith(null))).not.toBe(known);
});

it('an earlier bundle, which describes no rows, serves as before: nothing is novel to it', async () => {
  const { own: signals } = await live(earlier);
  expect(signals.filter((signal) => 'novelty' in signal || signal.reason === 'NOVEL_INPUT')).toEqual([]);
  expect(entriesOf(signals).length).toBeGreaterThan(20);
  expect((await replay(earlier)).map(lineOf)).toEqual(signals.map(lineOf));
  const until = rows.time.at(-1)! - 24 * HOUR;
  const isKnown = (line: string): boolean => Number(line.split(' ')[0]) < until;
  expect((await backtest(earlier, LIMIT)).filter(isKnown)).toEqual(entriesOf(signals).filter(isKnown));
});
