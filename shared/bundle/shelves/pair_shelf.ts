import { MODEL_NAMES } from '../../core/features/feature.ts';
import { MACHINE_FILES } from '../../files.ts';
import { placeOfActive, readBundle, readManifest } from '../bundle.ts';
import { timeframesOf } from '../origin.ts';
import { recordedGates } from '../recorded_gates.ts';
import type { BundleShelf } from './bundle_shelf.ts';

/** Bundles of `pair_reversion`: in the models folder itself, one slot. */
export const PAIR_SHELF: BundleShelf = {
  name: 'pairs',
  strategy: 'pair_reversion',
  folder: (modelsFolder) => modelsFolder,
  places: (modelsFolder) => [{ timeframe: null, place: placeOfActive(modelsFolder) }],
  isBundle: (folder) => MACHINE_FILES.stat(folder) !== null,
  facts(folder) {
    const manifest = readManifest(folder);
    const { version, market, pairs, windows, feature_schema: schema } = manifest;
    return { version, market, timeframes: timeframesOf(pairs), schema, windows, recorded: recordedGates(manifest) };
  },
  check: (folder, files) => ({ created: readBundle(folder, files).manifest.created, timeframe: null }),
  figures(folder) {
    const { seed, period, data_hash, metrics, theta1, theta2, backtest } = readManifest(folder);
    const ofModels = MODEL_NAMES.map((name) => [name, metrics[name].holdout]);
    return {
      seed,
      data_from: period.from,
      data_to: period.to,
      data_hash,
      metrics: { ...Object.fromEntries(ofModels), ...(backtest === undefined ? {} : { backtest }) },
      theta1,
      theta2,
    };
  },
};
