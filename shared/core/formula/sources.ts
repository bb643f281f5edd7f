import type { FeatureDefinition } from '../features/feature.ts';
import type { InstrumentDefinition } from '../features/instrument/definitions.ts';
import { SERIES, type SeriesName } from '../series/series_names.ts';
import { PROBABILITY_NAMES } from './probability_names.ts';
import { legSeriesSource, seriesSource } from './series_source.ts';
import { PLAIN, PRICE, VOLUME, type Measure } from './unit.ts';

/** What a formula can read by name. */
export interface Source {
  readonly name: string;
  readonly meaning: string;
  readonly unit: Measure;
  /** The subject's bar count at which it first exists. */
  readonly bars: number;
}

/** The sources of a kind of subject. */
export interface Sources {
  /** `a pair`, in errors. */
  readonly subject: string;
  readonly byName: ReadonlyMap<string, Source>;
  /** Names that stand for a number, such as the thresholds of a strategy file. */
  readonly numbers?: ReadonlyMap<string, number>;
  /** Fields that it reads of other symbols, as `symbol("BTCUSDT").close`; absent: of none. */
  readonly otherFields?: readonly Source[];
}

/** Fields of a bar. */
export const BAR_SOURCES: readonly Source[] = [
  { name: 'open', meaning: 'price at the beginning of the bar', unit: PRICE, bars: 1 },
  { name: 'high', meaning: 'highest price of the bar', unit: PRICE, bars: 1 },
  { name: 'low', meaning: 'lowest price of the bar', unit: PRICE, bars: 1 },
  { name: 'close', meaning: 'price at the end of the bar', unit: PRICE, bars: 1 },
  { name: 'volume', meaning: 'units traded; missing where it is 0, which means unknown', unit: VOLUME, bars: 1 },
  { name: 'spread', meaning: 'ask − bid; missing where the source has none', unit: PRICE, bars: 1 },
  {
    name: 'taker_buy_volume',
    meaning: 'the part of the volume that takers bought; may be missing',
    unit: VOLUME,
    bars: 1,
  },
  { name: 'trades', meaning: 'number of trades; may be missing', unit: PLAIN, bars: 1 },
];

/** Reads of the calendar operators: the epoch minute of the bar's open. No formula can write this name. */
export const MINUTE_SOURCE = '#minute';

/** Fields that trainings of pairs do not have: a formula would learn from other values than it gets live. */
const OF_SYMBOLS: readonly string[] = ['taker_buy_volume', 'trades'];

/** Fields of the bars of other symbols. */
export const OTHER_FIELDS: readonly Source[] = BAR_SOURCES.filter(({ name }) => !OF_SYMBOLS.includes(name));

/**
 * A pair reads `a.close`, `b.volume` and so on, its hand-written features by name, auxiliary series of its legs, and
 * the bars of other symbols.
 */
export function pairSources(features: readonly FeatureDefinition[]): Sources {
  const ofLegs = ['a', 'b'].flatMap((leg) =>
    OTHER_FIELDS.map((source) => ({
      ...source,
      name: `${leg}.${source.name}`,
      meaning: `of leg ${leg.toUpperCase()}: ${source.meaning}`,
    })),
  );
  const own = sourcesOf('a pair', [...ofLegs, ...features.map(featureSource), ...LEG_SERIES_SOURCES]);
  return { ...own, otherFields: OTHER_FIELDS };
}

/** What a rule of a pair reads: all that its formulas do, but the bars of other symbols. */
export function pairRuleSources(features: readonly FeatureDefinition[]): Sources {
  const { otherFields: _fields, ...own } = pairSources(features);
  return own;
}

/** A symbol reads the fields of its bars, and the bars of other symbols. */
export function symbolSources(): Sources {
  return { ...sourcesOf('a symbol', BAR_SOURCES), otherFields: OTHER_FIELDS };
}

/** Fields that the bars of instruments do not have. */
const NOT_OF_INSTRUMENTS: readonly string[] = ['spread', 'trades'];
/** Series that count what is traded. */
const SERIES_OF_VOLUME: readonly SeriesName[] = ['open_interest', 'buy_liquidations', 'sell_liquidations'];

/** An instrument reads the fields of its bars, its hand-written features by name, and auxiliary series. */
export function instrumentSources(features: readonly InstrumentDefinition[]): Sources {
  const fields = BAR_SOURCES.filter(({ name }) => !NOT_OF_INSTRUMENTS.includes(name));
  return sourcesOf('an instrument', [...fields, ...features.map(featureSource), ...SERIES_SOURCES]);
}

/** What a rule of an instrument reads: also the answers of the direction model to the bar, missing without one. */
export function ruleSources(features: readonly InstrumentDefinition[]): Sources {
  const { subject, byName } = instrumentSources(features);
  return sourcesOf(subject, [...byName.values(), ...PROBABILITY_SOURCES]);
}

export const PROBABILITY_SOURCES: readonly Source[] = PROBABILITY_NAMES.map((name): Source => ({
  name,
  meaning: 'answer of the direction model to this bar; in rules alone, and in no operator that looks back',
  unit: PLAIN,
  bars: 1,
}));

/** As known at the close of the bar: joined by arrival, missing beyond their greatest age. */
export const SERIES_SOURCES: readonly Source[] = SERIES.map(({ name, unit, max_age_seconds }): Source => ({
  name: seriesSource(name),
  meaning: `the last value known at the close of the bar, ${unit}; missing when it is older than ${max_age_seconds / 3600} h`,
  unit: (SERIES_OF_VOLUME as readonly string[]).includes(name) ? VOLUME : PLAIN,
  bars: 1,
}));

/** Of the legs of a pair: all of leg A, and then all of leg B. */
export const LEG_SERIES_SOURCES: readonly Source[] = (['a', 'b'] as const).flatMap((leg) =>
  SERIES.map(({ name }, i): Source => ({
    ...SERIES_SOURCES[i]!,
    name: legSeriesSource(leg, name),
    meaning: `of leg ${leg.toUpperCase()}: ${SERIES_SOURCES[i]!.meaning}`,
  })),
);

function featureSource({ name, formula, warmup_bars }: InstrumentDefinition): Source {
  return { name, meaning: formula, unit: PLAIN, bars: warmup_bars };
}

function sourcesOf(subject: string, sources: readonly Source[]): Sources {
  return { subject, byName: new Map(sources.map((source) => [source.name, source])) };
}
