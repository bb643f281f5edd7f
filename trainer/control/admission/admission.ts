import { readActiveFile } from '../../../shared/bundle/bundle.ts';
import {
  directionPlace,
  isDirectionBundle,
  liveInstrumentSchema,
} from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { prepareDirection } from '../../../shared/bundle/direction/direction_model.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../../../shared/bundle/model_set.ts';
import { refuseForeign, timeframesOf, type BundleOrigin } from '../../../shared/bundle/origin.ts';
import { readPointerFile } from '../../../shared/bundle/pointer.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import {
  failuresOf,
  gatesText,
  recordedDirectionGates,
  recordedGates,
  type DespiteGates,
  type FailedGate,
  type RecordedGates,
} from '../../../shared/bundle/recorded_gates.ts';
import type { ActiveFile } from '../../../shared/bundle/active_file.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { timeframeOf, type Timeframe } from '../../../shared/pair.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { GateResult } from '../../learning/criteria/criteria.ts';
import { reasonsOf } from '../registry/reasons.ts';
import type { RegisteredModels } from '../registry/registry_rows.ts';
import { runningOrigin } from './running.ts';

/**
 * How a bundle gets into use. `adoption` is that of a new bundle that passed its gates, `folder` the same in a folder
 * of bundles that is no installation's, whose market and timeframes are unknown. `rollback` and `recovery` concern
 * bundles that were active, `rollout_end` a challenger that was admitted when its rollout started; a `shadow` scores
 * without being published.
 */
export type Door = 'adoption' | 'folder' | 'promotion' | 'rollback' | 'recovery' | 'rollout' | 'rollout_end' | 'shadow';

/** A person's decision to use a bundle although gates failed. */
export interface Override {
  readonly reason: string;
  /** Name of the person. */
  readonly by: string;
}

/** An installation. */
export interface AdmissionPlace {
  readonly settings: Settings;
  readonly paths: Pick<HomePaths, 'models' | 'home'>;
  /**
   * Row of a bundle in the registry; undefined without one.
   * @throws MinutehandError STORE_UNUSABLE
   */
  registered(version: string): Promise<Pick<RegisteredModels, 'adopted_at' | 'reasons'> | undefined>;
}

export interface AdmissionRequest {
  readonly door: Door;
  /** Folder of the bundle, of pairs or of a direction model. */
  readonly folder: string;
  readonly override?: Override | null;
  /** Verdicts beyond those that the bundle and the registry have. */
  readonly further?: readonly GateResult[];
  /** Of a challenger: the override with which its rollout started. */
  readonly carried?: DespiteGates | null;
}

/** A bundle that may be activated. Only `admit` makes one. */
export interface Admitted {
  readonly version: string;
  /** Timeframe of a direction model; null: models of pairs. */
  readonly timeframe: Timeframe | null;
  /** The override, if gates failed. */
  readonly despite: DespiteGates | null;
}

/**
 * The one lock of every door through which a bundle comes into use. The bundle is verified as a daemon does it; another
 * market, timeframe or feature schema is always refused; failed, missing or unreadable verdicts of gates are refused
 * unless a person overrides them with a reason, or the bundle was active before and is rolled back to or recovered
 * (docs/adr/0024-one-lock-for-models.md).
 * @throws MinutehandError MODEL_GATES, MODEL_MARKET, MODEL_SIMULATED, MODEL_TIMEFRAME, MODEL_SCHEMA; as loadModelSet
 * and prepareDirection
 */
export async function admit(place: AdmissionPlace, request: AdmissionRequest): Promise<Admitted> {
  const candidate = await verifyCandidate(request.folder, place.settings);
  const { version, timeframe } = candidate;
  if (request.door !== 'folder') refuseForeign(candidate, runningOrigin(place.settings, timeframe === null));
  if (request.door === 'shadow') return { version, timeframe, despite: null };
  const verdicts = await verdictsOf(place, candidate, request);
  return { version, timeframe, despite: judge(place, candidate, request, verdicts) };
}

interface Candidate extends BundleOrigin {
  readonly timeframe: Timeframe | null;
  readonly recorded: RecordedGates;
  /** The failed gates as the registry words them. */
  readonly reasons: readonly string[];
}

