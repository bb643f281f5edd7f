import { createHash } from 'node:crypto';
import { featureDefinitions, readsSeries } from '../core/features/features.ts';
import type { FeatureDefinition } from '../core/features/feature.ts';
import type { InstrumentDefinition, InstrumentWindows } from '../core/features/instrument/definitions.ts';
import { instrumentColumns } from '../core/features/instrument/instrument_columns.ts';
import { MAX_SEQUENCE, sequenceBars, type Windows } from '../core/features/windows.ts';
import { FormulaError } from '../core/formula/formula_error.ts';
import { SERIES } from '../core/series/series_names.ts';
import { MinutehandError } from '../errors.ts';
import type { DirectionManifest } from './direction/direction_manifest.ts';
import type { Manifest } from './manifest.ts';

export interface FeatureSchema {
  /** 16 hex digits over names, formulas, windows and ddof in order: a model and a daemon must agree on it. */
  readonly hash: string;
  readonly definitions: readonly FeatureDefinition[];
  /** Look-backs of the hand-written features, and the formulas. */
  readonly windows: Windows;
}

/**
 * The ordered features for these windows, with the hash that bundle, journal and signal carry.
 * @throws FormulaError
 */
export function featureSchema(windows: Windows): FeatureSchema {
  const definitions = featureDefinitions(windows);
  const identity = definitions.map(({ name, formula, window, ddof }) => [name, formula, window, ddof]);
  const parameters = Object.entries(windows).sort(([a], [b]) => (a < b ? -1 : 1));
  // Their ages say when a value is missing.
  const series = readsSeries(windows) ? [SERIES.map(({ name, max_age_seconds }) => [name, max_age_seconds])] : [];
  const hash = createHash('sha256')
    .update(JSON.stringify([identity, parameters, ...series]))
    .digest('hex')
    .slice(0, 16);
  return { hash, definitions, windows };
}

/** The windows of this configuration with the formulas and the sequence of a bundle, which it brings along. */
export function bundleWindows(configured: Windows, { windows }: Pick<Manifest, 'windows'>): Windows {
  const { formulas: _others, sequence: _other, ...own } = configured;
  const { formulas, sequence } = windows;
  return {
    ...own,
    ...(typeof formulas === 'string' && { formulas }),
    ...(typeof sequence === 'number' && { sequence }),
  };
}

/**
 * The schema of a bundle: the hand-written features of this configuration, and the bundle's formulas.
 * @throws MinutehandError MODEL_MANIFEST for formulas that this version does not compute
 */
export function bundleSchema(
  configured: FeatureSchema,
  manifest: Pick<Manifest, 'version' | 'windows'>,
): FeatureSchema {
  const windows = bundleWindows(configured.windows, manifest);
  const { formulas, sequence } = configured.windows;
  if (windows.formulas === formulas && windows.sequence === sequence) return configured;
  refuseLongSequence(manifest.version, sequenceBars(windows));
  return orManifestFault(manifest.version, () => featureSchema(windows));
}

export interface InstrumentSchema {
  /** 16 hex digits, as of `FeatureSchema`, over timeframe and the ages at which series are missing too. */
  readonly hash: string;
  readonly definitions: readonly InstrumentDefinition[];
  /** Look-backs of the hand-written features, and the formulas. */
  readonly windows: InstrumentWindows;
  /** Seconds per bar. */
  readonly timeframe: number;
}

/** The ordered features of an instrument. @param timeframe seconds per bar @throws FormulaError */
export function instrumentSchema(windows: InstrumentWindows, timeframe: number): InstrumentSchema {
  const definitions = instrumentColumns(windows);
  const identity = definitions.map(({ name, formula, window, ddof }) => [name, formula, window, ddof]);
  const parameters = Object.entries(windows).sort(([a], [b]) => (a < b ? -1 : 1));
  const series = SERIES.map(({ name, max_age_seconds }) => [name, max_age_seconds]);
  const hash = createHash('sha256')
    .update(JSON.stringify([identity, parameters, timeframe, series]))
    .digest('hex')
    .slice(0, 16);
  return { hash, definitions, windows, timeframe };
}

/** The windows of this version with the formulas and the sequence of a bundle, which it brings along. */
export function bundleInstrumentWindows(
  { formulas: _others, sequence: _other, ...own }: InstrumentWindows,
  { windows: { formulas, sequence } }: Pick<DirectionManifest, 'windows'>,
): InstrumentWindows {
  return {
    ...own,
    ...(typeof formulas === 'string' && { formulas }),
    ...(typeof sequence === 'number' && { sequence }),
  };
}

/**
 * The schema of a bundle of the direction model: the hand-written features of this version, and the bundle's formulas.
 * @throws MinutehandError MODEL_MANIFEST for formulas that this version does not compute
 */
export function bundleInstrumentSchema(
  configured: InstrumentSchema,
  manifest: Pick<DirectionManifest, 'version' | 'windows'>,
): InstrumentSchema {
  const windows = bundleInstrumentWindows(configured.windows, manifest);
  const { formulas, sequence } = configured.windows;
  if (windows.formulas === formulas && windows.sequence === sequence) return configured;
  refuseLongSequence(manifest.version, sequenceBars(windows));
  return orManifestFault(manifest.version, () => instrumentSchema(windows, configured.timeframe));
}

/** @throws MinutehandError MODEL_MANIFEST */
function refuseLongSequence(version: string, bars: number): void {
  if (bars < 1 || bars > MAX_SEQUENCE)
    throw new MinutehandError('MODEL_MANIFEST', {
      seen: `a sequence of ${bars} bars in ${version}`,
      expected: `2 to ${MAX_SEQUENCE}`,
    });
}

/** @throws MinutehandError MODEL_MANIFEST where a formula of the bundle is not computed by this version */
function orManifestFault<T>(version: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof FormulaError)) throw error;
    throw new MinutehandError('MODEL_MANIFEST', { seen: `a formula of ${version}: ${error.message}` });
  }
}
