import { MODEL_NAMES } from '../../core/features/feature.ts';
import { basename, dirname, resolve } from 'node:path';
import { MACHINE_FILES } from '../../files.ts';
import { copyBundle, readBundle, readManifest, signBundle } from '../bundle.ts';
import { bundleSchema, bundleWindows, featureSchema } from '../feature_schema.ts';
import type { Manifest } from '../manifest.ts';
import { timeframesOf } from '../origin.ts';
import { recordedGates } from '../recorded_gates.ts';
import type { BundleShelf } from './bundle_shelf.ts';
import { filesOf } from '../slot_files.ts';

/** Bundles of `pair_reversion`: in the models folder itself, one slot. */
export const PAIR_REVERSION_SHELF: BundleShelf = {
  name: 'pairs',
  strategy: 'pair_reversion',
  folder: (modelsFolder) => modelsFolder,
  places: (modelsFolder) => [{ slot: 'pairs', place: filesOf(modelsFolder, 'pairs').active }],
  isPrunedHourly: false,
  isBundle: (folder) => MACHINE_FILES.stat(folder) !== null,
  facts(folder) {
    const manifest = readManifest(folder);
    const { version, market, pairs, windows, feature_schema: schema } = manifest;
    return { version, market, timeframes: timeframesOf(pairs), schema, windows, recorded: recordedGates(manifest) };
  },
  check: (folder, files) => ({ created: readBundle(folder, files).manifest.created, slot: 'pairs' }),
  edgeOf(folder) {
    const { edge } = readManifest(folder);
    return ({ id }) => edge[id]?.no_edge === false;
  },
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
  announced(manifest) {
    const { market, created, period, seed, data_hash, feature_schema, pairs, theta1, theta2 } = manifest as Manifest;
    const {
      engine,
      configuration = null,
      search = null,
      metrics,
      backtest = null,
      edge,
      gates = null,
    } = manifest as Manifest;
    return {
      schema: 'minutehand.model_event/1',
      market,
      created,
      period,
      seed,
      data_hash,
      feature_schema,
      pairs,
      theta1,
      theta2,
      parameters: {
        engine,
        configuration,
        search: Object.fromEntries(MODEL_NAMES.map((name) => [name, search?.[name]?.best_parameters ?? null])),
      },
      metrics: { ...Object.fromEntries(MODEL_NAMES.map((name) => [name, metrics[name].holdout])), backtest, edge },
      gates,
    };
  },
  async verify(folder, { minutehand }) {
    // Loaded when it is needed: most programs that ask for a shelf load no model.
    const { loadModelSet } = await import('../model_set.ts');
    const set = await loadModelSet(folder, featureSchema(minutehand.windows), 1);
    await set.release();
    const { version, market, pairs } = set.manifest;
    return {
      version,
      market,
      slot: 'pairs',
      timeframes: timeframesOf(pairs),
      recorded: recordedGates(set.manifest),
      windows: set.schema.windows,
    };
  },
  takeIn(folder, version, modelsFolder) {
    if (resolve(dirname(folder)) !== resolve(modelsFolder) || basename(folder) !== version)
      copyBundle(folder, modelsFolder);
  },
  sign: signBundle,
  timeframesOf: ({ pairs }) => timeframesOf(pairs),
  expectedSchema: (_slot, bundle, minutehand) => bundleSchema(featureSchema(minutehand.windows), bundle).hash,
  awaitingWindows: (bundle, minutehand) => bundleWindows(minutehand.windows, bundle),
};
