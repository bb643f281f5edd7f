import { isoMinute, type OpenTime } from '../../../../shared/bar.ts';
import { instrumentSchema } from '../../../../shared/bundle/feature_schema.ts';
import type { InstrumentWindows } from '../../../../shared/core/features/instrument/definitions.ts';
import { instrumentColumns } from '../../../../shared/core/features/instrument/instrument_columns.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { openImported, type OpenedImport } from '../../imported/imported_file.ts';
import type { ImportedSource } from '../../options/train_options.ts';
import type { InstrumentRows } from './instrument_rows.ts';
import { DIRECTIONS } from './label/direction.ts';
import type { WalkForwardPlan } from './walk_forward.ts';

/** A model of directions that was learned elsewhere: it is measured by the blocks behind what it has learned. */
export interface ImportedDirection extends OpenedImport {
  /** Epoch seconds: labels that it was learned from were known before this, as its owner says. */
  readonly learnedUntil: OpenTime;
  readonly file: string;
}

/** Fewer rows before, or behind it, measure nothing. */
const LEAST_ROWS = 200;

/**
 * What is wrong with the file can be said before bars are read.
 * @param timeframe seconds per bar
 * @throws MinutehandError MODEL_LOAD, MODEL_SCHEMA
 */
export async function openImportedDirection(
  source: ImportedSource,
  windows: InstrumentWindows,
  timeframe: number,
): Promise<ImportedDirection> {
  const names = instrumentColumns(windows).map(({ name }) => name);
  const opened = await openImported(source, {
    role: 'direction',
    schema: instrumentSchema(windows, timeframe).hash,
    names,
    columns: [...names.keys()],
    width: names.length,
    classes: DIRECTIONS.length,
  });
  return { ...opened, learnedUntil: source.learnedUntil, file: source.file };
}

/**
 * Blocks of time that begin an embargo behind what the model has learned: all of them are new to it, so that it need
 * not be learned again for each. The first ones calibrate it, the others evaluate it.
 * @throws MinutehandError DATA_TOO_SHORT
 */
export function blocksBehind(
  { time }: Pick<InstrumentRows, 'time'>,
  plan: WalkForwardPlan,
  learnedUntil: OpenTime,
): WalkForwardPlan {
  const from = learnedUntil + plan.embargo;
  const before = time.reduce((count, own) => count + (own < from ? 1 : 0), 0);
  const behind = time.length - before;
  if (before < LEAST_ROWS || behind < LEAST_ROWS)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `${before} labeled bars before ${isoMinute(from)}, and ${behind} from then on`,
      expected: `at least ${LEAST_ROWS} of each: the model has learned before --learned-until, is calibrated and measured an embargo behind it`,
      next: 'Give bars of both, and state as --learned-until what `dataset export --role direction` prints.',
    });
  // In the middle between two rows, whichever way it is rounded.
  return { ...plan, firstShare: (before - 0.5) / time.length };
}

/** The rows whose labels were known before the model was learned: what it may have learned from. */
export function learnedBefore({ labelEnd }: Pick<InstrumentRows, 'labelEnd'>, learnedUntil: OpenTime): Int32Array {
  return Int32Array.from(labelEnd.keys()).filter((row) => labelEnd[row]! < learnedUntil);
}
