import { TIMEFRAME_NAMES, timeframeOf } from '../../pair.ts';
import { directionFolder, directionPlace, isDirectionBundle } from '../direction/active_direction.ts';
import { readDirectionBundle } from '../direction/direction_bundle.ts';
import { recordedDirectionGates } from '../recorded_gates.ts';
import type { BundleShelf } from './bundle_shelf.ts';

/** Bundles of `direction`: in a folder of their own, a slot for each timeframe. Reading one verifies its files. */
export const DIRECTION_SHELF: BundleShelf = {
  name: 'direction',
  strategy: 'direction',
  folder: directionFolder,
  places: (modelsFolder) =>
    TIMEFRAME_NAMES.map((timeframe) => ({ timeframe, place: directionPlace(modelsFolder, timeframe) })),
  isBundle: isDirectionBundle,
  facts(folder) {
    const { manifest } = readDirectionBundle(folder);
    const { version, market, timeframe, windows, feature_schema: schema } = manifest;
    const recorded = recordedDirectionGates(manifest);
    return { version, market, timeframes: [timeframeOf(timeframe)], schema, windows, recorded };
  },
  check(folder) {
    const { created, timeframe } = readDirectionBundle(folder).manifest;
    return { created, timeframe: timeframeOf(timeframe) };
  },
  figures(folder) {
    const { training, period, data_hash, metrics, edge } = readDirectionBundle(folder).manifest;
    return {
      seed: training?.seed ?? null,
      data_from: period.from,
      data_to: period.to,
      data_hash,
      metrics: { direction: metrics, edge },
      theta1: null,
      theta2: null,
    };
  },
};
