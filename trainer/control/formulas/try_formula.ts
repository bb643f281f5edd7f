import type { MarketKind } from '../../../shared/signal/signal.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { withBarsOf } from '../../../shared/bar_file/other_bars.ts';
import { legBars } from '../../../shared/bar_file/resampled_bars.ts';
import { WARM_UP_SECONDS, warmUpSeconds } from '../../../shared/core/features/features.ts';
import { INSTRUMENT_WINDOWS } from '../../../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../../../shared/core/features/instrument/instrument_features.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import type { Formula } from '../../../shared/core/formula/formula.ts';
import { otherSourcesOf, symbolsOfSources } from '../../../shared/core/formula/other_symbols.ts';
import type { ScreenPolicy } from '../../../shared/core/screen/bar_screen.ts';
import { barSecondsOf, isInstrument, parseSubject, symbolsOf, type Pair } from '../../../shared/pair.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { readKnownBars } from '../../jobs/bars/known_bars.ts';
import { instrumentBarsOf } from '../../learning/instruments/instrument_bars.ts';
import { NO_SERIES } from '../../learning/instruments/series_files.ts';
import { countValues, QUANTILES } from '../../learning/formula_trial/distribution.ts';
import { formulaReport, type FormulaReport } from '../../learning/formula_trial/formula_report.ts';
import { instrumentValues, pairValues, type FormulaValues } from '../../learning/formula_trial/formula_values.ts';
import { holdoutStart, labelRelation, type LabelRelation } from '../../learning/formula_trial/label_relation.ts';
import { valueChart, type ValueChart } from '../../learning/formula_trial/value_chart.ts';
import { openStore, type Store } from '../../store/store.ts';
import { parseTried } from './check_formula.ts';
import { isThere } from '../../../shared/files.ts';

const DAY_S = 86_400;
/** Days of training rows, up to the holdout, that the label is compared on. */
const LABEL_DAYS = 31;
/** Columns of the chart, and parts of the distribution. */
const COLUMNS = 600;
const BINS = 32;
/** The rarest values would flatten the others. */
const LOW = QUANTILES.indexOf(0.01);
const HIGH = QUANTILES.indexOf(0.99);
const ALL = Number.MAX_SAFE_INTEGER;

/** Plain data, since it is sent to another thread. */
export interface FormulaTask {
  /** Id of a configured pair or instrument. */
  readonly subject: string;
  /** A formula without a fault. */
  readonly formula: string;
  /** Newest days that are shown. */
  readonly days: number;
  /** Ids of all configured pairs: the holdout of a training is one for all of them. */
  readonly pairs: readonly string[];
  readonly windows: Windows;
  readonly holdoutFraction: number;
  /** Epoch seconds: the holdout of the active models; null = there are none. */
  readonly activeHoldout: number | null;
  readonly market: MarketKind;
  readonly screening: ScreenPolicy | null;
  /** Journal files of the daemon's shards; absent ones are ignored. */
  readonly journals: readonly string[];
  /** null: nothing was ever imported. */
  readonly storeUrl: string | null;
}

/** What a formula tells over the newest bars of a subject. */
export interface TriedFormula extends FormulaReport {
  readonly chart: ValueChart;
  /** How many values lie in equal parts of `low` … `high`; null without values. */
  readonly histogram: { readonly low: number; readonly high: number; readonly counts: readonly number[] } | null;
}

/**
 * Computes a formula over the newest days of this installation's bars, and compares it with AI1's label on rows before
 * the holdout: not one bar of the holdout is read for that.
 * @returns null where the subject has no bars
 * @throws MinutehandError DATA_MISSING for another symbol without bars, DATA_FORMAT, STORE_UNUSABLE
 */
export async function tryFormula(task: FormulaTask): Promise<TriedFormula | null> {
  const store = task.storeUrl === null ? null : await openStore(task.storeUrl);
  try {
    return await new Trial(task, store).run();
  } finally {
    await store?.close();
  }
}

interface Range {
  /** Epoch seconds of the first and the last minute. */
  readonly first: number;
  readonly last: number;
}

class Trial {
  readonly #task: FormulaTask;
  readonly #store: Store | null;
  readonly #journals: readonly string[];
  readonly #subject: Pair;
  readonly #formula: Formula;
  /** Time before a period whose bars warm the formula. */
  readonly #warmUp: number;

  constructor(task: FormulaTask, store: Store | null) {
    this.#task = task;
    this.#store = store;
    this.#journals = task.journals.filter((path) => isThere(path));
    this.#subject = parseSubject(task.subject);
    this.#formula = parseTried(task.formula, this.#subject, task.windows);
    // Five days of the week have bars.
    this.#warmUp = writtenWarmUp(this.#subject, task.windows) + 2 * this.#formula.bars * barSecondsOf(this.#subject);
  }

