import { writeFloats } from '../../../../shared/core/features/float_row.ts';
import {
  InstrumentColumns,
  instrumentColumns,
  instrumentWarmUp,
} from '../../../../shared/core/features/instrument/instrument_columns.ts';
import type { Matrix, PastRows } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { InstrumentWindows } from '../../../../shared/core/features/instrument/definitions.ts';
import { sequenceBars } from '../../../../shared/core/features/windows.ts';
import { SeriesCursor, type SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import { SERIES, type SeriesName } from '../../../../shared/core/series/series_names.ts';
import { instrumentOf } from '../../../../shared/pair.ts';
import { joinedFloat32 } from '../../../../shared/joined_numbers.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { directionLabels, evaluationLabel, type DirectionPolicy } from './label/direction.ts';
import { averageUniqueness, sampleWeights } from '../../label/uniqueness.ts';
import type { FitRows } from '../../learners/contract/fit_rows.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';
import { mirroredInstrument } from './mirrored_instrument.ts';

/** An instrument with its auxiliary series. */
export interface Instrument {
  readonly bars: InstrumentBars;
  readonly series: Readonly<Record<SeriesName, SeriesHistory>>;
}

/**
 * Labeled bars of all instruments, one instrument after the other, each ascending in time. `y` is the training label,
 * `time` the close of the bar, `labelEnd` the close at which both labels were known.
 */
export interface InstrumentRows extends FitRows {
  readonly columns: readonly string[];
  /** Index into `instruments`, [rows]. */
  readonly instrument: Int32Array;
  /** Index of the bar in its instrument, [rows]. */
  readonly bar: Int32Array;
  /** The evaluation label, [rows]. */
  readonly evaluation: Float64Array;
  /** The features of the same bars in the mirrored market; absent = not asked for. */
  readonly mirrored?: Matrix;
}

export interface RowsPlan {
  readonly windows: InstrumentWindows;
  readonly label: DirectionPolicy;
  /** Whether the rows have features of the mirrored market. Default: no. */
  readonly mirrored?: boolean;
}

/**
 * Features and labels of every bar with a full history and known labels.
 * @throws MinutehandError DATA_TOO_SHORT if there is none
 */
export function instrumentRows(instruments: readonly Instrument[], plan: RowsPlan): InstrumentRows {
  const { windows, label } = plan;
  const parts = instruments.map((own) => rowsOf(own, plan));
  const rows = parts.reduce((sum, { count }) => sum + count, 0);
  if (rows === 0)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `no labeled bar of ${instruments.map(({ bars }) => bars.symbol).join(', ')}`,
      expected: `more than ${instrumentWarmUp(windows) + label.horizon} bars`,
    });
  const definitions = instrumentColumns(windows);
  const joined = (of: (part: Part) => Float64Array): Float64Array => {
    const all = new Float64Array(rows);
    let at = 0;
    for (const part of parts) {
      all.set(of(part), at);
      at += part.count;
    }
    return all;
  };
  const columns = definitions.length;
  const bars = sequenceBars(windows);
  const matrix = (of: (part: Part) => Float32Array): Matrix => {
    const tables = parts.map(of);
    const values = new Float32Array(rows * columns);
    let at = 0;
    parts.forEach(({ bar }, i) => {
      for (const t of bar) values.set(tables[i]!.subarray(t * columns, (t + 1) * columns), columns * at++);
    });
    return { rows, columns, values, ...(bars > 1 && { past: pastOf(parts, tables, { bars, columns }) }) };
  };
  return {
    columns: definitions.map(({ name }) => name),
    x: matrix((part) => part.table),
    y: joined((part) => part.y),
    time: joined((part) => part.time),
    labelEnd: joined((part) => part.labelEnd),
    weights: sampleWeights(joined((part) => part.uniqueness)),
    instrument: Int32Array.from(parts.flatMap((part, i) => new Array<number>(part.count).fill(i))),
    bar: Int32Array.from(joined((part) => part.bar)),
    evaluation: joined((part) => part.evaluation),
    ...(plan.mirrored === true && { mirrored: matrix((part) => part.mirrored!) }),
  };
}

