import { join } from 'node:path';
import { loadDirectionModel, type DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { instrumentSchema } from '../shared/bundle/feature_schema.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { InstrumentColumns } from '../shared/core/features/instrument/instrument_columns.ts';
import { barSecondsOf, type Pair } from '../shared/pair.ts';
import { readInstrumentFolder } from '../trainer/learning/instruments/instrument_bars.ts';
import { stepAll } from '../trainer/learning/strategies/direction/instrument_rows.ts';
import { readSeriesFolder } from '../trainer/learning/instruments/series_files.ts';

/** Columns of the direction model's answers, in the order of its classes. */
const PROBABILITIES = ['ML_UP_PROB', 'ML_DOWN_PROB', 'ML_RANGE_PROB'] as const;

export interface InstrumentTable {
  readonly columns: readonly string[];
  readonly featureSchema: string;
  /** Lines of CSV without the header, for bars from `from` until before `to`, epoch seconds. */
  lines(from: number, to: number): Promise<readonly string[]>;
}

/**
 * Features of an instrument, with the formulas and the answers of a direction model.
 * @param series folder of auxiliary series; null: `series` in the data folder
 * @param model folder of a direction bundle; null: without answers
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT; as loadDirectionModel
 */
export async function instrumentMatrix(
  instrument: Pair,
  data: string,
  series: string | null,
  model: string | null,
): Promise<InstrumentTable> {
  const timeframe = barSecondsOf(instrument);
  const written = instrumentSchema(INSTRUMENT_WINDOWS, timeframe);
  const [bars] = await readInstrumentFolder(data, [instrument.a], timeframe);
  const known = await readSeriesFolder(series ?? join(data, 'series'), instrument.a);
  const direction = model === null ? null : await loadDirectionModel(model, written, 1);
  const schema = direction?.rowSchema ?? written;
  const features = new InstrumentColumns(schema.windows, instrument);
  const names = features.definitions.map(({ name }) => name);
  return {
    columns: direction === null ? names : [...names, ...PROBABILITIES],
    featureSchema: schema.hash,
    async lines(from, to) {
      const lines: string[] = [];
      const rows: (Float32Array | null)[] = [];
      stepAll(bars!, known, features, (t) => {
        const time = bars!.time[t]!;
        if (time < from || time >= to) return;
        const cells = [...features.values].map((value) => (Number.isNaN(value) ? '' : String(value)));
        lines.push([time, ...cells].join(','));
        if (direction !== null) rows.push(features.ready ? features.row() : null);
      });
      if (direction === null) return lines;
      for (let i = 0; i < lines.length; i++) lines[i] += `,${(await answers(direction, rows[i]!)).join()}`;
      return lines;
    },
  };
}

/** @param row null in warm-up, whose cells are empty */
async function answers(direction: DirectionModel, row: Float32Array | null): Promise<string[]> {
  if (row === null) return PROBABILITIES.map(() => '');
  return [...(await direction.infer(row, 1))].map(String);
}
