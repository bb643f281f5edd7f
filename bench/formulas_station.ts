import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { percentiles, type Percentiles } from './percentiles.ts';
import { openStationTurns } from './station_turns.ts';

const SPARE_MINUTES = 500;

/** Microseconds for a minute of all pairs. */
export interface StationCosts {
  /** Of bundles without formulas. */
  readonly without: Percentiles;
  /** Rows of a set without formulas, and of one with them. */
  readonly with: Percentiles;
}

/** Two stations take the same minutes of the configured pairs by turns. @param texts formulas of all pairs */
export function benchStation(texts: readonly string[], measured: number): StationCosts {
  const settings = loadSettings({ env: {} });
  const formulas = texts.map((text, i) => `x${i} = ${text}`).join('\n');
  const schema = featureSchema({ ...settings.minutehand.windows, formulas });
  const { times, run } = openStationTurns(settings, { schema, spareMinutes: SPARE_MINUTES, measured });
  for (const _ of run());
  return { without: percentiles(times.without), with: percentiles(times.with) };
}
