import { SECONDS_PER_BAR, type Bar } from '../../bar.ts';
import type { FeatureDefinition } from '../features/feature.ts';
import type { InstrumentDefinition } from '../features/instrument/definitions.ts';
import { SERIES_NAMES } from '../series/series_names.ts';
import type { FormulaEngine } from './engine.ts';
import { parseOtherSymbol } from './other_symbols.ts';
import { otherValuesReader, type OtherBarsAt } from './other_values.ts';
import { PROBABILITY_NAMES } from './probability_names.ts';
import { seriesSource } from './series_source.ts';
import { BAR_SOURCES, LEG_SERIES_SOURCES, MINUTE_SOURCE } from './sources.ts';

/** A field that formulas read, and where it goes. */
interface FieldInput {
  /** Position in BAR_SOURCES. */
  readonly field: number;
  readonly column: Float64Array;
}

/** A hand-written feature that formulas read, and where it goes. */
interface FeatureInput {
  readonly feature: number;
  readonly column: Float64Array;
}

/** What a step over the bars of a kind of subject takes, written to the inputs of an engine. */
export interface ReadingInputs<Reading> {
  /** Whether a formula reads an auxiliary series. */
  readonly readsSeries: boolean;
  /** @param at index in the block */
  write(at: number, reading: Reading): void;
}

/** Makes the inputs of an engine for a kind of subject. */
export type InputsOf<Reading> = (engine: FormulaEngine, barSeconds: number) => ReadingInputs<Reading>;

/** A bar that both legs of a pair have, with all that formulas read. */
export interface PairReading {
  readonly a: Bar;
  readonly b: Bar;
  /** Of the hand-written features at this bar, by column. */
  readonly features: Float64Array;
  /** Of the legs as known at its close, in the order of `LEG_SERIES_SOURCES`; null where no formula reads one. */
  readonly series: Float64Array | null;
  /** Of other symbols at the same bar, in the order that was given to `pairInputs`; absent where none is read. */
  readonly others?: Float64Array | null;
  /** In place of these values: the bars of other symbols at the same time. */
  readonly otherBars?: OtherBarsAt;
}

/**
 * @param features hand-written ones, whose values a reading has
 * @param others sources of other symbols, whose values a reading has
 */
export function pairInputs(
  features: readonly FeatureDefinition[],
  others: readonly string[] = [],
): InputsOf<PairReading> {
  return (engine, barSeconds) => new PairInputs(engine, features, barSeconds, others);
}

/** Writes what formulas of a pair read to the inputs of an engine. */
export class PairInputs implements ReadingInputs<PairReading> {
  readonly #time: TimeInputs;
  readonly #a: readonly FieldInput[];
  readonly #b: readonly FieldInput[];
  readonly #features: readonly FeatureInput[];
  readonly #series: readonly FeatureInput[];
  readonly #others: readonly FeatureInput[];
  readonly #valuesOf: (bars: OtherBarsAt) => Float64Array;

