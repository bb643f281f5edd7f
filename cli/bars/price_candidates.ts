import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { BarSink } from '../../shared/bar_file/bar_sink.ts';
import { usualSymbolsAt } from '../../shared/bar_file/verdict/scale_watch.ts';
import { upperMedianOf } from '../../shared/statistics.ts';
import type { SymbolNames } from '../../shared/symbol/symbol.ts';
import type { BarLayout } from './bar_layout.ts';
import { sourceLines } from './source_lines.ts';

const SAMPLE_ROWS = 5000;
const DAY_S = 86_400;
/** Bars of a symbol this far from those of the file still tell its price level. */
const NEAR_S = 30 * DAY_S;
/** As a fraction of the price: what a market may move in that time, and what two sources differ by. */
const SAME_LEVEL = 0.1;
const SAME_PRICE = 5e-4;
/** Minutes with the same close, by which a symbol is certain. */
const MIN_COMMON = 30;
const CERTAIN_SHARE = 0.95;
const MAX_SHOWN = 6;

/** Symbols that the prices of a file without a name can be of. */
export interface PriceCandidates {
  /** The symbol whose bars at the same minutes have the same closes; null where none or several have. */
  readonly certain: string | null;
  /** By the level of their prices, the nearest first. */
  readonly symbols: readonly string[];
  /** Median close of the sample; NaN without a row. */
  readonly price: number;
}

interface Sample {
  /** Closes by their stamp on the file's clock. */
  readonly closes: ReadonlyMap<number, number>;
  readonly first: number;
  readonly last: number;
  readonly price: number;
}

/** Compares a sample of a file's closes with bars that are there, and with the usual prices of configured symbols. */
export async function candidatesByPrice(
  path: string,
  layout: BarLayout,
  into: Pick<BarSink, 'open' | 'symbols'>,
  names: SymbolNames,
): Promise<PriceCandidates> {
  const sample = await sampleOf(path, layout);
  if (sample.closes.size === 0) return { certain: null, symbols: [], price: NaN };
  const stored = await into.symbols();
  const found: { symbol: string; distance: number }[] = [];
  const certain: string[] = [];
  const compared = new Set<string>();
  for (const symbol of stored) {
    const bars = await into.open(symbol).near(sample.first - NEAR_S, sample.last + NEAR_S);
    if (bars === null) continue;
    compared.add(symbol);
    const overlap = await into.open(symbol).near(sample.first, sample.last + 1);
    const distance = Math.abs(Math.log(sample.price / levelOf(overlap ?? bars)));
    if (distance < SAME_LEVEL) found.push({ symbol, distance });
    if (overlap !== null && hasSameCloses(sample, overlap)) certain.push(symbol);
  }
  found.sort((a, b) => a.distance - b.distance);
  const usual = usualSymbolsAt(sample.price).filter((symbol) => names.known.has(symbol) && !compared.has(symbol));
  const symbols = [...new Set([...certain, ...found.map(({ symbol }) => symbol), ...usual])].slice(0, MAX_SHOWN);
  return { certain: certain.length === 1 ? certain[0]! : null, symbols, price: sample.price };
}

async function sampleOf(path: string, layout: BarLayout): Promise<Sample> {
  const closes = new Map<number, number>();
  let line = 0;
  for await (const lines of sourceLines(path)) {
    for (const text of lines) {
      line++;
      const row = line < layout.firstRow ? null : layout.parse(text);
      if (row !== null && row.close > 0 && row.close < Infinity && row.time >= 0) closes.set(row.time, row.close);
    }
    if (closes.size >= SAMPLE_ROWS) break;
  }
  const times = [...closes.keys()];
  return {
    closes,
    first: times.reduce((least, time) => Math.min(least, time), Infinity),
    last: times.reduce((greatest, time) => Math.max(greatest, time), -Infinity),
    price: upperMedianOf([...closes.values()]),
  };
}

function hasSameCloses({ closes }: Sample, { time, close, length }: BarColumns): boolean {
  let common = 0;
  let same = 0;
  for (let i = 0; i < length; i++) {
    const own = closes.get(time[i]!);
    if (own === undefined) continue;
    common++;
    if (Math.abs(own / close[i]! - 1) < SAME_PRICE) same++;
  }
  return common >= MIN_COMMON && same >= CERTAIN_SHARE * common;
}

function levelOf({ close, length }: BarColumns): number {
  return upperMedianOf(close.subarray(0, length));
}
