import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { realData, skipNote as realNote } from '../../shared/bar_file/real_data.fixture.ts';
import {
  expectClose,
  formulaText,
  marketBars,
  partsOf,
  RANDOM_SOURCES,
  run,
} from '../../shared/core/formula/formula.fixture.ts';
import { FormulaError } from '../../shared/core/formula/formula_error.ts';
import type { OracleBar } from '../../shared/core/formula/formula.oracle.ts';
import { parseFormula, type Formula, type Node } from '../../shared/core/formula/formula.ts';
import { OPERATORS } from '../../shared/core/formula/operators.ts';
import { MINUTE_SOURCE } from '../../shared/core/formula/sources.ts';
import { IS_WEEKLY } from '../weekly.ts';
import { skipNote } from '../skip_note.ts';
import { pandasProgram, type Arguments } from './pandas_program.ts';
import { NO_PANDAS, PANDAS, runPandas } from './run_pandas.ts';

vi.setConfig({ testTimeout: 900_000 });

const SOURCES = RANDOM_SOURCES;
const BARS = 3000;
/** Of whole formulas, whose parts both computed: some units in the last place. */
const INPUT_ROUNDING = 1e-14;
const RANDOM_FORMULAS = IS_WEEKLY ? 2000 : 150;

/**
 * Every operator, in formulas as users write them. Comparisons are of values without rounding: one of means would flip
 * by the last bit where both are equal.
 */
const WRITTEN = [
  'close / delay(close, 240) - 1',
  'close / mean(close, 60) - 1',
  'ema(close, 24) / close - 1',
  'ema(close, 12) - ema(close, 26)',
  'zscore(log(close), 240)',
  'bollinger(close, 20, 2)',
  'rsi(14)',
  'atr(14) / close',
  'wilder(high - low, 30)',
  'std(delta(log(close)), 120)',
  'sqrt(var(log(close), 60))',
  'skew(delta(close), 120)',
  'kurt(delta(close), 120)',
  'slope(log(close), 60)',
  'wma(close, 30) - mean(close, 30)',
  'cov(high, low, 60)',
  'corr(delta(close), delta(high), 168)',
  'beta_of(close, open, 90)',
  'resid(close, low, 90)',
  '(close - min(low, 240)) / (max(high, 240) - min(low, 240))',
  'argmax(high, 60) - argmin(low, 60)',
  'rank(close, 300)',
  'median(high - low, 101)',
  'quantile(high - low, 240, 0.9)',
  'count(close > open, 60)',
  'since(cross(close, delay(close, 20)), 500)',
  'sum(where(close > delay(close) and not (high == low), 1, 0), 60)',
  'where(hour() >= 8 and hour() < 17 or day_of_week() == 5, 1, -1)',
  'minute_of_day() / 1440',
  'clip(exp(delta(log(close), 5)), 0.99, 1.01)',
  'sign(delta(close)) * abs(delta(close))',
  'pow(log(close / delay(close, 3)), 2)',
  'least(open, close) - greatest(open, close)',
  'coalesce(volume, 0) + where(is_missing(volume), 1, 2)',
  'mean(volume, 60)',
  'corr(delta(close), volume, 60)',
  'sum(close * volume, 60) / sum(volume, 60)',
  'rank(volume, 60)',
  'mean(coalesce(spread, close / 10000), 30)',
  'corr(delta(log(close)), delta(log(symbol("EURUSD").close)), 60)',
  '-delta(close) / where(close <= open or low < delay(low), 1, 2)',
];

function parsed(text: string): Formula | null {
  try {
    return parseFormula(text, SOURCES);
  } catch (error) {
    if (error instanceof FormulaError) return null;
    throw error;
  }
}

/** Bars of a recording as CSV with a header, from a row on. @param unit seconds of its unit of time */
function recorded(path: string, unit: number, from: number): OracleBar[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n').slice(1);
  return lines.slice(from, from + BARS).map((line) => {
    const cells = line.split(',').map(Number) as [number, number, number, number, number, number];
    const number = Math.round((cells[0] * unit) / 60);
    const volume = cells[5] > 0 ? cells[5] : NaN;
    const values = { open: cells[1], high: cells[2], low: cells[3], close: cells[4], volume, spread: NaN };
    // In place of another symbol, one that follows from this.
    const other = { 'symbol("EURUSD").close': Math.sqrt(cells[1]), 'symbol("EURUSD").volume': NaN };
    return { number, values: { ...values, ...other, [MINUTE_SOURCE]: number } };
  });
}

