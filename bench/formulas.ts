import type { OpenTime, Bar } from '../shared/bar.ts';
import { PairInputs, SymbolInputs } from '../shared/core/formula/bar_inputs.ts';
import { FormulaEngine } from '../shared/core/formula/engine.ts';
import { parseFormula } from '../shared/core/formula/formula.ts';
import { pairSources, symbolSources } from '../shared/core/formula/sources.ts';
import { createRng } from '../shared/rng.ts';
import { BENCH_FORMULAS } from './formulas_list.ts';
import { benchStation, type StationCosts } from './formulas_station.ts';
import { benchFormulasEndToEnd, type FormulasEndToEnd } from './end_to_end/formulas.ts';
import { runPolars, type PolarsRun } from './formulas_polars.ts';
import { percentiles, type Percentiles } from './percentiles.ts';
import { openTemporaryFolder } from './temporary_folder.ts';

const BARS = 1_000_000;
const RUNS = 3;
const SAMPLE_EVERY = 997;
const PAIRS = 10;
const PAIR_FORMULAS = 100;
const LIVE_MINUTES = 5000;
const END_TO_END_MINUTES = 1500;
const PEER_BARS = 200_000;
const SUBJECTS = 1000;
const SUBJECT_FORMULAS = 30;
const SUBJECT_MINUTES = 400;
/** Whose definition is another one in polars: its mean looks back to the first bar. */
const OTHER_DEFINITION = /^ema/;

export interface FormulasResult {
  readonly bars: number;
  readonly formulas: number;
  readonly computations: number;
  /** One pass over all bars in blocks: nanoseconds per bar of one formula, the fastest of three runs. */
  readonly block_ns: number;
  /** null: Python has no polars. */
  readonly polars: {
    readonly version: string;
    readonly ns: number;
    /** Ours / polars. */
    readonly ratio: number;
    /** Greatest relative difference of values at sampled bars; but for ema, which is another one there. */
    readonly difference: number;
  } | null;
  /** Five indicators: nanoseconds per bar of one, ours in blocks and bar by bar. */
  readonly trading_signals: {
    readonly block_ns: number;
    readonly bar_ns: number;
    readonly peer_ns: number;
    /** Ours in blocks / theirs, and ours bar by bar / theirs. */
    readonly block_ratio: number;
    readonly bar_ratio: number;
  };
  /** Microseconds for a minute of all pairs, in blocks of one. */
  readonly live: {
    readonly pairs: number;
    readonly formulas: number;
    readonly minute_us: Percentiles;
    /** The station of features of a daemon, without and with the formulas of a bundle; earlier results have none. */
    readonly station_us?: StationCosts;
    /** The whole daemon, bars in to signals out; earlier results have none. */
    readonly end_to_end?: FormulasEndToEnd;
  };
  readonly subjects: { readonly subjects: number; readonly formulas: number; readonly minute_us: Percentiles };
}

/** Formulas over blocks against polars on one thread, bar by bar against trading-signals, and what they add live. */
export async function benchFormulas(print: (line: string) => void): Promise<FormulasResult> {
  print(`formulas, ${BARS} bars …`);
  const market = walk(BARS);
  const block = benchBlock(market);
  print('formulas, polars …');
  const folder = openTemporaryFolder('formulas');
  let polars: PolarsRun | null;
  try {
    const { open, high, low, close, volume } = market.columns;
    polars = runPolars(BENCH_FORMULAS, [open, high, low, close, volume], SAMPLE_EVERY, folder.path);
  } finally {
    folder.remove();
  }
  if (polars === null) print('formulas: not compared, because Python has no polars (pip install polars numpy)');
  print('formulas, trading-signals …');
  const signals = await benchTradingSignals(market);
  print('formulas, live …');
  const perFormula = (seconds: number): number => (seconds * 1e9) / BARS / BENCH_FORMULAS.length;
  return {
    bars: BARS,
    formulas: BENCH_FORMULAS.length,
    computations: block.computations,
    block_ns: perFormula(block.seconds),
    polars:
      polars === null
        ? null
        : {
            version: polars.version,
            ns: perFormula(polars.seconds),
            ratio: block.seconds / polars.seconds,
            difference: greatestDifference(block.sampled, polars.values),
          },
    trading_signals: signals,
    live: {
      pairs: PAIRS,
      formulas: PAIR_FORMULAS,
      minute_us: benchLive(market, PAIRS, PAIR_FORMULAS, LIVE_MINUTES),
      station_us: benchStation(pairTexts(PAIR_FORMULAS), LIVE_MINUTES),
      end_to_end: await benchFormulasEndToEnd(pairTexts(PAIR_FORMULAS), PAIRS, END_TO_END_MINUTES, print),
    },
    subjects: {
      subjects: SUBJECTS,
      formulas: SUBJECT_FORMULAS,
      minute_us: benchLive(market, SUBJECTS, SUBJECT_FORMULAS, SUBJECT_MINUTES),
    },
  };
}