/** The bars before each row, of all instruments one after the other. @param tables [bars × columns] of each part */
function pastOf(
  parts: readonly Part[],
  tables: readonly Float32Array[],
  { bars, columns }: { readonly bars: number; readonly columns: number },
): PastRows {
  const last: number[] = [];
  let first = 0;
  parts.forEach(({ bar }, i) => {
    for (const t of bar) last.push(first + t);
    first += tables[i]!.length / columns;
  });
  return { bars, table: joinedFloat32(tables), last: Int32Array.from(last) };
}

interface Part {
  readonly count: number;
  /** Features of all bars, [bars × columns]. */
  readonly table: Float32Array;
  readonly mirrored: Float32Array | null;
  readonly y: Float64Array;
  readonly evaluation: Float64Array;
  readonly time: Float64Array;
  readonly labelEnd: Float64Array;
  readonly bar: Float64Array;
  readonly uniqueness: Float64Array;
}

function rowsOf(instrument: Instrument, { windows, label: policy, mirrored = false }: RowsPlan): Part {
  const { bars } = instrument;
  const { matrix, sigma, isReady } = featuresOf(instrument, windows);
  const { policy: ofEvaluation, everySeconds } = evaluationLabel(bars.timeframe);
  const evaluation = directionLabels(bars, ofEvaluation, null, everySeconds);
  const training = directionLabels(bars, policy, sigma);
  const kept = Int32Array.from(bars.time.keys()).filter(
    (t) => isReady[t] === 1 && evaluation.label[t]! >= 0 && training.label[t]! >= 0,
  );
  const closeOf = (t: number): number => bars.time[t]! + bars.timeframe;
  const pick = (of: (t: number) => number): Float64Array => Float64Array.from(kept, of);
  const end = kept.map((t) => Math.max(training.end[t]!, evaluation.end[t]!));
  return {
    count: kept.length,
    table: matrix,
    mirrored: mirrored ? featuresOf(mirroredInstrument(instrument), windows).matrix : null,
    y: pick((t) => training.label[t]!),
    evaluation: pick((t) => evaluation.label[t]!),
    time: pick(closeOf),
    labelEnd: Float64Array.from(end, closeOf),
    bar: pick((t) => t),
    uniqueness: averageUniqueness(kept, end, bars.length),
  };
}

interface BarFeatures {
  /** [bars × columns]. */
  readonly matrix: Float32Array;
  /** Volatility of one bar's log return, [bars]. */
  readonly sigma: Float64Array;
  /** Whether the features were warm, [bars]. */
  readonly isReady: Uint8Array;
}

function featuresOf({ bars, series }: Instrument, windows: InstrumentWindows): BarFeatures {
  const features = new InstrumentColumns(windows, instrumentOf(bars.symbol, bars.timeframe));
  const sigmaColumn = features.definitions.findIndex(({ name }) => name === 'volatility_long');
  const width = features.definitions.length;
  const matrix = new Float32Array(bars.length * width);
  const sigma = new Float64Array(bars.length);
  const isReady = stepAll(bars, series, features, (t) => {
    writeFloats(features.values, 0, width, matrix, t * width);
    sigma[t] = features.values[sigmaColumn]!;
  });
  return { matrix, sigma, isReady };
}

/**
 * Steps through all bars like a live process.
 * @param observe receives each bar, and the values of series known at its close
 * @returns whether the features were warm, [bars]
 */
export function stepAll(
  bars: InstrumentBars,
  series: Readonly<Record<SeriesName, SeriesHistory>>,
  features: Pick<InstrumentColumns, 'step' | 'ready'>,
  observe: (t: number, series: Float64Array) => void,
): Uint8Array {
  const cursors = SERIES.map(({ name, max_age_seconds }) => new SeriesCursor(series[name], max_age_seconds));
  const known = new Float64Array(cursors.length);
  const isReady = new Uint8Array(bars.length);
  for (let t = 0; t < bars.length; t++) {
    const close = bars.time[t]! + bars.timeframe;
    cursors.forEach((cursor, i) => (known[i] = cursor.valueAt(close)));
    features.step(
      {
        time: bars.time[t]!,
        open: bars.open[t]!,
        high: bars.high[t]!,
        low: bars.low[t]!,
        close: bars.close[t]!,
        volume: bars.volume[t]!,
        takerBuyVolume: bars.takerBuyVolume[t]!,
      },
      known,
    );
    if (features.ready) isReady[t] = 1;
    observe(t, known);
  }
  return isReady;
}