  async run(): Promise<TriedFormula | null> {
    const ranges = await this.#ranges();
    const own = commonRange(this.#subject, ranges);
    if (own === null) return null;
    const from = Math.max(own.first, own.last - this.#task.days * DAY_S);
    const all = await this.#values(from - this.#warmUp, ALL);
    if (all === null) return null;
    const found = all.values.time.findIndex((time) => time >= from);
    const first = found < 0 ? all.values.time.length : found;
    const label = isInstrument(this.#subject) ? null : await this.#label(this.#holdoutFrom(ranges));
    const report = formulaReport(this.#formula, this.#subject.id, all.values, first, label);
    const values = all.values.values.subarray(first);
    const { quantiles } = report.distribution;
    const low = quantiles?.[LOW] ?? 0;
    const high = quantiles?.[HIGH] ?? 0;
    return {
      ...report,
      chart: valueChart(all.values.time.subarray(first), values, COLUMNS),
      histogram: quantiles === null ? null : { low, high, counts: countValues(values, low, high, BINS) },
    };
  }

  /** What is known of each symbol of the pairs and of the subject. */
  async #ranges(): Promise<ReadonlyMap<string, Range>> {
    const { pairs, market } = this.#task;
    const symbols = new Set(symbolsOf([this.#subject, ...pairs.map(parseSubject)]));
    const ranges = new Map<string, Range>();
    const add = (symbol: string, first: number, last: number): void => {
      if (!symbols.has(symbol)) return;
      const known = ranges.get(symbol) ?? { first, last };
      ranges.set(symbol, { first: Math.min(known.first, first), last: Math.max(known.last, last) });
    };
    for (const { symbol, first, last } of (await this.#store?.bars.symbols(market)) ?? []) add(symbol, first, last);
    for (const path of this.#journals) {
      const journal = openJournal(path, { readOnly: true });
      try {
        for (const [symbol, last] of journal.lastBars()) {
          const first = symbols.has(symbol) ? journal.barBefore(symbol, ALL, ALL as OpenTime) : null;
          add(symbol, first ?? last, last);
        }
      } finally {
        journal.close();
      }
    }
    return ranges;
  }

  /** The earlier of the holdouts of the active models and of a training of all that is known now. */
  #holdoutFrom(ranges: ReadonlyMap<string, Range>): number {
    const { pairs, holdoutFraction, activeHoldout } = this.#task;
    const known = pairs.map((id) => commonRange(parseSubject(id), ranges)).filter((range) => range !== null);
    const first = Math.min(...known.map((range) => range.first));
    const last = Math.max(...known.map((range) => range.last));
    return Math.min(holdoutStart(first, last, holdoutFraction), activeHoldout ?? Infinity);
  }

  /** @param holdoutFrom epoch seconds; nothing from there on is read */
  async #label(holdoutFrom: number): Promise<LabelRelation | null> {
    const from = holdoutFrom - LABEL_DAYS * DAY_S;
    const before = await this.#values(from - this.#warmUp, holdoutFrom);
    if (before === null || before.a === undefined || before.b === undefined) return null;
    const { a, b, values } = before;
    const { windows } = this.#task;
    return labelRelation({ pair: this.#subject, a, b, windows, holdoutFrom }, values, from);
  }

  /** Values from a time on, up to another one, exclusive; null where there are no bars. */
  async #values(from: number, to: number): Promise<TriedValues | null> {
    const { market, screening, windows } = this.#task;
    const subject = this.#subject;
    const others = symbolsOfSources(otherSourcesOf([{ formula: this.#formula }]));
    const known = await readKnownBars({
      symbols: [...new Set([...symbolsOf([subject]), ...others])],
      market,
      from: Math.max(0, from) as OpenTime,
      ...(to < ALL && { to: to as OpenTime }),
      screening,
      journals: this.#journals,
      store: this.#store,
      onProgress: () => undefined,
    });
    // Another symbol may have its first bar in the holdout: then nothing is compared with the label.
    if (to < ALL && others.some((symbol) => (known.get(symbol)?.length ?? 0) === 0)) return null;
    const bars = withBarsOf(known, others);
    const seconds = barSecondsOf(subject);
    if (isInstrument(subject)) {
      const own = bars.get(subject.a);
      if (own === undefined) return null;
      const series = { ...NO_SERIES, ...own.series };
      return { values: instrumentValues(this.#formula, instrumentBarsOf(own, seconds), series) };
    }
    const a = legBars(bars, subject, 'a');
    const b = legBars(bars, subject, 'b');
    if (a === undefined || b === undefined) return null;
    return { a, b, values: pairValues(this.#formula, { a, b }, windows, subject) };
  }
}

interface TriedValues {
  readonly values: FormulaValues;
  /** Legs of a pair. */
  readonly a?: BarColumns;
  readonly b?: BarColumns;
}

/** Of the hand-written features. */
function writtenWarmUp(subject: Pair, windows: Windows): number {
  if (!isInstrument(subject)) return warmUpSeconds(windows);
  const seconds = barSecondsOf(subject);
  return WARM_UP_SECONDS + 2 * new InstrumentFeatures(INSTRUMENT_WINDOWS, seconds).warmupBars * seconds;
}

/** The time that all symbols of a subject have; null without it. */
function commonRange(subject: Pair, ranges: ReadonlyMap<string, Range>): Range | null {
  const own = symbolsOf([subject]).map((symbol) => ranges.get(symbol));
  if (own.includes(undefined)) return null;
  const first = Math.max(...own.map((range) => range!.first));
  const last = Math.min(...own.map((range) => range!.last));
  return last - first < SECONDS_PER_BAR ? null : { first, last };
}
