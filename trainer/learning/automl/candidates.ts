import { handWrittenDefinitions } from '../../../shared/core/features/features.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { parseFormula } from '../../../shared/core/formula/formula.ts';
import { FormulaError } from '../../../shared/core/formula/formula_error.ts';
import { COLUMN_NAME } from '../../../shared/core/formula/named_formulas.ts';
import { pairSources, type Sources } from '../../../shared/core/formula/sources.ts';
import { createRng } from '../../../shared/rng.ts';

/**
 * Where candidates come from:
 * - windows: statistics of the last bars of a series (after tsfresh; Christ et al. 2018, Neurocomputing 307).
 * - products: products and ratios of two columns (after AutoFeat; Horn et al. 2019, arXiv:1901.07329).
 * - calendar: hour and day as numbers.
 */
export const GENERATORS = ['windows', 'products', 'calendar'] as const;
export type Generator = (typeof GENERATORS)[number];

export interface Candidate {
  readonly name: string;
  /** Canonical. */
  readonly text: string;
  readonly generator: Generator;
  /** Bars that it looks back over. */
  readonly bars: number;
}

export interface CandidateOptions {
  readonly generators: readonly Generator[];
  /** Windows of the statistics. */
  readonly windowBars: readonly number[];
  /** More are thinned by the seed. */
  readonly most: number;
  readonly seed: number;
  readonly windows: Windows;
}

/** Series of one pair without a unit. */
const SERIES: Readonly<Record<string, string>> = {
  ret_a: 'log(a.close) - log(delay(a.close))',
  ret_b: 'log(b.close) - log(delay(b.close))',
  ratio: 'log(a.close) - log(b.close)',
  range_a: '(a.high - a.low) / a.close',
  range_b: '(b.high - b.low) / b.close',
  z: 'z_score',
  hedged: 'spread - delay(spread)',
};
/** Windows of the statistics, bars, unless others are asked for. */
export const WINDOW_BARS: readonly number[] = [5, 15, 30, 60, 120, 240, 480];
/** The longest window that can be asked for: `burst` has four times as many bars. */
export const LONGEST_WINDOW = 480;
/** Short windows of moments are noise. */
const FEWEST_OF_MOMENTS = 30;

/** `x` is the series, `n` the window. */
const STATISTICS: Readonly<Record<string, (x: string, n: number) => string | null>> = {
  mean: (x, n) => `mean(${x}, ${n})`,
  std: (x, n) => `std(${x}, ${n})`,
  zscore: (x, n) => `zscore(${x}, ${n})`,
  rank: (x, n) => `rank(${x}, ${n})`,
  skew: (x, n) => (n < FEWEST_OF_MOMENTS ? null : `skew(${x}, ${n})`),
  kurt: (x, n) => (n < FEWEST_OF_MOMENTS ? null : `kurt(${x}, ${n})`),
  slope: (x, n) => `slope(${x}, ${n})`,
  place: (x, n) => `(${x} - min(${x}, ${n})) / (max(${x}, ${n}) - min(${x}, ${n}))`,
  since_max: (x, n) => `argmax(${x}, ${n}) / ${n}`,
  since_min: (x, n) => `argmin(${x}, ${n}) / ${n}`,
  autocorr: (x, n) => (n < FEWEST_OF_MOMENTS ? null : `corr(${x}, delay(${x}), ${n})`),
  burst: (x, n) => `std(${x}, ${n}) / std(${x}, ${4 * n})`,
};
/** Statistics with a direction: also turned so that positive means further out. */
const DIRECTED = new Set(['mean', 'zscore', 'slope', 'skew', 'since_max', 'since_min']);

/**
 * Formulas of pairs that can be columns, each once, none of them a hand-written column. The same options give the
 * same candidates in the same order.
 */
export function candidatesOf({ generators, windowBars, most, seed, windows }: CandidateOptions): Candidate[] {
  const definitions = handWrittenDefinitions(windows);
  const sources = pairSources(definitions);
  const taken = new Set(definitions.map(({ name }) => name));
  const found = new Map<string, Candidate>();
  const offer = (generator: Generator, name: string, text: string): void => {
    const parsed = parsedOrNull(text, sources);
    if (parsed === null || taken.has(name) || taken.has(parsed.text) || found.has(parsed.text)) return;
    if (!COLUMN_NAME.test(name)) throw new RangeError(`${name} is no name of a column`);
    found.set(parsed.text, { name, text: parsed.text, generator, bars: parsed.bars });
  };
  if (generators.includes('windows')) offerWindows(windowBars, offer);
  if (generators.includes('products')) {
    const columns = definitions.filter(({ models }) => models.includes('ai1')).map(({ name }) => name);
    offerProducts(columns, offer);
  }
  if (generators.includes('calendar')) {
    offer('calendar', 'auto_hour', 'hour()');
    offer('calendar', 'auto_day_of_week', 'day_of_week()');
    offer('calendar', 'auto_minute_of_day', 'minute_of_day()');
  }
  return thinned([...found.values()], most, seed);
}

type Offer = (generator: Generator, name: string, text: string) => void;

function offerWindows(windowBars: readonly number[], offer: Offer): void {
  for (const [series, x] of Object.entries(SERIES))
    for (const [statistic, of] of Object.entries(STATISTICS))
      for (const bars of windowBars) {
        const text = of(x.includes(' ') ? `(${x})` : x, bars);
        if (text === null) continue;
        offer('windows', `auto_${statistic}_${series}_${bars}`, text);
        if (DIRECTED.has(statistic))
          offer('windows', `auto_out_${statistic}_${series}_${bars}`, `sign(z_score) * (${text})`);
      }
  for (const bars of windowBars.filter((n) => n >= FEWEST_OF_MOMENTS))
    offer('windows', `auto_corr_returns_${bars}`, `corr(${SERIES['ret_a']}, ${SERIES['ret_b']}, ${bars})`);
}

function offerProducts(columns: readonly string[], offer: Offer): void {
  for (const [at, x] of columns.entries())
    for (const y of columns.slice(at + 1)) {
      offer('products', `auto_${x}_x_${y}`, `${x} * ${y}`);
      offer('products', `auto_${x}_per_${y}`, `${x} / (1 + abs(${y}))`);
      offer('products', `auto_${y}_per_${x}`, `${y} / (1 + abs(${x}))`);
    }
}

/** null: no formula, or one whose unit differs from pair to pair. */
function parsedOrNull(text: string, sources: Sources) {
  try {
    const parsed = parseFormula(text, sources);
    return parsed.unit === 'number' ? parsed : null;
  } catch (error) {
    if (error instanceof FormulaError) return null;
    throw error;
  }
}

/** At most so many, drawn by the seed; those that stay keep their order. The few of the calendar always stay. */
function thinned(candidates: readonly Candidate[], most: number, seed: number): Candidate[] {
  if (candidates.length <= most) return [...candidates];
  const rng = createRng(`${seed}/automl candidates`);
  const draw = ({ generator }: Candidate): number => (generator === 'calendar' ? -1 : rng.uniform());
  const order = candidates.map((one, index) => ({ index, draw: draw(one) })).sort((a, b) => a.draw - b.draw);
  const kept = new Set(order.slice(0, most).map(({ index }) => index));
  return candidates.filter((_, index) => kept.has(index));
}
