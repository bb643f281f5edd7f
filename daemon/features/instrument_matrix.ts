import type { OpenTime } from '../../shared/bar.ts';
import { instrumentSchema } from '../../shared/bundle/feature_schema.ts';
import { INSTRUMENT_WINDOWS } from '../../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../../shared/core/features/instrument/instrument_features.ts';
import { barOpen } from '../../shared/core/resample/bar_resampler.ts';
import { barSecondsOf, timeframeOf, type Pair, type Timeframe } from '../../shared/pair.ts';
import { checksum } from '../../shared/signal/encode.ts';
import { isHeartbeat, type PairMinute } from '../align/minute.ts';
import type { MinuteItem } from '../queue/queue.ts';
import type { SeriesReader } from './series_reader.ts';
import type { ServedRules } from './served_rules.ts';

/** The instruments of one timeframe, and their rows of a batch. */
export interface TimeframeRows {
  readonly barSeconds: number;
  readonly timeframe: Timeframe;
  readonly featureSchema: string;
  /** float32, [rows × columns]; the first `rows` are those of the last batch. */
  readonly values: Float32Array;
  rows: number;
}

interface Tracked {
  readonly symbol: string;
  readonly features: InstrumentFeatures;
  readonly bytes: Uint8Array;
  readonly group: TimeframeRows;
  /** Row in its group in the last batch; −1 = not scored. */
  row: number;
  /** NaN before the first bar. */
  close: number;
  /** Open of the last minute of the newest bar; null before the first. */
  time: OpenTime | null;
}

/** The features of all instruments; positions in the list of subjects begin at `first`. */
export class InstrumentMatrix {
  readonly groups: readonly TimeframeRows[];
  readonly #first: number;
  readonly #series: Pick<SeriesReader, 'valuesAt'>;
  readonly #tracked: readonly Tracked[];
  readonly #rules: Pick<ServedRules, 'reads' | 'take'>;
  #hasTaker = false;

  constructor(
    instruments: readonly Pair[],
    first: number,
    series: Pick<SeriesReader, 'valuesAt'>,
    rules: Pick<ServedRules, 'reads' | 'take'>,
  ) {
    this.#rules = rules;
    this.#first = first;
    this.#series = series;
    const groups = new Map<number, TimeframeRows>();
    for (const barSeconds of new Set(instruments.map(barSecondsOf))) {
      const { hash, definitions } = instrumentSchema(INSTRUMENT_WINDOWS, barSeconds);
      const count = instruments.filter((own) => barSecondsOf(own) === barSeconds).length;
      const values = new Float32Array(count * definitions.length);
      const timeframe = timeframeOf(barSeconds);
      groups.set(barSeconds, { barSeconds, timeframe, featureSchema: hash, values, rows: 0 });
    }
    this.groups = [...groups.values()];
    this.#tracked = instruments.map((instrument) => {
      const barSeconds = barSecondsOf(instrument);
      const features = new InstrumentFeatures(INSTRUMENT_WINDOWS, barSeconds);
      const { buffer, byteOffset, byteLength } = features.values;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      return { symbol: instrument.a, features, bytes, group: groups.get(barSeconds)!, row: -1, close: NaN, time: null };
    });
  }

  /** Updates the features by the complete bars and fills in the rows that are to be scored. */
  step(batch: readonly MinuteItem[]): void {
    for (const group of this.groups) group.rows = 0;
    for (const { minute } of batch) if (minute.outcome === 'COMPLETE') this.#take(minute);
    for (const { minute, publish } of batch) {
      const own = this.#of(minute.pairIndex);
      const isScored = publish && (minute.outcome === 'COMPLETE' || isHeartbeat(minute)) && own.features.ready;
      own.row = isScored ? own.group.rows++ : -1;
      if (isScored) own.group.values.set(own.features.values, own.row * own.features.values.length);
    }
  }

  #take({ pairIndex, time, a }: PairMinute): void {
    const own = this.#of(pairIndex);
    const { barSeconds } = own.group;
    const open = barOpen(time, barSeconds);
    const { open: first, high, low, close, volume, takerBuyVolume = NaN } = a!;
    const series = this.#series.valuesAt(own.symbol, open + barSeconds);
    own.features.step({ time: open, high, low, close, volume, takerBuyVolume }, series);
    if (!Number.isNaN(takerBuyVolume)) this.#hasTaker = true;
    own.close = close;
    own.time = time;
    const index = pairIndex - this.#first;
    if (!this.#rules.reads(index)) return;
    const bar = { time: open, open: first, high, low, close, volume, takerBuyVolume };
    this.#rules.take(index, { bar, features: own.features.values, series });
  }

  /** Open of the last minute of the newest bar of an instrument, by its index among them; null before the first. */
  lastOf(index: number): OpenTime | null {
    return this.#tracked[index]!.time;
  }

  /** Whether any bar had its taker volume. */
  get hasTaker(): boolean {
    return this.#hasTaker;
  }

  groupOf(pairIndex: number): TimeframeRows {
    return this.#of(pairIndex).group;
  }

  /** Of the last batch; −1 = the instrument is not scored. */
  rowOf(pairIndex: number): number {
    return this.#of(pairIndex).row;
  }

  isReady(pairIndex: number): boolean {
    return this.#of(pairIndex).features.ready;
  }

  warmupBarsOf(pairIndex: number): number {
    return this.#of(pairIndex).features.warmupBars;
  }

  /** Of its newest bar; NaN before the first. */
  closeOf(pairIndex: number): number {
    return this.#of(pairIndex).close;
  }

  /** CRC-32 of the feature values (float64, little endian). */
  checksum(pairIndex: number): string {
    return checksum(this.#of(pairIndex).bytes);
  }

  #of(pairIndex: number): Tracked {
    return this.#tracked[pairIndex - this.#first]!;
  }
}
