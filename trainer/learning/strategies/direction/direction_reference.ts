import * as z from 'zod';
import { SECONDS_PER_BAR } from '../../../../shared/bar.ts';
import { DIRECTION_REPORT } from '../../../../shared/bundle/direction/direction_manifest.ts';
import { readModelsFile } from '../../../../shared/bundle/models_file.ts';
import {
  instrumentDefinitions,
  type InstrumentWindows,
} from '../../../../shared/core/features/instrument/definitions.ts';
import { instrumentWarmUp } from '../../../../shared/core/features/instrument/instrument_columns.ts';
import { instrumentFormulasOf } from '../../../../shared/core/formula/named_formulas.ts';
import { isSeriesSource } from '../../../../shared/core/formula/series_source.ts';
import { pathInside } from '../../../../shared/path_name.ts';
import { featureDrift, type FeatureDrift } from '../../profile/drift.ts';
import {
  featureProfile,
  featureProfileSchema,
  type ProfiledColumn,
  type ProfiledRows,
} from '../../profile/feature_profile.ts';
import { isSkipped, type Part } from '../../profile/part.ts';
import type { Trade } from '../../trades/backtest.ts';
import type { InstrumentRows } from './instrument_rows.ts';

const referenceSchema = z.object({
  /** Features in training. */
  profile: featureProfileSchema,
  /** Trades of the evaluated blocks as if every instrument had an edge, and those that earned after costs. */
  backtest: z.object({ trades: z.int().nonnegative(), wins: z.int().nonnegative() }),
});
/** What live figures of a direction model are compared with: plain JSON, in the report of its bundle. */
export type DirectionReference = z.infer<typeof referenceSchema>;

export interface DirectionReferenceSource {
  readonly rows: InstrumentRows;
  readonly symbols: readonly string[];
  readonly windows: InstrumentWindows;
  /** Seconds per bar. */
  readonly timeframe: number;
  /** Of the evaluated blocks. */
  readonly trades: readonly Trade[];
}

export function directionReference(source: DirectionReferenceSource): DirectionReference {
  const { rows, symbols, windows, timeframe, trades } = source;
  return {
    profile: featureProfile(profiled(rows), columnsOf(rows), symbols, lookBackMinutes(windows, timeframe)),
    backtest: { trades: trades.length, wins: trades.filter(({ netBps }) => netBps > 0).length },
  };
}

/** Reads the reference of a bundle's folder; older bundles have none. */
export function readDirectionReference(folder: string): Part<DirectionReference> {
  const report = JSON.parse(
    readModelsFile(pathInside(folder, DIRECTION_REPORT), 'content').toString('utf8'),
  ) as unknown;
  const { reference } = report as { reference?: unknown };
  if (reference === undefined) return { skipped: 'the bundle has no reference: it was made before there was one' };
  const parsed = referenceSchema.safeParse(reference);
  return parsed.success ? parsed.data : { skipped: 'the reference of the bundle cannot be read' };
}

/**
 * Drift of the features on live bars, instrument by instrument and in all. Features without a single live value are
 * left out: `status` reports the series that the daemon lacks.
 * @param symbols of the instruments that `live.instrument` names
 * @param windows of the model
 */
export function directionDrift(
  reference: Part<DirectionReference>,
  live: InstrumentRows,
  symbols: readonly string[],
  { timeframe, windows }: Pick<DirectionReferenceSource, 'timeframe' | 'windows'>,
): Part<{ readonly rows: number; readonly features: readonly FeatureDrift[] }> {
  if (isSkipped(reference)) return reference;
  const rows = profiled(live);
  const blind = blindColumns(live, windows);
  const columns = columnsOf(live).map((column) => (blind.has(column.name) ? { ...column, name: '' } : column));
  const lookBack = lookBackMinutes(windows, timeframe);
  const features = featureDrift(reference.profile, rows, columns, symbols, lookBack);
  return features === null
    ? { skipped: 'too few bars yet to separate drift from chance' }
    : { rows: rows.x.rows, features };
}

function profiled({ x, time, instrument }: InstrumentRows): ProfiledRows {
  return { x, time, pair: instrument };
}

/** All of them are the model's. */
function columnsOf({ columns }: Pick<InstrumentRows, 'columns'>): ProfiledColumn[] {
  return columns.map((name) => ({ name, models: ['ai1'] }));
}

/** Columns without a single live value, and formulas that read one of them or a series. */
function blindColumns(live: InstrumentRows, windows: InstrumentWindows): ReadonlySet<string> {
  const empty = new Set(live.columns.filter((_, k) => !hasValue(live, k)));
  const formulas = instrumentFormulasOf(windows, instrumentDefinitions(windows));
  const reading = formulas.filter(({ formula }) =>
    formula.sources.some((own) => isSeriesSource(own) || empty.has(own)),
  );
  return new Set([...empty, ...reading.map(({ name }) => name)]);
}

function hasValue({ x }: Pick<InstrumentRows, 'x'>, column: number): boolean {
  for (let row = 0; row < x.rows; row++) if (!Number.isNaN(x.values[row * x.columns + column]!)) return true;
  return false;
}

/** Bars of one minute that features look back over. */
function lookBackMinutes(windows: InstrumentWindows, timeframe: number): number {
  return instrumentWarmUp(windows) * (timeframe / SECONDS_PER_BAR);
}