const minutesMissing = (bars: readonly OracleBar[]): number => bars.at(-1)!.number - bars[0]!.number + 1 - bars.length;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-pandas-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A part as a formula whose values are shown from the first bar on. */
const shown = (formula: Formula, root: Node): Formula => ({ ...formula, root, bars: 1 });

/** Compares every part of the formulas. @returns how many values were compared */
function compare(texts: readonly string[], bars: readonly OracleBar[], from: Arguments): number {
  const formulas = texts.map((text) => parsed(text)!);
  const parts = new Map(formulas.flatMap((formula) => partsOf(formula).map((part) => [part.text, part])));
  const all = [...parts.values()];
  const own = run(
    all.map((part) => shown(formulas[0]!, part)),
    bars,
    [97],
  );
  const ownOf = new Map(all.map(({ text }, i) => [text, own[i]!]));
  const program = pandasProgram(formulas, bars.length, from);
  const columns = program.columns.map((name) => ownOf.get(name)!);
  const values = runPandas(program, columns, folder);
  let compared = 0;
  program.parts.forEach((part, i) => {
    if (part.kind !== 'operation') return;
    const first = part.bars - 1;
    const inputs = part.inputs.map(({ text }) => ownOf.get(text)!);
    const window = part.operator.bars(part.constants);
    // Before the look-back of a part nothing is shown.
    const begin = Math.max(0, first - window + 1);
    const shownFrom = (column: readonly number[]): number[] =>
      column.slice(begin).map((value, at) => (begin + at < first ? NaN : value));
    expectClose(
      shownFrom(ownOf.get(part.text)!),
      shownFrom(values[i]!),
      inputs.map((input) => input.slice(begin)),
      part,
      from === 'own' ? INPUT_ROUNDING : 0,
    );
    compared += values[i]!.slice(first).filter((value) => !Number.isNaN(value)).length;
  });
  return compared;
}

it('operators.py defines every operator of the language, and no other', () => {
  const text = readFileSync(join(import.meta.dirname, 'operators.py'), 'utf8');
  const defined = [...text.matchAll(/^def op_(\w+)\(/gm)].map(([, name]) => name!);
  expect(defined.toSorted()).toEqual(OPERATORS.map(({ name }) => name).toSorted());
});

it('the written formulas have every operator', () => {
  const used = WRITTEN.flatMap((text) => partsOf(parsed(text)!)).flatMap((part) =>
    part.kind === 'operation' ? [part.operator.name] : [],
  );
  expect([...new Set(used)].toSorted()).toEqual(OPERATORS.map(({ name }) => name).toSorted());
});

describe.runIf(PANDAS !== null)(`formulas are what pandas says${skipNote(PANDAS === null, NO_PANDAS)}`, () => {
  const markets: readonly [string, () => OracleBar[]][] = [
    ['a simulated market with gaps', () => fc.sample(marketBars(BARS), { numRuns: 1, seed: 50 })[0]!],
  ];
  const random = (): string[] =>
    fc.sample(
      formulaText(3, 24).filter((text) => parsed(text) !== null),
      { numRuns: RANDOM_FORMULAS, seed: 50 },
    );

  it.each(markets)('on %s: formulas as users write them, as a whole', (_, market) => {
    expect(compare(WRITTEN, market(), 'own')).toBeGreaterThan(100_000);
  });

  it.each(markets)('on %s: random formulas, operation by operation', (_, market) => {
    expect(compare(random(), market(), 'given')).toBeGreaterThan(100_000);
  });

  const m1 = realData('m1');
  it.runIf(m1 !== null)(`on recorded minutes of silver with gaps and a weekend${realNote(m1)}`, () => {
    const bars = recorded(join(m1!, 'XAGUSD.csv.gz'), 1, 60_000);
    expect(minutesMissing(bars)).toBeGreaterThan(1000);
    expect(compare(WRITTEN, bars, 'own')).toBeGreaterThan(100_000);
    expect(compare(random(), bars, 'given')).toBeGreaterThan(100_000);
  });

  const binance = realData('binance');
  it.runIf(binance !== null)(`on recorded minutes of AVAXUSDT with volumes${realNote(binance)}`, () => {
    const bars = recorded(join(binance!, 'AVAXUSDT-1m-2026-02.csv.gz'), 1e-3, 10_000);
    expect(compare(WRITTEN, bars, 'own')).toBeGreaterThan(100_000);
    expect(compare(random(), bars, 'given')).toBeGreaterThan(100_000);
  });
});
