import { describe, expect, it } from 'vitest';
import type { InputNovelty } from '../../../shared/bundle/input_novelty.ts';
import { DEFAULT } from '../../../shared/core/features/features.fixture.ts';
import { tradingDayAt } from '../../../shared/core/cost/rollover.ts';
import { checkStrategy, type FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import { parseInstrument } from '../../../shared/pair.ts';
import { createRng } from '../../../shared/rng.ts';
import { NO_SERIES } from '../instruments/series_files.ts';
import type { KnownDirection } from '../strategies/direction/known_answers.ts';
import { ruleColumns } from '../formula_rules/rule_columns.ts';
import { FIXTURE_COSTS, randomBars, subjectOfBars } from '../formula_rules/rule_subject.fixture.ts';
import { instrumentSubject, type RuleSubject } from '../formula_rules/rule_subject.ts';
import { ruleTrades } from '../formula_rules/rule_trades.ts';
import { smallSpace } from './evolve.fixture.ts';
import { Breeder, complexityOf, genomeKey, genomeOf, strategyOf, type Genome } from './genome.ts';
import { RuleEvaluator } from './rule_evaluator.ts';
import { marketOfParts, partsOfMarket, searchMarket } from './search_market.ts';
import type { SearchSpace } from './search_space.ts';

const BARS = randomBars('evaluator', 2000);
const SUBJECT = subjectOfBars(BARS);
const SPACE = smallSpace();
/** From bars on at which all features are warm: bit sets have no bit for an unknown value. */
const SPAN = { from: 200, to: 1900 };
const EVALUATOR = new RuleEvaluator(searchMarket(SUBJECT, SPACE, SPAN), SPACE);

function strategyOfGenome(genome: Genome, space = SPACE): FormulaStrategy {
  const checked = checkStrategy(strategyOf(genome, space, 'a_rule', ''), DEFAULT, () => '');
  expect(Array.isArray(checked)).toBe(false);
  return checked as FormulaStrategy;
}

/** Bred in several generations, so that all kinds of change occur. */
function genomes(count: number, space = SPACE): Genome[] {
  const breeder = new Breeder(space, createRng('breeder'));
  const all = Array.from({ length: 20 }, () => breeder.random());
  for (let i = 0; all.length < count; i++)
    all.push(i % 2 === 0 ? breeder.mutated(all[i]!) : breeder.crossed(all[i]!, all[i - 1]!));
  return all;
}

/** A direction model that is sure of one bar in three, and has seen nothing like half of them. */
function modelOf(version: string): KnownDirection {
  const rng = createRng(version);
  const answers = Array.from({ length: BARS.length }, () => (rng.uniform() < 0.3 ? [0.8, 0.1, 0.1] : [0.1, 0.5, 0.4]));
  const novelties = new Map<number, number>();
  const novelty = {
    // By the row: a bar is asked about more than once.
    of: (row: Float32Array) => {
      const key = row.reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : value), 0);
      if (!novelties.has(key)) novelties.set(key, rng.uniform());
      return novelties.get(key)!;
    },
  } as unknown as InputNovelty;
  const period = { to: new Date(BARS.time[0]! * 1000).toISOString() };
  const manifest = { version, period, features: ['a column'], windows: {} } as unknown as KnownDirection['manifest'];
  return { manifest, novelty, answer: (bar) => answers[bar]! };
}

const MODEL_SPACE = smallSpace({
  features: [
    { formula: 'ML_UP_PROB', thresholds: [0.5] },
    { formula: 'close / delay(close, n) - 1', windows: [1], thresholds: [-0.002, 0.002] },
  ],
});
const instrument = { bars: BARS, series: NO_SERIES };
const pair = parseInstrument('BTCUSDT@1h');
const subjectWith = (noveltyMin?: number): RuleSubject =>
  instrumentSubject(instrument, pair, FIXTURE_COSTS, modelOf('a model'), noveltyMin);

