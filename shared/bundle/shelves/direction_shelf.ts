import { barSecondsOf, parseInstrument, TIMEFRAME_NAMES, TIMEFRAMES, timeframeOf } from '../../pair.ts';
import {
  directionFolder,
  isDirectionBundle,
  liveInstrumentSchema,
  takeInDirection,
} from '../direction/active_direction.ts';
import { readDirectionBundle, signDirectionBundle } from '../direction/direction_bundle.ts';
import type { DirectionManifest } from '../direction/direction_manifest.ts';
import { bundleInstrumentSchema } from '../feature_schema.ts';
import { failedClaim, recordedDirectionGates } from '../recorded_gates.ts';
import type { BundleShelf } from './bundle_shelf.ts';
import { directionSlot, timeframeOfDirection } from '../../subject/slot.ts';
import { filesOf } from '../slot_files.ts';

/** Bundles of `direction`: in a folder of their own, a slot for each timeframe. Reading one verifies its files. */
export const DIRECTION_SHELF: BundleShelf = {
  name: 'direction',
  strategy: 'direction',
  folder: directionFolder,
  places: (modelsFolder) =>
    TIMEFRAME_NAMES.map((timeframe) => ({
      slot: directionSlot(timeframe),
      place: filesOf(modelsFolder, directionSlot(timeframe)).active,
    })),
  isPrunedHourly: true,
  isBundle: isDirectionBundle,
  facts(folder) {
    const { manifest } = readDirectionBundle(folder);
    const { version, market, timeframe, windows, feature_schema: schema } = manifest;
    const recorded = recordedDirectionGates(manifest);
    return { version, market, timeframes: [timeframeOf(timeframe)], schema, windows, recorded };
  },
  check(folder) {
    const { created, timeframe } = readDirectionBundle(folder).manifest;
    return { created, slot: directionSlot(timeframeOf(timeframe)) };
  },
  edgeOf(folder) {
    const { manifest } = readDirectionBundle(folder);
    const claim = failedClaim(recordedDirectionGates(manifest));
    return ({ a }) => claim === null && manifest.edge[a]?.no_edge === false;
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
  announced(manifest) {
    const {
      market = 'live',
      created,
      period,
      data_hash,
      feature_schema,
      instruments,
      timeframe,
      strategy,
    } = manifest as DirectionManifest;
    const { engine, label, balance, metrics, edge, gates = null } = manifest as DirectionManifest;
    return {
      schema: 'minutehand.direction_event/1',
      market,
      created,
      period,
      data_hash,
      feature_schema,
      timeframe: timeframeOf(timeframe),
      instruments,
      strategy,
      parameters: { engine, label, balance },
      metrics: { direction: metrics, edge },
      gates,
    };
  },
  async verify(folder) {
    const schema = liveInstrumentSchema(readDirectionBundle(folder).manifest.timeframe);
    // Loaded when it is needed: most programs that ask for a shelf load no model.
    const { prepareDirection } = await import('../direction/direction_model.ts');
    const { manifest } = await prepareDirection(folder, schema);
    const { version, market } = manifest;
    const timeframe = timeframeOf(manifest.timeframe);
    const recorded = recordedDirectionGates(manifest);
    return { version, market, slot: directionSlot(timeframe), timeframes: [timeframe], recorded, windows: null };
  },
  takeIn(folder, _version, modelsFolder) {
    takeInDirection(folder, modelsFolder);
  },
  sign: signDirectionBundle,
  timeframesOf({ instruments }) {
    return [...new Set(instruments.map((id) => timeframeOf(barSecondsOf(parseInstrument(id)))))];
  },
  expectedSchema: (slot, bundle) =>
    bundleInstrumentSchema(liveInstrumentSchema(TIMEFRAMES[timeframeOfDirection(slot)]), bundle).hash,
  awaitingWindows: () => null,
};