/** Processor time of this process: what other programs take on a shared machine does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Walk {
  readonly numbers: Float64Array;
  readonly columns: Readonly<Record<'open' | 'high' | 'low' | 'close' | 'volume', Float64Array>>;
}

/** Prices at random, with a missing minute in a hundred. */
function walk(bars: number): Walk {
  const rng = createRng('bench formulas');
  const column = (): Float64Array => new Float64Array(bars);
  const numbers = column();
  const columns = { open: column(), high: column(), low: column(), close: column(), volume: column() };
  let number = 28_000_000;
  let price = 2000;
  for (let i = 0; i < bars; i++) {
    number += rng.uniform() < 0.01 ? 2 + rng.integer(8) : 1;
    numbers[i] = number;
    columns.open[i] = price;
    price *= 1 + rng.normal() * 3e-4;
    columns.close[i] = price;
    columns.high[i] = Math.max(columns.open[i]!, price) * (1 + rng.uniform() * 1e-4);
    columns.low[i] = Math.min(columns.open[i]!, price) * (1 - rng.uniform() * 1e-4);
    columns.volume[i] = 1 + rng.integer(500);
  }
  return { numbers, columns };
}

function benchBlock({ numbers, columns }: Walk): { seconds: number; computations: number; sampled: number[][] } {
  const formulas = BENCH_FORMULAS.map(({ formula }) => parseFormula(formula, symbolSources()));
  const engine = new FormulaEngine(formulas);
  let seconds = Infinity;
  let sampled: number[][] = [];
  for (let run = 0; run < RUNS; run++) {
    const state = engine.createState();
    sampled = formulas.map(() => []);
    let took = 0;
    for (let from = 0; from < BARS; from += engine.capacity) {
      const count = Math.min(engine.capacity, BARS - from);
      const begun = cpuMs();
      engine.numbers.set(numbers.subarray(from, from + count));
      for (const [name, column] of engine.inputs)
        column.set(columns[name as keyof typeof columns].subarray(from, from + count));
      engine.run(state, count);
      took += cpuMs() - begun;
      const first = Math.ceil(from / SAMPLE_EVERY) * SAMPLE_EVERY;
      for (let at = first; at < from + count; at += SAMPLE_EVERY)
        engine.outputs.forEach((output, j) => sampled[j]!.push(output[at - from]!));
    }
    seconds = Math.min(seconds, took / 1000);
  }
  return { seconds, computations: engine.size, sampled };
}

/** Relative to the value, or where it is a small difference of others to 1. */
function greatestDifference(own: readonly number[][], peer: PolarsRun['values']): number {
  let greatest = 0;
  BENCH_FORMULAS.forEach(({ formula }, j) => {
    if (OTHER_DEFINITION.test(formula)) return;
    own[j]!.forEach((value, i) => {
      const other = peer[j]![i];
      // Before the warm-up polars has values of shorter windows in some expressions.
      if (Number.isNaN(value) || other == null) return;
      greatest = Math.max(greatest, Math.abs(value - other) / Math.max(1, Math.abs(other)));
    });
  });
  return greatest;
}

