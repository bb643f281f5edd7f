import { join } from 'node:path';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { parseInstrument } from '../shared/pair.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { packageRoot } from '../shared/root.ts';
import type { InstrumentBars } from '../trainer/learning/instruments/instrument_bars.ts';
import { NO_SERIES } from '../trainer/learning/instruments/series_files.ts';
import { Breeder, genomeKey, type Genome } from '../trainer/learning/evolve/genome.ts';
import { RuleEvaluator } from '../trainer/learning/evolve/rule_evaluator.ts';
import { searchMarket } from '../trainer/learning/evolve/search_market.ts';
import { readSpaceFile, type SearchSpace } from '../trainer/learning/evolve/search_space.ts';
import { formulaValues, instrumentSubject, type RuleSubject } from '../trainer/learning/formula_rules/rule_subject.ts';
import { findExit, tradeOf } from '../trainer/learning/formula_rules/rule_trades.ts';
import { CSCV_BLOCKS } from '../trainer/learning/statistics/overfitting_probability.ts';
import { runNumpy, type NumpyInput } from './evolve_numpy.ts';
import { openTemporaryFolder } from './temporary_folder.ts';

const HOUR = 3600;
const BAR_COUNTS = [5000, 20_000, 80_000] as const;
const RULE_COUNTS = [250, 500, 1000] as const;
const PEER_BARS = 20_000;
const PEER_RULES = 100;
const COSTS = { spread_bps: 0, commission_bps: 5, slippage_bps: 1 };

export interface EvolvePoint {
  readonly bars: number;
  readonly rules: number;
  readonly conditions: number;
  /** Per second of one core: from an empty evaluator, and once exits of bars are known. */
  readonly first_rules_per_second: number;
  readonly rules_per_second: number;
  readonly mean_trades: number;
}

export interface EvolveBenchResult {
  /** Growth with bars. */
  readonly by_bars: readonly EvolvePoint[];
  /** Growth with rules. */
  readonly by_rules: readonly EvolvePoint[];
  /** The same rules, conditions and exits in numpy; null: Python has no numpy. */
  readonly numpy: {
    readonly version: string;
    readonly bars: number;
    readonly rules: number;
    readonly rules_per_second: number;
    readonly ours_rules_per_second: number;
    /** Ours / numpy. */
    readonly ratio: number;
    /** Greatest difference of the net sums of a rule; the trades are equal. */
    readonly difference: number;
  } | null;
}

/** Rules per second of the search of `evolve`, its growth, and against a numpy loop over the same conditions. */
export function benchEvolve(print: (line: string) => void): EvolveBenchResult {
  const { windows } = loadSettings().minutehand;
  const space = readSpaceFile(join(packageRoot(), 'config', 'strategies', 'spaces', 'hourly.yaml'), windows);
  const byBars = BAR_COUNTS.map((bars) => {
    print(`evolve, ${bars} bars …`);
    return measure(subjectOf(bars), space, RULE_COUNTS[1]);
  });
  const subject = subjectOf(PEER_BARS);
  const byRules = RULE_COUNTS.map((rules) => {
    print(`evolve, ${rules} rules …`);
    return measure(subject, space, rules);
  });
  print('evolve, numpy …');
  const numpy = againstNumpy(subject, space);
  if (numpy === null) print('evolve: not compared, because Python has no numpy (pip install numpy)');
  return { by_bars: byBars, by_rules: byRules, numpy };
}

/** Processor time of this process: what other programs take on a shared machine does not count. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function measure(subject: RuleSubject, space: SearchSpace, count: number): EvolvePoint {
  const rules = differentRules(space, count);
  const { length } = subject.history;
  const evaluator = new RuleEvaluator(
    searchMarket(subject, space, { from: INSTRUMENT_WINDOWS.long_window, to: length }),
    space,
  );
  let trades = 0;
  const pass = (): number => {
    const begun = cpuSeconds();
    trades = 0;
    for (const rule of rules) trades += evaluator.evaluate(rule).trades;
    return cpuSeconds() - begun;
  };
  const first = pass();
  const seconds = Math.min(pass(), pass());
  return {
    bars: length,
    rules: count,
    conditions: space.conditions.length,
    first_rules_per_second: count / first,
    rules_per_second: count / seconds,
    mean_trades: trades / count,
  };
}

/** Bred as in a search: random ones, and changed and crossed ones. */
function differentRules(space: SearchSpace, count: number): Genome[] {
  const rng = createRng('bench evolve');
  const breeder = new Breeder(space, rng);
  const rules = new Map<string, Genome>();
  const list: Genome[] = [];
  while (list.length < count) {
    const parent = list[rng.integer(Math.max(1, list.length))];
    const other = list[rng.integer(Math.max(1, list.length))];
    const isBred = parent !== undefined && other !== undefined && rng.uniform() < 0.7;
    const rule = isBred
      ? rng.uniform() < 0.5
        ? breeder.crossed(parent, other)
        : breeder.mutated(parent)
      : breeder.random();
    const key = genomeKey(rule);
    if (rules.has(key)) continue;
    rules.set(key, rule);
    list.push(rule);
  }
  return list;
}

