import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT } from '../../../shared/core/features/features.fixture.ts';
import { readStrategyFile, strategySources, type FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import type { InstrumentBars } from '../instruments/instrument_bars.ts';
import { RuleExplainer } from './explain_rule.ts';
import { ruleColumns } from './rule_columns.ts';
import { randomBars, subjectOfBars } from './rule_subject.fixture.ts';
import type { RuleSubject } from './rule_subject.ts';
import { ruleTrades } from './rule_trades.ts';

const FROM = 200;
const BARS = randomBars('explain', 1200);
const SUBJECT = subjectOfBars(BARS);
const SOURCES = strategySources('instrument', DEFAULT);
const STRATEGY = strategyOf(`
name: reversal
description: Buys what fell far, and sells the mirror image.
subject: instrument
entry_long: rsi(14) < 45 and close / mean(close, 24) - 1 < -0.008
entry_short: rsi(14) > 55 and close / mean(close, 24) - 1 > 0.008
stop: { bps: 100 }
target: { bps: 80 }
max_age: 6
`);
const COLUMNS = ruleColumns(SUBJECT, STRATEGY);
const EXPLAINER = new RuleExplainer(SUBJECT, STRATEGY, SOURCES, FROM);
const TRADES = ruleTrades(SUBJECT, COLUMNS, FROM, BARS.length);

function strategyOf(text: string): FormulaStrategy {
  const folder = mkdtempSync(join(tmpdir(), 'explain'));
  try {
    writeFileSync(join(folder, 'strategy.yaml'), text);
    return readStrategyFile(join(folder, 'strategy.yaml'), DEFAULT);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function firstBars(length: number): InstrumentBars {
  const { time, open, high, low, close, volume, takerBuyVolume } = BARS;
  const cut = (column: Float64Array): Float64Array => column.slice(0, length);
  return {
    ...BARS,
    length,
    time: cut(time),
    open: cut(open),
    high: cut(high),
    low: cut(low),
    close: cut(close),
    volume: cut(volume),
    takerBuyVolume: cut(takerBuyVolume),
  };
}

describe('the explanation of a rule', () => {
  it('says ENTER and EXIT where the backtest enters and exits, and HOLD between', () => {
    expect(TRADES.length).toBeGreaterThan(10);
    for (const { side, entrySignal, exitSignal, reason } of TRADES) {
      expect(EXPLAINER.at(entrySignal)).toMatchObject({ action: 'ENTER', side: 0 });
      if (exitSignal < 0) continue;
      const end = EXPLAINER.at(exitSignal);
      expect(end).toMatchObject({ action: 'EXIT', reason, side, age_bars: exitSignal - entrySignal });
      expect(end.exits.some(({ holds }) => holds)).toBe(true);
      for (let t = entrySignal + 1; t < exitSignal; t++)
        expect(EXPLAINER.at(t)).toMatchObject({ action: 'HOLD', side });
    }
  });

  it('has every condition of a formula with its value and limit, all of which hold where the formula does', () => {
    const close = BARS.close;
    let entries = 0;
    const bars = Array.from({ length: 25 }, (_, i) => FROM + 31 * i);
    for (const t of [...bars, ...TRADES.slice(0, 8).map(({ entrySignal }) => entrySignal)]) {
      const { formulas } = EXPLAINER.at(t);
      const states = formulas['entry_long']!;
      expect(states.map(({ name }) => name).sort()).toEqual([
        '(close / mean(close, 24)) - 1 < -0.008',
        'rsi(close, 14) < 45',
      ]);
      const isEntry = COLUMNS.entryLong![t] === 1;
      expect(states.every(({ holds }) => holds)).toBe(isEntry);
      if (isEntry) entries++;
      const fall = states.find(({ name }) => name.startsWith('(close'))!;
      const mean = close.slice(t - 23, t + 1).reduce((sum, own) => sum + own, 0) / 24;
      expect(fall.value).toBeCloseTo(close[t]! / mean - 1, 10);
      expect([fall.limit, fall.relation, fall.holds]).toEqual([-0.008, '<', fall.value! < -0.008]);
      // What it lacks, the nearest failing condition first.
      if (!fall.holds) expect(fall.change).toBeCloseTo(-0.008 - fall.value!, 12);
      const lacking = states.filter(({ holds }) => !holds).map(({ relative }) => relative!);
      expect(lacking).toEqual([...lacking].sort((a, b) => a - b));
    }
    expect(entries).toBeGreaterThan(5);
  });

  it('knows the position at the newest bar, which no open follows yet', () => {
    for (const { entrySignal, side } of TRADES.slice(0, 3)) {
      const bars = subjectOfBars(firstBars(entrySignal + 2));
      const newest = new RuleExplainer(bars, STRATEGY, SOURCES, FROM);
      expect(newest.at(entrySignal + 1)).toMatchObject({ side, age_bars: 1 });
      expect(newest.at(entrySignal)).toMatchObject({ action: 'ENTER', side: 0, target: side });
    }
  });

  it('computes the formulas once for all bars', () => {
    let runs = 0;
    const counted: RuleSubject = {
      ...SUBJECT,
      evaluate(formulas, take) {
        runs++;
        SUBJECT.evaluate(formulas, take);
      },
    };
    const explainer = new RuleExplainer(counted, STRATEGY, SOURCES, FROM);
    const actions = Array.from({ length: 500 }, (_, i) => explainer.at(FROM + i).action);
    expect(new Set(actions)).toEqual(new Set(['ENTER', 'EXIT', 'HOLD']));
    expect(runs).toBe(1);
  });
});