async function benchTradingSignals({ numbers, columns }: Walk): Promise<FormulasResult['trading_signals']> {
  const { SMA, EMA, WMA, RSI, ATR } = await import('trading-signals');
  const texts = ['mean(close, 60)', 'ema(close, 24)', 'wma(close, 30)', 'rsi(14)', 'atr(14)'];
  const engine = new FormulaEngine(texts.map((text) => parseFormula(text, symbolSources())));
  const inputs = new SymbolInputs(engine, 60);
  const bars = Array.from({ length: PEER_BARS }, (_, i) => barOf(columns, numbers, i));
  let blocks = Infinity;
  let own = Infinity;
  let peer = Infinity;
  let sum = 0;
  for (let run = 0; run < RUNS; run++) {
    const blocksState = engine.createState();
    const blocksBegun = cpuMs();
    for (let from = 0; from < PEER_BARS; from += engine.capacity) {
      const count = Math.min(engine.capacity, PEER_BARS - from);
      for (let i = 0; i < count; i++) inputs.write(i, bars[from + i]!);
      engine.run(blocksState, count);
      for (const output of engine.outputs) sum += output[count - 1]!;
    }
    blocks = Math.min(blocks, cpuMs() - blocksBegun);
    const state = engine.createState();
    const begun = cpuMs();
    for (const bar of bars) {
      inputs.write(0, bar);
      engine.run(state, 1);
      for (const output of engine.outputs) sum += output[0]!;
    }
    own = Math.min(own, cpuMs() - begun);
    const closes = [new SMA(60), new EMA(24), new WMA(30), new RSI(14)];
    const range = new ATR(14);
    const began = cpuMs();
    for (const bar of bars) {
      for (const indicator of closes) sum += indicator.add(bar.close) ?? 0;
      sum += range.add(bar) ?? 0;
    }
    peer = Math.min(peer, cpuMs() - began);
  }
  if (sum === 0) throw new Error('no indicator has a value');
  const perValue = (ms: number): number => (ms * 1e6) / PEER_BARS / texts.length;
  return {
    block_ns: perValue(blocks),
    bar_ns: perValue(own),
    peer_ns: perValue(peer),
    block_ratio: blocks / peer,
    bar_ratio: own / peer,
  };
}

function barOf(columns: Walk['columns'], numbers: Float64Array, i: number): Bar {
  return {
    symbol: 'A',
    time: (numbers[i]! * 60) as OpenTime,
    open: columns.open[i]!,
    high: columns.high[i]!,
    low: columns.low[i]!,
    close: columns.close[i]!,
    volume: columns.volume[i]!,
  };
}

/** Formulas of the list over the legs of a pair. */
function pairTexts(formulas: number): string[] {
  const step = Math.floor(BENCH_FORMULAS.length / formulas);
  return Array.from({ length: formulas }, (_, i) =>
    BENCH_FORMULAS[i * step]!.formula.replace(/\b(open|high|low|close|volume)\b/g, (name, _word, at: number) =>
      at % 2 === 0 ? `a.${name}` : `b.${name}`,
    ),
  );
}

/** Each pair has its own prices: those of other minutes of the walk. */
function benchLive({ numbers, columns }: Walk, pairs: number, formulas: number, minutes: number): Percentiles {
  const sources = pairSources([]);
  const texts = pairTexts(formulas);
  const engine = new FormulaEngine(texts.map((text) => parseFormula(text, sources)));
  const inputs = new PairInputs(engine, [], 60);
  const states = Array.from({ length: pairs }, () => engine.createState());
  const none = new Float64Array(0);
  const times: number[] = [];
  const warmUp = Math.min(minutes, 1500);
  for (let minute = 0; minute < warmUp + minutes; minute++) {
    const bars = states.map((_, pair) => {
      const time = (numbers[minute]! * 60) as OpenTime;
      const shift = minute + pair * 97;
      return {
        a: { ...barOf(columns, numbers, shift), time },
        b: { ...barOf(columns, numbers, shift + 50_000), time },
      };
    });
    const begun = performance.now();
    for (let pair = 0; pair < pairs; pair++) {
      inputs.write(0, { ...bars[pair]!, features: none, series: null });
      engine.run(states[pair]!, 1);
    }
    if (minute >= warmUp) times.push((performance.now() - begun) * 1000);
  }
  return percentiles(times);
}