describe('a rule of bit sets', () => {
  it('earns on each day what the backtest of its strategy file earns, block by block', () => {
    expect(comparedTrades(SUBJECT, SPACE)).toBeGreaterThan(2000);
  });

  it('does so where the bars have holes, over which neither holds a position', () => {
    const time = BARS.time.map(
      (at, t) => at + 30 * 86_400 * ((t >= 500 ? 1 : 0) + (t >= 507 ? 1 : 0) + (t >= 1400 ? 1 : 0)),
    );
    expect(comparedTrades(subjectOfBars({ ...BARS, time }), SPACE)).toBeGreaterThan(2000);
  });

  it('does so where the policy refuses entries by answers to novel inputs, of rules that read them alone', () => {
    const limited = comparedTrades(subjectWith(0.5), MODEL_SPACE);
    const all = comparedTrades(subjectWith(), MODEL_SPACE);
    expect(limited).toBeGreaterThan(500);
    expect(limited).toBeLessThan(0.9 * all);
    // Without an answer in it, no entry is refused.
    const evaluatorOf = (subject: RuleSubject) =>
      new RuleEvaluator(marketOfParts(partsOfMarket(searchMarket(subject, MODEL_SPACE, SPAN))), MODEL_SPACE);
    const tradesOf = (long: number, noveltyMin?: number): number =>
      evaluatorOf(subjectWith(noveltyMin)).evaluate({ long, short: null, plan: 0 }).trades;
    const byModel = MODEL_SPACE.conditions.findIndex(({ formula }) => formula.text === '0.5 < ML_UP_PROB');
    const byPrice = MODEL_SPACE.conditions.findIndex(({ formula }) => formula.text.includes('close'));
    expect(tradesOf(byPrice, 0.5)).toBe(tradesOf(byPrice));
    expect(tradesOf(byModel, 0.5)).toBeGreaterThan(0);
    expect(tradesOf(byModel, 0.5)).toBeLessThan(0.9 * tradesOf(byModel));
  });

  /** @returns trades of all compared rules */
  function comparedTrades(subject: RuleSubject, space: SearchSpace): number {
    const evaluator = new RuleEvaluator(searchMarket(subject, space, SPAN), space);
    const { rolls } = subject.overnight;
    const firstDay = tradingDayAt(rolls, subject.history.time[SPAN.from]!);
    const dayNumbers = new Map<number, number>();
    for (let t = SPAN.from; t < SPAN.to; t++) {
      const day = tradingDayAt(rolls, subject.history.time[t]!);
      if (!dayNumbers.has(day)) dayNumbers.set(day, dayNumbers.size);
    }
    expect(dayNumbers.get(firstDay)).toBe(0);
    let trades = 0;
    for (const genome of genomes(60, space)) {
      const strategy = strategyOfGenome(genome, space);
      const columns = ruleColumns(subject, strategy);
      const days = new Float64Array(dayNumbers.size);
      let count = 0;
      for (let block = 0; block < 16; block++) {
        const { from, to } = evaluator.barsOfBlocks(block, block + 1);
        // Entries that could be open at the end of the block are left out.
        const lastEntry = to - strategy.limits.maxAgeBars - 2;
        const only = (column: ArrayLike<number> | null): number[] | null =>
          column === null ? null : Array.from(column, (value, t) => (t <= lastEntry ? value : 0));
        const purged = { ...columns, entryLong: only(columns.entryLong), entryShort: only(columns.entryShort) };
        for (const { exitBar, netBps } of ruleTrades(subject, purged, from, to)) {
          days[dayNumbers.get(tradingDayAt(rolls, subject.history.time[exitBar]!))!]! += netBps / 1e4;
          count++;
        }
      }
      const result = evaluator.evaluate(genome);
      expect(result.trades).toBe(count);
      expect([...result.days]).toEqual([...days]);
      trades += count;
    }
    return trades;
  }

  it('on the first blocks is the beginning of that on all', () => {
    const genome = genomes(1)[0]!;
    const all = EVALUATOR.evaluate(genome).days;
    const first = EVALUATOR.evaluate(genome, 10).days;
    expect([...first]).toEqual([...all.subarray(0, EVALUATOR.daysOfBlocks(10))]);
    expect(first.length).toBeLessThan(all.length);
  });
});

describe('bred rules', () => {
  it('keep to the limits of the space, and survive being written down', () => {
    for (const genome of genomes(400)) {
      const { long, short } = genome;
      expect(long !== null || short !== null).toBe(true);
      for (const tree of [long, short])
        if (tree !== null) expect(complexityOf({ long: tree, short: null, plan: 0 })).toBeLessThanOrEqual(3);
      expect(genomeOf(genomeKey(genome))).toEqual(genome);
    }
  });

  it('are the same rule whatever the order of their parts', () => {
    const breeder = new Breeder(SPACE, createRng('order'));
    const keys = Array.from({ length: 2000 }, () => breeder.mutated({ long: 3, short: null, plan: 0 })).map(genomeKey);
    const joined = keys.filter((key) => key.includes('and'));
    expect(joined.length).toBeGreaterThan(50);
    for (const key of joined) {
      const [, a, b] = (JSON.parse(key) as [[string, number, number]])[0];
      expect(JSON.stringify(a) < JSON.stringify(b)).toBe(true);
    }
  });
});