  constructor(
    engine: FormulaEngine,
    features: readonly FeatureDefinition[],
    barSeconds: number,
    others: readonly string[] = [],
  ) {
    this.#valuesOf = otherValuesReader(others);
    this.#time = new TimeInputs(engine, barSeconds);
    this.#a = fieldInputs(engine, 'a.');
    this.#b = fieldInputs(engine, 'b.');
    this.#features = featureInputs(
      engine,
      features.map(({ name }) => name),
    );
    this.#series = featureInputs(
      engine,
      LEG_SERIES_SOURCES.map(({ name }) => name),
    );
    this.#others = otherInputs(engine, others);
  }

  get readsSeries(): boolean {
    return this.#series.length > 0;
  }

  /**
   * @param at index in the block
   * @throws RangeError for formulas that read series, or other symbols, without them
   */
  write(at: number, { a, b, features: values, series, others, otherBars }: PairReading): void {
    this.#time.write(at, a.time);
    writeFields(this.#a, at, a);
    writeFields(this.#b, at, b);
    for (let i = 0; i < this.#features.length; i++) {
      const input = this.#features[i]!;
      input.column[at] = values[input.feature]!;
    }
    if (this.#series.length > 0) this.#writeSeries(at, series);
    if (this.#others.length === 0) return;
    writeOthers(this.#others, at, otherBars === undefined ? others : this.#valuesOf(otherBars));
  }

  #writeSeries(at: number, series: Float64Array | null): void {
    if (series === null) throw new RangeError('formulas read series of the legs, which were not given');
    for (let i = 0; i < this.#series.length; i++) {
      const input = this.#series[i]!;
      input.column[at] = series[input.feature]!;
    }
  }
}

/** Writes the bars of a symbol to the inputs of an engine. */
export class SymbolInputs {
  readonly #time: TimeInputs;
  readonly #fields: readonly FieldInput[];
  readonly #others: readonly FeatureInput[];

  /** @param others sources of other symbols, whose values `write` gets */
  constructor(engine: FormulaEngine, barSeconds: number, others: readonly string[] = []) {
    this.#time = new TimeInputs(engine, barSeconds);
    this.#fields = fieldInputs(engine, '');
    this.#others = otherInputs(engine, others);
  }

  /**
   * @param at index in the block
   * @throws RangeError for formulas that read other symbols without them
   */
  write(at: number, bar: Bar, others: Float64Array | null = null): void {
    this.#time.write(at, bar.time);
    writeFields(this.#fields, at, bar);
    if (this.#others.length > 0) writeOthers(this.#others, at, others);
  }
}

/** A bar of an instrument; volumes that are 0 or NaN are unknown. */
export interface InstrumentFields {
  /** Epoch seconds of the open. */
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly takerBuyVolume: number;
}

/** A closed bar of an instrument with all that formulas read. */
export interface InstrumentReading {
  readonly bar: InstrumentFields;
  /** Of the hand-written features at this bar, by column. */
  readonly features: Float64Array;
  /** Values known at its close, in the order of `SERIES`. */
  readonly series: Float64Array;
}

/** @param features hand-written ones, whose values a reading has */
export function instrumentInputs(features: readonly InstrumentDefinition[]): InputsOf<InstrumentReading> {
  return (engine, barSeconds) => new InstrumentInputs(engine, features, barSeconds);
}

/** Writes the bars of an instrument, its hand-written features and its series to the inputs of an engine. */
export class InstrumentInputs implements ReadingInputs<InstrumentReading> {
  readonly #time: TimeInputs;
  readonly #fields: readonly { readonly read: keyof InstrumentFields; readonly column: Float64Array }[];
  readonly #features: readonly FeatureInput[];
  readonly #series: readonly FeatureInput[];
  readonly #probabilities: readonly FeatureInput[];

  constructor(engine: FormulaEngine, features: readonly InstrumentDefinition[], barSeconds: number) {
    this.#time = new TimeInputs(engine, barSeconds);
    const names: Readonly<Record<string, keyof InstrumentFields>> = {
      open: 'open',
      high: 'high',
      low: 'low',
      close: 'close',
      volume: 'volume',
      taker_buy_volume: 'takerBuyVolume',
    };
    this.#fields = Object.entries(names).flatMap(([name, read]) => {
      const column = engine.inputs.get(name);
      return column === undefined ? [] : [{ read, column }];
    });
    this.#features = featureInputs(
      engine,
      features.map(({ name }) => name),
    );
    this.#series = featureInputs(engine, SERIES_NAMES.map(seriesSource));
    this.#probabilities = featureInputs(engine, PROBABILITY_NAMES);
  }

  get readsSeries(): boolean {
    return this.#series.length > 0;
  }

  /** Probabilities are missing until `writeProbabilities`. @param at index in the block */
  write(at: number, { bar, features: values, series }: InstrumentReading): void {
    this.#time.write(at, bar.time);
    for (const { read, column } of this.#fields) {
      const value = bar[read];
      column[at] = read === 'volume' && !(value > 0) ? NaN : value;
    }
    for (const { feature, column } of this.#features) column[at] = values[feature]!;
    for (const { feature, column } of this.#series) column[at] = series[feature]!;
    for (const { column } of this.#probabilities) column[at] = NaN;
  }

  /** Whether formulas read the answers of a direction model. */
  get readsProbabilities(): boolean {
    return this.#probabilities.length > 0;
  }

  /** @param probabilities up, down and range of row 0, then of row 1 … */
  writeProbabilities(at: number, probabilities: ArrayLike<number>, row = 0): void {
    for (const { feature, column } of this.#probabilities) column[at] = probabilities[3 * row + feature]!;
  }
}

/**
 * The columns of other symbols that formulas read.
 * @param given sources whose values come with each bar
 * @throws RangeError where an engine reads one that is not given: it would be missing at every bar
 */
function otherInputs(engine: FormulaEngine, given: readonly string[]): FeatureInput[] {
  for (const name of engine.inputs.keys())
    if (parseOtherSymbol(name) !== null && !given.includes(name))
      throw new RangeError(`formulas read ${name}, which is not given`);
  return featureInputs(engine, given);
}

function writeOthers(inputs: readonly FeatureInput[], at: number, values: Float64Array | null | undefined): void {
  if (values === null || values === undefined)
    throw new RangeError('formulas read other symbols, whose bars were not given');
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i]!;
    input.column[at] = values[input.feature]!;
  }
}

/** The columns of these sources that formulas read. */
function featureInputs(engine: FormulaEngine, names: readonly string[]): FeatureInput[] {
  return names.flatMap((name, feature) => {
    const column = engine.inputs.get(name);
    return column === undefined ? [] : [{ feature, column }];
  });
}

class TimeInputs {
  readonly #numbers: Float64Array;
  readonly #minutes: Float64Array | undefined;
  readonly #barSeconds: number;

  constructor(engine: FormulaEngine, barSeconds: number) {
    this.#numbers = engine.numbers;
    this.#minutes = engine.inputs.get(MINUTE_SOURCE);
    this.#barSeconds = barSeconds;
  }

  /** @param time of the bar's last minute, epoch seconds */
  write(at: number, time: number): void {
    const number = Math.floor(time / this.#barSeconds);
    this.#numbers[at] = number;
    if (this.#minutes !== undefined) this.#minutes[at] = (number * this.#barSeconds) / SECONDS_PER_BAR;
  }
}

function fieldInputs(engine: FormulaEngine, prefix: string): FieldInput[] {
  return BAR_SOURCES.flatMap(({ name }, field) => {
    const column = engine.inputs.get(`${prefix}${name}`);
    return column === undefined ? [] : [{ field, column }];
  });
}

function writeFields(inputs: readonly FieldInput[], at: number, bar: Bar): void {
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i]!;
    writeField(input.field, bar, input.column, at);
  }
}

/** By index, because a result that is a double would be boxed where the function is not inlined. */
function writeField(field: number, bar: Bar, column: Float64Array, at: number): void {
  switch (field) {
    case 0:
      column[at] = bar.open;
      break;
    case 1:
      column[at] = bar.high;
      break;
    case 2:
      column[at] = bar.low;
      break;
    case 3:
      column[at] = bar.close;
      break;
    case 4:
      column[at] = bar.volume > 0 ? bar.volume : NaN;
      break;
    case 5:
      column[at] = bar.spread ?? NaN;
      break;
    case 6:
      column[at] = bar.takerBuyVolume ?? NaN;
      break;
    default:
      column[at] = bar.trades ?? NaN;
  }
}