/** Reads, verifies and loads a bundle as a daemon does. */
async function verifyCandidate(folder: string, settings: Settings): Promise<Candidate> {
  if (isDirectionBundle(folder)) {
    const { timeframe } = readDirectionBundle(folder).manifest;
    const { manifest } = await prepareDirection(folder, liveInstrumentSchema(timeframe));
    const own = timeframeOf(manifest.timeframe);
    const { version, market } = manifest;
    return {
      version,
      market,
      timeframe: own,
      timeframes: [own],
      recorded: recordedDirectionGates(manifest),
      reasons: [],
    };
  }
  const set = await loadModelSet(folder, featureSchema(settings.minutehand.windows), 1);
  await set.release();
  const { version, market, pairs, gates = [] } = set.manifest;
  return {
    version,
    market,
    timeframe: null,
    timeframes: timeframesOf(pairs),
    recorded: recordedGates(set.manifest),
    reasons: reasonsOf(gates),
  };
}

interface Verdicts {
  /** Gates that failed. */
  readonly failed: readonly FailedGate[];
  /** Verdicts that are missing or cannot be read: not passed, but no failure either. */
  readonly unknown: readonly FailedGate[];
}

async function verdictsOf(
  { registered }: AdmissionPlace,
  { version, timeframe, recorded, reasons }: Candidate,
  { door, further = [] }: AdmissionRequest,
): Promise<Verdicts> {
  const failed = [...recorded.failed, ...failuresOf(further)];
  const missing = recorded.areKnown ? [] : [{ code: 'gates', seen: 'no recorded verdicts', limit: 'passed' }];
  // A new bundle is not registered yet, and the registry has no direction models.
  if (door === 'adoption' || door === 'folder' || timeframe !== null) return { failed, unknown: missing };
  try {
    const row = await registered(version);
    const others = (row?.reasons ?? []).filter((reason) => !reasons.includes(reason) && !isOfMoment(reason));
    const rejected = others.map((reason) => ({ code: 'registry', seen: `rejected: ${reason}`, limit: 'not rejected' }));
    // An earlier version adopted it, and recorded no verdicts.
    const wasAdopted = (row?.adopted_at ?? null) !== null;
    return { failed: [...failed, ...rejected], unknown: wasAdopted ? [] : missing };
  } catch (error) {
    const { code, message } = describeError(error);
    const unread = { code: 'registry', seen: `${code}: ${message}`, limit: 'a readable verdict' };
    return { failed, unknown: [...missing, unread] };
  }
}

/** Whether a reason is about the moment, and not about the bundle: another rollout was active. */
function isOfMoment(reason: string): boolean {
  return reason.startsWith('rollout ');
}

const ACTIVE_BEFORE: Partial<Record<Door, string>> = {
  rollback: 'Rollback to models that were active before.',
  recovery: 'Recovery of models that were active before.',
};

/**
 * @returns the override; null without failed gates
 * @throws MinutehandError MODEL_GATES
 */
function judge(
  place: AdmissionPlace,
  { version, timeframe }: Candidate,
  { door, override = null, carried = null }: AdmissionRequest,
  { failed, unknown }: Verdicts,
): DespiteGates | null {
  const gates = [...failed, ...unknown];
  if (gates.length === 0) return null;
  const at = new Date().toISOString();
  if (override !== null) return { gates, at, ...override };
  if (carried !== null) return carried;
  // It was admitted when its rollout started: a store that is down since is no verdict.
  if (door === 'rollout_end' && failed.length === 0) return null;
  const reason = ACTIVE_BEFORE[door];
  const earlier = reason === undefined ? null : activeBefore(place, version, timeframe, door);
  if (reason === undefined || earlier === null)
    throw new MinutehandError('MODEL_GATES', { seen: `${version}: ${gatesText(gates)}`, gates });
  // What was active before does not lack verdicts: it has served.
  return earlier.despite ?? (failed.length === 0 ? null : { gates: [...failed], at, reason, by: '' });
}

/** The bundle as it was active before: with its override, if it had one. null: no accepted pointer names it so. */
function activeBefore(
  { paths }: AdmissionPlace,
  version: string,
  timeframe: Timeframe | null,
  door: Door,
): { readonly despite: DespiteGates | null } | null {
  const marks = timeframe === null ? trainerMarks(paths) : trainerMarks(paths, `direction_${timeframe}`);
  // A recovery restores what the registry has as active; the pointer is lost.
  if (door === 'recovery') {
    const last = marks.accepted().find((pointer) => pointer.version === version);
    return { despite: last?.despite_gates ?? null };
  }
  const pointer = pointerOf(paths.models, timeframe);
  if (pointer === null || pointer.previous !== version) return null;
  marks.check(pointer);
  return { despite: pointer.previous_despite_gates ?? null };
}

function pointerOf(models: string, timeframe: Timeframe | null): ActiveFile | null {
  return timeframe === null
    ? readActiveFile(models)
    : readPointerFile(directionPlace(models, timeframe), MACHINE_FILES);
}
