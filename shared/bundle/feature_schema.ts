import { createHash } from 'node:crypto';
import { featureDefinitions } from '../core/features/features.ts';
import type { FeatureDefinition } from '../core/features/feature.ts';
import {
  instrumentDefinitions,
  type InstrumentDefinition,
  type InstrumentWindows,
} from '../core/features/instrument/definitions.ts';
import type { Windows } from '../core/features/windows.ts';
import { SERIES } from '../core/series/series_names.ts';

export interface FeatureSchema {
  /** 16 hex digits over names, formulas, windows and ddof in order: a model and a daemon must agree on it. */
  readonly hash: string;
  readonly definitions: readonly FeatureDefinition[];
}

/** The ordered features for these windows, with the hash that bundle, journal and signal carry. */
export function featureSchema(windows: Windows): FeatureSchema {
  const definitions = featureDefinitions(windows);
  const identity = definitions.map(({ name, formula, window, ddof }) => [name, formula, window, ddof]);
  const parameters = Object.entries(windows).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256')
    .update(JSON.stringify([identity, parameters]))
    .digest('hex')
    .slice(0, 16);
  return { hash, definitions };
}

export interface InstrumentSchema {
  /** 16 hex digits, as of `FeatureSchema`, over timeframe and the ages at which series are missing too. */
  readonly hash: string;
  readonly definitions: readonly InstrumentDefinition[];
}

/** The ordered features of an instrument. @param timeframe seconds per bar */
export function instrumentSchema(windows: InstrumentWindows, timeframe: number): InstrumentSchema {
  const definitions = instrumentDefinitions(windows);
  const identity = definitions.map(({ name, formula, window, ddof }) => [name, formula, window, ddof]);
  const parameters = Object.entries(windows).sort(([a], [b]) => (a < b ? -1 : 1));
  const series = SERIES.map(({ name, max_age_seconds }) => [name, max_age_seconds]);
  const hash = createHash('sha256')
    .update(JSON.stringify([identity, parameters, timeframe, series]))
    .digest('hex')
    .slice(0, 16);
  return { hash, definitions };
}
