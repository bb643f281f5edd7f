import { listVersions, readActive, readManifest } from '../shared/bundle/bundle.ts';
import {
  activeDirectionVersions,
  directionFolder,
  liveInstrumentSchema,
  readActiveDirection,
} from '../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../shared/bundle/direction/direction_bundle.ts';
import { loadDirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { keyOf } from '../shared/bundle/gates/gate_result.ts';
import { loadModelSet, partsOfSet } from '../shared/bundle/model_set.ts';
import type { ActivePointer } from '../shared/bundle/pointer.ts';
import {
  recordedDirectionGates,
  recordedGates,
  recordedRuleGates,
  type RecordedGates,
} from '../shared/bundle/recorded_gates.ts';
import { instrumentsWithRule, readActiveRule, ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import { directionShadows, readShadow } from '../shared/bundle/shadow_pointer.ts';
import { sequenceBars } from '../shared/core/features/windows.ts';
import { describeError, MinutehandError } from '../shared/errors.ts';
import { barSecondsOf, parseInstrument, timeframeOf, type Timeframe } from '../shared/pair.ts';
import { pathInside } from '../shared/path_name.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';

/** What a bundle is for. */
export type BundleStrategy = 'pair_reversion' | 'direction' | 'formula_rule';

/** A bundle after its verification. */
export interface CheckedBundle {
  readonly strategy: BundleStrategy;
  readonly version: string;
  readonly role: 'active' | 'previous' | 'shadow' | null;
  readonly ok: boolean;
  /** Gates that its training failed. */
  readonly failed_gates: readonly string[];
  /** Rows scored per second; null unless measured, and for a rule, which has no model. */
  readonly rows_per_second: number | null;
  readonly error: string | null;
}

const TEST_ROWS = 1000;

/** What a bundle says once it was loaded. */
interface Loaded {
  readonly gates: RecordedGates;
  readonly rows_per_second: number | null;
}

/** The bundles of one strategy: a folder with versions, and who points at them. */
interface Shelf {
  readonly strategy: BundleStrategy;
  readonly folder: string;
  readonly active: readonly (ActivePointer | null)[];
  readonly shadows: readonly string[];
  /** @throws MinutehandError as the daemon, when it loads the bundle */
  load(folder: string): Loaded | Promise<Loaded>;
}

/** Verifies all bundles of a folder of models, of every strategy, as the daemon does; oldest first by strategy. */
export async function checkBundles(
  models: string,
  settings: Settings,
  { isTimed }: { readonly isTimed: boolean },
): Promise<CheckedBundle[]> {
  const checked: CheckedBundle[] = [];
  for (const shelf of shelvesOf(models, settings, isTimed))
    for (const version of listVersions(shelf.folder)) checked.push(await checkBundle(shelf, version));
  return checked;
}

function shelvesOf(models: string, { minutehand }: Settings, isTimed: boolean): readonly Shelf[] {
  const schema = featureSchema(minutehand.windows);
  const timeframes = Object.keys(activeDirectionVersions(models)) as Timeframe[];
  return [
    {
      strategy: 'pair_reversion',
      folder: models,
      active: [readActive(models)],
      shadows: [readShadow(models, null)].filter((version) => version !== null),
      load: (folder) => loadPairs(folder, schema, isTimed),
    },
    {
      strategy: 'direction',
      folder: directionFolder(models),
      active: timeframes.map((timeframe) => readActiveDirection(models, timeframe)),
      shadows: Object.values(directionShadows(models)),
      load: (folder) => loadDirection(folder, isTimed),
    },
    {
      strategy: 'formula_rule',
      folder: ruleFolder(models),
      active: instrumentsWithRule(models).map((instrument) => readActiveRule(models, instrument)),
      shadows: [],
      load: (folder) => ({ gates: recordedRuleGates(readRuleBundle(folder).manifest), rows_per_second: null }),
    },
  ];
}

async function checkBundle(shelf: Shelf, version: string): Promise<CheckedBundle> {
  const bundle = { strategy: shelf.strategy, version, role: roleOf(shelf, version) };
  try {
    const { gates, rows_per_second } = await shelf.load(pathInside(shelf.folder, version));
    return { ...bundle, ok: true, failed_gates: gates.failed.map(keyOf), rows_per_second, error: null };
  } catch (error) {
    const { code, message } = describeError(error);
    return { ...bundle, ok: false, failed_gates: [], rows_per_second: null, error: `${code}: ${message}` };
  }
}

function roleOf({ active, shadows }: Shelf, version: string): CheckedBundle['role'] {
  if (active.some((pointer) => pointer?.version === version)) return 'active';
  if (active.some((pointer) => pointer?.previous === version)) return 'previous';
  return shadows.includes(version) ? 'shadow' : null;
}

async function loadPairs(folder: string, schema: ReturnType<typeof featureSchema>, isTimed: boolean): Promise<Loaded> {
  const gates = recordedGates(readManifest(folder));
  const set = await loadModelSet(folder, schema, isTimed ? TEST_ROWS : 1);
  try {
    if (!isTimed) return { gates, rows_per_second: null };
    const rows = randomRows(folder, set.manifest.features.length * sequenceBars(set.schema.windows));
    const beganMs = performance.now();
    const parts = partsOfSet(set);
    for (const part of parts) {
      // A bundle without a model of the result has NaN there.
      const { result_sigmas: _sigmas, ...shares } = await part.infer(rows, TEST_ROWS);
      for (const values of Object.values(shares)) refuseOutside(folder, values as Float64Array);
    }
    return { gates, rows_per_second: perSecond(parts.length * TEST_ROWS, beganMs) };
  } finally {
    await set.release();
  }
}

async function loadDirection(folder: string, isTimed: boolean): Promise<Loaded> {
  const { manifest } = readDirectionBundle(folder);
  const gates = recordedDirectionGates(manifest);
  const model = await loadDirectionModel(folder, liveInstrumentSchema(manifest.timeframe), isTimed ? TEST_ROWS : 1);
  if (!isTimed) return { gates, rows_per_second: null };
  const rows = randomRows(folder, manifest.features.length);
  const beganMs = performance.now();
  refuseOutside(folder, model.infer(rows, TEST_ROWS));
  return { gates, rows_per_second: perSecond(TEST_ROWS, beganMs) };
}

function randomRows(seed: string, columns: number): Float32Array {
  const rng = createRng(seed);
  return Float32Array.from({ length: TEST_ROWS * columns }, () => rng.normal());
}

function refuseOutside(folder: string, answers: Float64Array): void {
  if (answers.some((value) => !(value >= 0 && value <= 1)))
    throw new MinutehandError('MODEL_OUTPUT', { seen: `${folder}: an answer outside 0 to 1` });
}

function perSecond(rows: number, beganMs: number): number {
  return (rows * 1000) / (performance.now() - beganMs);
}

/**
 * What is configured and has no usable active bundle, so that all its signals are HOLD NO_MODEL: `pairs`, or the
 * instruments that have neither an active direction model of their timeframe nor a rule.
 */
export function subjectsWithoutModel(
  models: string,
  { minutehand }: Settings,
  checked: readonly CheckedBundle[],
): readonly string[] {
  const isUsable = (strategy: BundleStrategy, active: ActivePointer | null): boolean =>
    checked.some((one) => one.strategy === strategy && one.ok && one.version === active?.version);
  const hasModel = (instrument: string): boolean =>
    isUsable('direction', readActiveDirection(models, timeframeOf(barSecondsOf(parseInstrument(instrument))))) ||
    isUsable('formula_rule', readActiveRule(models, instrument));
  const pairs = minutehand.pairs.length === 0 || isUsable('pair_reversion', readActive(models)) ? [] : ['pairs'];
  return [...pairs, ...minutehand.instruments.filter((instrument) => !hasModel(instrument))];
}
