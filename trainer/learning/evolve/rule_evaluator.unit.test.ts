import { describe, expect, it } from 'vitest';
import { DEFAULT } from '../../../shared/core/features/features.fixture.ts';
import { tradingDayAt } from '../../../shared/core/cost/rollover.ts';
import { checkStrategy, type FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import { createRng } from '../../../shared/rng.ts';
import { ruleColumns } from '../formula_rules/rule_columns.ts';
import { randomBars, subjectOfBars } from '../formula_rules/rule_subject.fixture.ts';
import { ruleTrades } from '../formula_rules/rule_trades.ts';
import { smallSpace } from './evolve.fixture.ts';
import { Breeder, complexityOf, genomeKey, genomeOf, strategyOf, type Genome } from './genome.ts';
import { RuleEvaluator } from './rule_evaluator.ts';
import { searchMarket } from './search_market.ts';

const BARS = randomBars('evaluator', 2000);
const SUBJECT = subjectOfBars(BARS);
const SPACE = smallSpace();
const SPAN = { from: 150, to: 1900 };
const EVALUATOR = new RuleEvaluator(searchMarket(SUBJECT, SPACE, SPAN), SPACE);

function strategyOfGenome(genome: Genome): FormulaStrategy {
  const checked = checkStrategy(strategyOf(genome, SPACE, 'a_rule', ''), DEFAULT, () => '');
  expect(Array.isArray(checked)).toBe(false);
  return checked as FormulaStrategy;
}

/** Bred in several generations, so that all kinds of change occur. */
function genomes(count: number): Genome[] {
  const breeder = new Breeder(SPACE, createRng('breeder'));
  const all = Array.from({ length: 20 }, () => breeder.random());
  for (let i = 0; all.length < count; i++)
    all.push(i % 2 === 0 ? breeder.mutated(all[i]!) : breeder.crossed(all[i]!, all[i - 1]!));
  return all;
}

describe('a rule of bit sets', () => {
  it('earns on each day what the backtest of its strategy file earns, block by block', () => {
    const { rolls } = SUBJECT.overnight;
    const firstDay = tradingDayAt(rolls, SUBJECT.history.time[SPAN.from]!);
    const dayNumbers = new Map<number, number>();
    for (let t = SPAN.from; t < SPAN.to; t++) {
      const day = tradingDayAt(rolls, SUBJECT.history.time[t]!);
      if (!dayNumbers.has(day)) dayNumbers.set(day, dayNumbers.size);
    }
    expect(dayNumbers.get(firstDay)).toBe(0);
    let trades = 0;
    for (const genome of genomes(60)) {
      const strategy = strategyOfGenome(genome);
      const columns = ruleColumns(SUBJECT, strategy);
      const days = new Float64Array(dayNumbers.size);
      let count = 0;
      for (let block = 0; block < 16; block++) {
        const { from, to } = EVALUATOR.barsOfBlocks(block, block + 1);
        // Entries that could be open at the end of the block are left out.
        const lastEntry = to - strategy.limits.maxAgeBars - 2;
        const only = (column: ArrayLike<number> | null): number[] | null =>
          column === null ? null : Array.from(column, (value, t) => (t <= lastEntry ? value : 0));
        const purged = { ...columns, entryLong: only(columns.entryLong), entryShort: only(columns.entryShort) };
        for (const { exitBar, netBps } of ruleTrades(SUBJECT, purged, from, to)) {
          days[dayNumbers.get(tradingDayAt(rolls, SUBJECT.history.time[exitBar]!))!]! += netBps / 1e4;
          count++;
        }
      }
      const result = EVALUATOR.evaluate(genome);
      expect(result.trades).toBe(count);
      expect([...result.days]).toEqual([...days]);
      trades += count;
    }
    expect(trades).toBeGreaterThan(2000);
  });

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
