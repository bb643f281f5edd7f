import type { DirectionModel } from '../../../../shared/bundle/direction/direction_model.ts';
import { CLASSES } from '../../../../shared/bundle/direction/direction_scoring.ts';
import { INSTRUMENT_WINDOWS } from '../../../../shared/core/features/instrument/definitions.ts';
import { InstrumentColumns } from '../../../../shared/core/features/instrument/instrument_columns.ts';
import { instrumentOf } from '../../../../shared/pair.ts';
import { stepAll, type Instrument } from './instrument_rows.ts';

/** A direction model whose probabilities are there when formulas are evaluated, which waits for nothing. */
export interface KnownDirection extends Pick<DirectionModel, 'manifest' | 'rowSchema' | 'novelty'> {
  /**
   * Up, down, range of a bar of the instrument, until the next call.
   * @param row its features
   * @param series of the instrument, or those one bar later
   */
  answer(bar: number, row: Float32Array, series: KnownSeries): ArrayLike<number>;
}

/** Auxiliary series as they were known, or one bar later. */
export type KnownSeries = 'known' | 'later';

/** Epoch seconds: the model answers bars that open from then on. */
export function trainedUntil({ manifest }: Pick<DirectionModel, 'manifest'>): number {
  return Date.parse(manifest.period.to) / 1000;
}

/** A model that answers at once. @throws TypeError one that answers by a promise */
export function answeredAtOnce({ manifest, rowSchema, novelty, infer }: DirectionModel): KnownDirection {
  return {
    manifest,
    ...(rowSchema && { rowSchema }),
    ...(novelty && { novelty }),
    answer(_bar, row) {
      const answer = infer(row, 1);
      if (answer instanceof Promise) throw new TypeError(`${manifest.version} answers by a promise`);
      return answer;
    },
  };
}

/**
 * A model that answers by a promise: it is asked about all bars of the instrument before formulas read them.
 * @param series that formulas may read with the bars
 */
export async function answeredBefore(
  model: DirectionModel,
  bars: Instrument['bars'],
  series: Readonly<Record<KnownSeries, Instrument['series']>>,
): Promise<KnownDirection> {
  const { manifest, rowSchema, novelty } = model;
  const known = await answersOf(model, { bars, series: series.known });
  const hasSeries = Object.values(series.known).some(({ length }) => length > 0);
  const later = hasSeries ? await answersOf(model, { bars, series: series.later }) : known;
  const answers: Readonly<Record<KnownSeries, Float64Array>> = { known, later };
  return {
    manifest,
    ...(rowSchema && { rowSchema }),
    ...(novelty && { novelty }),
    answer: (bar, _row, which) => answers[which].subarray(bar * CLASSES, (bar + 1) * CLASSES),
  };
}

/** [bars × 3]; NaN for bars that the model does not answer. */
async function answersOf(model: DirectionModel, { bars, series }: Instrument): Promise<Float64Array> {
  const windows = model.rowSchema?.windows ?? INSTRUMENT_WINDOWS;
  const features = new InstrumentColumns(windows, instrumentOf(bars.symbol, bars.timeframe));
  const width = features.rowWidth;
  const first = bars.time.findIndex((time) => time >= trainedUntil(model));
  const answers = new Float64Array(bars.length * CLASSES).fill(NaN);
  if (first < 0) return answers;
  const rows = new Float32Array((bars.length - first) * width);
  const isReady = stepAll(bars, series, features, (t) => {
    if (t >= first) features.writeRow(rows, (t - first) * width);
  });
  for (let t = first; t < bars.length; t++) {
    if (isReady[t] !== 1) continue;
    const row = rows.subarray((t - first) * width, (t - first + 1) * width);
    answers.set(await model.infer(row, 1), t * CLASSES);
  }
  return answers;
}