function againstNumpy(subject: RuleSubject, space: SearchSpace): EvolveBenchResult['numpy'] {
  const { length } = subject.history;
  const from = INSTRUMENT_WINDOWS.long_window;
  const rules = differentRules(space, PEER_RULES);
  const evaluator = new RuleEvaluator(searchMarket(subject, space, { from, to: length }), space);
  const ours = rules.map((rule) => evaluator.evaluate(rule));
  let seconds = Infinity;
  for (let run = 0; run < 3; run++) {
    const begun = cpuSeconds();
    for (const rule of rules) evaluator.evaluate(rule);
    seconds = Math.min(seconds, cpuSeconds() - begun);
  }
  const starts = Array.from(
    { length: CSCV_BLOCKS },
    (_, block) => evaluator.barsOfBlocks(block, block + 1).from - from,
  );
  const folder = openTemporaryFolder('evolve');
  try {
    const numpy = runNumpy(
      {
        rules,
        conditions: formulaValues(
          subject,
          space.conditions.map(({ formula }) => formula),
        ).map((values) => Uint8Array.from(values.subarray(from), (value) => (value === 1 ? 1 : 0))),
        exits: exitsOf(subject, space, from),
        borders: [...starts, length - from],
        ages: space.plans.map(({ maxAgeBars }) => maxAgeBars),
      },
      folder.path,
    );
    if (numpy === null) return null;
    const unequal = ours.findIndex(({ trades }, i) => trades !== numpy.trades[i]);
    if (unequal >= 0) throw new Error(`numpy has ${numpy.trades[unequal]} trades, we ${ours[unequal]!.trades}`);
    const sums = ours.map(({ days }) => days.reduce((sum, own) => sum + own, 0));
    return {
      version: numpy.version,
      bars: length,
      rules: rules.length,
      rules_per_second: rules.length / numpy.seconds,
      ours_rules_per_second: rules.length / seconds,
      ratio: numpy.seconds / seconds,
      difference: Math.max(...sums.map((sum, i) => Math.abs(sum - numpy.net[i]!))),
    };
  } finally {
    folder.remove();
  }
}

/** Exits and net results of an entry at every bar, of all plans and both sides. */
function exitsOf(subject: RuleSubject, space: SearchSpace, from: number): NumpyInput['exits'] {
  const { length } = subject.history;
  const all = new Map<number, { exit: Int32Array; net: Float64Array }>();
  space.plans.forEach((limits, plan) => {
    for (const side of [1, -1] as const) {
      const exit = new Int32Array(length - from);
      const net = new Float64Array(length - from);
      const rule = { limits, entryLong: null, entryShort: null, exit: null };
      for (let t = from; t < length; t++) {
        const found = findExit(subject, rule, side, t, length);
        if (found === null) continue;
        const { bar, reason } = found;
        exit[t - from] = bar - from;
        net[t - from] = tradeOf(subject, { side, entry: t, exit: bar, exitBar: bar + 1, reason }).netBps / 1e4;
      }
      all.set(2 * plan + (side > 0 ? 1 : 0), { exit, net });
    }
  });
  return all;
}

/** Hourly bars at random. */
function subjectOf(length: number): RuleSubject {
  const rng = createRng('bench evolve bars');
  const column = (): Float64Array => new Float64Array(length);
  const bars: InstrumentBars = {
    symbol: 'BTCUSDT',
    timeframe: HOUR,
    length,
    time: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
    takerBuyVolume: column().fill(NaN),
  };
  let price = 100;
  for (let t = 0; t < length; t++) {
    bars.time[t] = (333_333 + t) * HOUR;
    bars.open[t] = price;
    price *= Math.exp(rng.normal() * 0.006);
    bars.close[t] = price;
    bars.high[t] = Math.max(bars.open[t]!, price) * (1 + rng.uniform() * 0.002);
    bars.low[t] = Math.min(bars.open[t]!, price) * (1 - rng.uniform() * 0.002);
    bars.volume[t] = 1 + rng.uniform();
  }
  return instrumentSubject({ bars, series: NO_SERIES }, parseInstrument('BTCUSDT@1h'), COSTS);
}
