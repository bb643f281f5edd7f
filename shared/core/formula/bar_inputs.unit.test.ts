import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../bar.ts';
import { handWrittenDefinitions } from '../features/features.ts';
import { randomPair, SMALL } from '../features/features.fixture.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../features/instrument/definitions.ts';
import { parsePair } from '../../pair.ts';
import { SERIES_NAMES } from '../series/series_names.ts';
import { InstrumentInputs, pairInputs, SymbolInputs, type PairReading } from './bar_inputs.ts';
import { FormulaEngine } from './engine.ts';
import { FormulaBlock } from './formula_block.ts';
import { FormulaColumns } from './formula_columns.ts';
import { parseFormula } from './formula.ts';
import { formulasOf, formulasText } from './named_formulas.ts';
import { instrumentSources, symbolSources } from './sources.ts';

const PAIR = parsePair('XAUUSD_XAGUSD');
const time = (14 * 3600) as OpenTime;

describe('the inputs of formulas', () => {
  it('of a symbol are the fields of its bar; volumes of 0 and absent fields are unknown', () => {
    const names = ['open', 'high', 'low', 'close', 'volume', 'spread', 'taker_buy_volume', 'trades', 'hour()'];
    const engine = new FormulaEngine(names.map((name) => parseFormula(name, symbolSources())));
    const inputs = new SymbolInputs(engine, 60);
    const full = { time, open: 1, high: 4, low: 0.5, close: 2, volume: 7, spread: 3, takerBuyVolume: 5, trades: 9 };
    inputs.write(0, full as unknown as Bar);
    inputs.write(1, { time, open: 1, high: 4, low: 0.5, close: 2, volume: 0 } as unknown as Bar);
    engine.run(engine.createState(), 2);
    const values = (at: number): number[] => engine.outputs.map((column) => column[at]!);
    expect(values(0)).toEqual([1, 4, 0.5, 2, 7, 3, 5, 9, 14]);
    expect(values(1)).toEqual([1, 4, 0.5, 2, NaN, NaN, NaN, NaN, 14]);
  });

  it('of an instrument are the fields of its bar, its hand-written features and its series, each by its name', () => {
    const features = instrumentDefinitions(INSTRUMENT_WINDOWS);
    const [feature] = features;
    const series = SERIES_NAMES.map((name) => `series("${name}")`);
    const names = ['open', 'high', 'low', 'close', 'volume', 'taker_buy_volume', feature!.name, ...series];
    const sources = instrumentSources(features);
    const engine = new FormulaEngine(names.map((name) => parseFormula(name, sources)));
    const inputs = new InstrumentInputs(engine, features, 3600);
    const bar = { time, open: 1, high: 4, low: 0.5, close: 2, volume: 7, takerBuyVolume: 5 };
    const handWritten = Float64Array.from(features, (_, index) => 100 + index);
    const known = Float64Array.from(SERIES_NAMES, (_, index) => 200 + index);
    const state = engine.createState();
    const values = (of: typeof bar): number[] => {
      inputs.write(0, { bar: of, features: handWritten, series: known });
      engine.run(state, 1);
      return engine.outputs.map((column) => column[0]!);
    };
    // A formula has no value before what it reads is warm.
    for (let bars = 1; bars < feature!.warmup_bars; bars++) expect(values(bar)[6]).toBeNaN();
    expect(values(bar)).toEqual([1, 4, 0.5, 2, 7, 5, 100, ...known]);
    expect(values({ ...bar, volume: 0, takerBuyVolume: NaN })).toEqual([1, 4, 0.5, 2, NaN, NaN, 100, ...known]);
  });
});

describe('formulas of a pair in blocks', () => {
  it('have the bits of those bar by bar, whether or not a block was full', () => {
    const text = formulasText([
      { name: 'far', text: 'abs(z_score) > 2' },
      { name: 'momentum', text: '(ema(a.close, 6) / b.close) - 1' },
    ]);
    const written = handWrittenDefinitions(SMALL);
    const formulas = formulasOf({ ...SMALL, formulas: text }, written);
    const { a, b } = randomPair('formulas in blocks', 700, { gaps: true, quoted: true });
    const features = written.map((_, column) => a.map((__, bar) => Math.sin(bar + column)));
    const at = (bar: number): Float64Array => Float64Array.from(features, (column) => column[bar]!);
    const columns = new FormulaColumns(formulas, [PAIR], pairInputs(written));
    const block = new FormulaBlock(formulas, PAIR, pairInputs(written));
    expect([block.width, block.warmupBars]).toEqual([columns.width, columns.warmupBars]);
    const wanted: number[][] = [];
    const found: number[][] = [];
    const out = new Float64Array(block.width);
    let filled = 0;
    const flush = (): void => {
      block.run();
      for (let place = 0; place < filled; place++) {
        block.read(place, out);
        found.push([...out]);
      }
      filled = 0;
    };
    a.forEach((bar, index) => {
      const reading = { a: bar, b: b[index]!, features: at(index), series: null };
      columns.step(0, reading);
      wanted.push([...columns.values(0)]);
      block.add(reading);
      filled++;
      if (block.isFull || index % 97 === 0) flush();
    });
    flush();
    expect(found).toEqual(wanted);
    expect(found.some((values) => values.every((value) => !Number.isNaN(value)))).toBe(true);
  });
});

describe('formulas of several pairs', () => {
  it('take two bars of one pair, and more than fit into one run, as if each ran alone', () => {
    const text = formulasText([{ name: 'momentum', text: 'mean(a.close, 5) / a.close - 1' }]);
    const written = handWrittenDefinitions(SMALL);
    const formulas = formulasOf({ ...SMALL, formulas: text }, written);
    const { a, b } = randomPair('formulas together', 60, { gaps: false, quoted: true });
    const features = new Float64Array(written.length);
    const pairs = Array.from({ length: 70 }, (_, pair) => pair);
    const subjects = pairs.map(() => PAIR);
    const at = (bar: number): PairReading => ({ a: a[bar]!, b: b[bar]!, features, series: null });
    const alone = new FormulaColumns(formulas, subjects, pairInputs(written));
    const together = new FormulaColumns(formulas, subjects, pairInputs(written));
    // Bar by bar of one pair after the other: all bars of a pair wait for the same run.
    for (const pair of pairs)
      for (let bar = 0; bar < 20 + (pair % 3); bar++) {
        together.add(pair, at(bar));
        alone.step(pair, at(bar));
      }
    together.run();
    // Bars of all pairs wait together.
    for (const pair of pairs) {
      together.add(pair, at(30));
      alone.step(pair, at(30));
    }
    together.run();
    for (const pair of pairs) expect([...together.values(pair)]).toEqual([...alone.values(pair)]);
    expect(together.values(0)[0]).not.toBeNaN();
  });
});
