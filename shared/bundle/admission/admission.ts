import { shelfNameOf } from '../shelf_name.ts';
import { join } from 'node:path';
import { VERSION } from '../version_name.ts';
import { mustExist } from '../bundle.ts';
import { keyOf, type RecordedGate } from '../gates/gate_result.ts';
import { readModelsFile } from '../models_file.ts';
import { refuseForeign, type BundleOrigin } from '../origin.ts';
import { readPointerFile, type PointerPlace } from '../pointer.ts';
import { trainerMarks } from '../pointer_marks.ts';
import {
  failuresOf,
  gatesText,
  unmeasured,
  type DespiteGates,
  type FailedGate,
  type RecordedGates,
} from '../recorded_gates.ts';
import { isRuleBundle } from '../rule/active_rule.ts';
import { readRuleBundle } from '../rule/rule_bundle.ts';
import { ruleVerdicts } from '../rule/rule_verdicts.ts';
import type { Windows } from '../../core/features/windows.ts';
import { describeError, ERRORS, MinutehandError } from '../../errors.ts';
import { gateStep } from '../gates/gate_steps.ts';
import { gateText } from '../gates/gate_text.ts';
import { MACHINE_FILES } from '../../files.ts';
import { barSecondsOf, PAIR_ID, parseSubject, timeframeOf } from '../../pair.ts';
import type { HomePaths } from '../../home.ts';
import type { FileSystem } from '../../ports.ts';
import type { Settings } from '../../policy/policy.ts';
import { pointerFence } from './pointer_fence.ts';
import { runningOrigin } from './running.ts';
import { sha256Hex } from '../../sha256.ts';
import type { ShelfName } from '../../strategies/registry.ts';
import { daemonsOf, refuseUnservedFormulas } from '../served_formulas.ts';
import type { BundleShelf } from '../shelves/bundle_shelf.ts';
import { shelfOfFolder, shelfOfSlot } from '../shelves/registry.ts';
import {
  isRuleSlot,
  modelSlotOf,
  parseSlot,
  ruleSlot,
  subjectOfRule,
  type RuleSlotId,
  type SlotId,
} from '../../subject/slot.ts';
import { filesOf, folderOf } from '../slot_files.ts';

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

/** Row of a bundle in the registry. */
export interface RegisteredBundle {
  /** Of its manifest when it was registered, hexadecimal. */
  readonly manifest_sha256: string;
  /** Failed gates. */
  readonly reasons: readonly FailedGate[];
}

/** An installation. */
export interface AdmissionPlace {
  readonly settings: Settings;
  readonly paths: Pick<HomePaths, 'models' | 'home'>;
  /**
   * Row of a bundle in the registry; undefined without one.
   * @throws MinutehandError STORE_UNUSABLE
   */
  registered(version: string, shelf: ShelfName): Promise<RegisteredBundle | undefined>;
  /**
   * Makes this installation the owner of promotions of a market, or renews it.
   * @param present fence of the pointer that is to be replaced. It is higher than any of this store when the pointer
   * was written through another store, or this one was lost since
   * @returns its fencing token, above `present` or equal to it
   * @throws MinutehandError PROMOTION_OWNER when another installation is; STORE_UNUSABLE
   */
  promotionFence(market: string, present: number): Promise<number>;
}

export interface AdmissionRequest<Through extends Door = Door> {
  readonly door: Through;
  /** Folder of the bundle: of pairs, of a direction model, or of a rule. */
  readonly folder: string;
  readonly override?: Override | null;
  /** Verdicts beyond those that the bundle and the registry have. */
  readonly further?: readonly RecordedGate[];
  /** Of a challenger: the override with which its rollout started. */
  readonly carried?: DespiteGates | null;
}

declare const ADMITTED: unique symbol;

/**
 * A bundle that may be used as its door says. Every writer of a pointer to models takes one, and only `admit` makes
 * one: nothing else can name the symbol.
 */
export interface Admitted<Through extends Door = Door> {
  readonly [ADMITTED]: true;
  readonly door: Through;
  readonly version: string;
  readonly slot: SlotId;
  /** SHA-256 of the manifest that was admitted, hexadecimal: what is used must have it. */
  readonly manifestHash: string;
  /** The override, if gates failed. */
  readonly despite: DespiteGates | null;
  /**
   * Token of the owner of promotions at the admission. While the store is down, that of the pointer which a person
   * replaces. null: of a shadow, of another folder, or nobody has had one yet.
   */
  readonly fence: number | null;
}

/** All of an admitted bundle but its mark: what benchmarks and simulations state of bundles that nothing judges. */
export type UnmarkedBundle<Through extends Door = Door> = {
  [Field in keyof Admitted<Through> as Field extends string ? Field : never]: Admitted<Through>[Field];
};

/** One type per door, so that `door` tells them apart. */
export type AdmittedBy<Through extends Door> = Through extends Door ? Admitted<Through> : never;

/**
 * The one lock of every door through which a bundle comes into use. The bundle is verified as a daemon does it; another
 * market, timeframe or feature schema, and a manifest other than the registered one, are always refused; failed,
 * missing or unreadable verdicts of gates are refused unless a person overrides them with a reason, or the bundle was
 * active before and is rolled back to or recovered (docs/adr/0024-one-lock-for-models.md).
 * @throws MinutehandError MODEL_GATES, MODEL_MARKET, MODEL_SIMULATED, MODEL_TIMEFRAME, MODEL_SCHEMA, MODEL_EXISTS,
 * PROMOTION_OWNER, SHADOW_SERVED; STORE_UNUSABLE for what no person has asked for; as loadModelSet and
 * prepareDirection; MODEL_SYMBOLS
 */
export async function admit<Through extends Door>(
  place: AdmissionPlace,
  request: AdmissionRequest<Through>,
): Promise<AdmittedBy<Through>> {
  const { door } = request;
  const candidate = await verifyCandidate(request.folder, place);
  refuseUnserved(candidate, door, place.settings);
  if (door !== 'folder') refuseForeign(candidate, runningOrigin(place.settings, shelfServing(candidate.slot)));
  if (isRuleSlot(candidate.slot)) refuseOtherSubject(candidate.version, candidate.slot, place.settings);
  if (door === 'shadow') {
    refuseShadowOfNothing(candidate, place.settings);
    refuseShadowOfItself(candidate, place.paths.models);
    return admitted(door, candidate, null, null);
  }
  const verdicts = await verdictsOf(place, candidate, request);
  const despite = judge(place, candidate, request, verdicts);
  return admitted(door, candidate, despite, await fenceOf(place, candidate, door));
}

/** null: nothing, or a damaged pointer, by which nothing is served. */
function servedIn(place: PointerPlace): string | null {
  try {
    return readPointerFile(place, MACHINE_FILES)?.version ?? null;
  } catch {
    return null;
  }
}

/** @throws MinutehandError SHADOW_SERVED for what answers already */
function refuseShadowOfItself({ version, slot }: Candidate, modelsFolder: string): void {
  if (servedIn(filesOf(modelsFolder, slot).active) === version)
    throw new MinutehandError('SHADOW_SERVED', { seen: version });
}

/** @throws MinutehandError MODEL_SYMBOLS */
function refuseUnserved({ version, windows }: Candidate, door: Door, settings: Settings): void {
  if (windows === null) return;
  // The installation of another folder says what its daemons have.
  refuseUnservedFormulas(version, windows, door === 'folder' ? null : daemonsOf(settings));
}

function admitted<Through extends Door>(
  door: Through,
  { version, slot, manifestHash }: Candidate,
  despite: DespiteGates | null,
  fence: number | null,
): AdmittedBy<Through> {
  return { door, version, slot, manifestHash, despite, fence } as AdmittedBy<Through>;
}

/** Doors that a person opens: they must work while the store is down, as a rollback has to. */
const BY_PERSON: ReadonlySet<Door> = new Set(['promotion', 'rollback']);

/** @throws MinutehandError as AdmissionPlace.promotionFence */
async function fenceOf(place: AdmissionPlace, candidate: Candidate, door: Door): Promise<number | null> {
  if (door === 'folder') return null;
  const { settings, paths } = place;
  const pointer = filesOf(paths.models, candidate.slot).active;
  const present = pointerFence(pointer, MACHINE_FILES, trainerMarks(paths, pointer.name));
  try {
    return await place.promotionFence(candidate.market ?? settings.minutehand.market, present);
  } catch (error) {
    if (describeError(error).code !== 'STORE_UNUSABLE' || !BY_PERSON.has(door)) throw error;
    return present === 0 ? null : present;
  }
}

/**
 * A bundle of the models folder is the one that was admitted: an import names it by its manifest, and another folder
 * may have the version already.
 * @throws MinutehandError MODEL_MISSING, MODEL_EXISTS
 */
export function checkSame(admitted: Admitted, modelsFolder: string, files: FileSystem = MACHINE_FILES): void {
  const { version, slot, manifestHash } = admitted;
  if (!VERSION.test(version)) throw new MinutehandError('MODEL_MISSING', { seen: `the version ${version}` });
  const folder = folderOf(slot, version, modelsFolder);
  mustExist(folder, files);
  if (manifestHashOf(folder, files) !== manifestHash)
    throw new MinutehandError('MODEL_EXISTS', {
      seen: `${folder} has another manifest than the bundle that was admitted`,
    });
}

/** The shelf of the models in whose place the bundle of a slot answers: its own, or that of a rule's subject. */
export function shelfServing(slot: SlotId): BundleShelf {
  return shelfOfSlot(isRuleSlot(slot) ? modelSlotOf(parseSubject(subjectOfRule(slot))) : slot);
}

/** @throws MinutehandError MODEL_TIMEFRAME for a rule of a subject that does not run here */
function refuseOtherSubject(version: string, slot: RuleSlotId, { minutehand }: Settings): void {
  const subject = subjectOfRule(slot);
  const isOfPair = PAIR_ID.test(subject);
  const known = isOfPair ? minutehand.pairs : minutehand.instruments;
  if (known.includes(subject)) return;
  const kind = isOfPair ? 'a pair' : 'an instrument';
  throw new MinutehandError('MODEL_TIMEFRAME', {
    seen: `the rule ${version} was judged for ${subject}`,
    expected: known.length === 0 ? `${kind} of the configuration: it has none` : known.join(' or '),
  });
}

/**
 * A direction model may become active before its instruments are configured, but a shadow would answer nothing.
 * @throws MinutehandError MODEL_TIMEFRAME
 */
function refuseShadowOfNothing({ version, slot }: Candidate, { minutehand }: Settings): void {
  const own = parseSlot(slot);
  if (own.strategy !== 'direction' || minutehand.instruments.length > 0) return;
  throw new MinutehandError('MODEL_TIMEFRAME', {
    seen: `${version} was trained on ${own.timeframe} bars of instruments`,
    expected: 'an instrument of the configuration: it has none',
  });
}

interface Candidate extends BundleOrigin {
  readonly slot: SlotId;
  readonly recorded: RecordedGates;
  /** SHA-256 of the manifest. */
  readonly manifestHash: string;
  /** Features of models of pairs; null: another kind of bundle. */
  readonly windows: Windows | null;
}

/** Reads, verifies and loads a bundle as a daemon does. */
async function verifyCandidate(folder: string, { settings, paths }: AdmissionPlace): Promise<Candidate> {
  if (isRuleBundle(folder)) {
    const rule = readRuleBundle(folder);
    const { version, market, instrument } = rule.manifest;
    return {
      version,
      market,
      slot: ruleSlot(instrument),
      timeframes: [timeframeOf(barSecondsOf(parseSubject(instrument)))],
      recorded: ruleVerdicts(rule, paths.models),
      manifestHash: rule.modelsHash,
      windows: null,
    };
  }
  const verified = await shelfOfFolder(folder).verify(folder, settings);
  return { ...verified, manifestHash: manifestHashOf(folder) };
}

function manifestHashOf(folder: string, files: FileSystem = MACHINE_FILES): string {
  return sha256Hex(readModelsFile(join(folder, 'manifest.json'), 'manifest', files));
}

interface Verdicts {
  /** Gates that failed. */
  readonly failed: readonly FailedGate[];
  /** Gates without a recorded verdict: not passed, but no failure either. */
  readonly missing: readonly FailedGate[];
  /** A registry that cannot be read now. */
  readonly unread: readonly FailedGate[];
}

const REGISTRY = { code: 'registry', role: null } as const;

/** @throws MinutehandError MODEL_EXISTS */
async function verdictsOf(
  { registered, settings }: AdmissionPlace,
  { version, slot, recorded, manifestHash }: Candidate,
  { door, further = [] }: AdmissionRequest,
): Promise<Verdicts> {
  // A failed claim that the bundle states keeps it from entries, and only by policy from serving.
  const forgiven = new Set(settings.retrain.claims_veto === 'entries' ? recorded.claims.map(keyOf) : []);
  const ofBundle = [...recorded.failed, ...recorded.claims];
  const failed = [...ofBundle, ...failuresOf(further)].filter((gate) => !forgiven.has(keyOf(gate)));
  const { missing } = recorded;
  // A new bundle is not registered yet, and the registry has no rules.
  if (door === 'adoption' || door === 'folder' || isRuleSlot(slot)) return { failed, missing, unread: [] };
  let row: RegisteredBundle | undefined;
  try {
    row = await registered(version, shelfNameOf(slot));
  } catch (error) {
    const { code, message } = describeError(error);
    const unread = [unmeasured(REGISTRY, { error: `${code}: ${message}` })];
    return { failed, missing, unread };
  }
  if (row !== undefined && row.manifest_sha256 !== manifestHash)
    throw new MinutehandError('MODEL_EXISTS', { seen: `the registry has another manifest of ${version}` });
  const own = new Set(ofBundle.map(keyOf));
  const rejected = rejectionsOf(row).filter((gate) => !own.has(keyOf(gate)));
  return { failed: [...failed, ...rejected], missing, unread: [] };
}

/** Why a registered bundle was rejected, as far as that is about the bundle: another active rollout is not. */
export function rejectionsOf(row: RegisteredBundle | undefined): readonly FailedGate[] {
  return (row?.reasons ?? []).filter(({ code }) => code !== 'rollout');
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
  { version, slot }: Candidate,
  { door, override = null, carried = null }: AdmissionRequest,
  { failed, missing, unread }: Verdicts,
): DespiteGates | null {
  const gates = [...failed, ...missing, ...unread];
  if (gates.length === 0) return null;
  const at = new Date().toISOString();
  if (override !== null) return { gates, at, ...override };
  if (carried !== null) return carried;
  // It was admitted when its rollout started: a store that is down since is no verdict.
  if (door === 'rollout_end' && failed.length + missing.length === 0) return null;
  const reason = ACTIVE_BEFORE[door];
  const earlier = reason === undefined ? null : activeBefore(place, version, slot, door);
  if (reason === undefined || earlier === null)
    throw new MinutehandError('MODEL_GATES', {
      seen: `${version}: ${gatesText(gates)}`,
      gates,
      next: nextText(failed),
    });
  // Going back to what has served needs no verdicts: standing.ts shows the missing ones while it is active.
  return earlier.despite ?? (failed.length === 0 ? null : { gates: [...failed], at, reason, by: '' });
}

/** What to do about each failed gate, then what is always possible. */
function nextText(failed: Verdicts['failed']): string {
  const steps = failed.flatMap((gate) => {
    const step = gateStep(gate, failed);
    return step === null ? [] : [`${gateText(gate).name}: ${step}`];
  });
  return [...steps, ERRORS.MODEL_GATES.next].join(' ');
}

/** The bundle as it was active before: with its override, if it had one. null: no accepted pointer names it so. */
function activeBefore(
  { paths }: AdmissionPlace,
  version: string,
  slot: SlotId,
  door: Door,
): { readonly despite: DespiteGates | null } | null {
  const place = filesOf(paths.models, slot).active;
  const marks = trainerMarks(paths, place.name);
  // A recovery restores what the registry has as active; the pointer is lost.
  if (door === 'recovery') {
    const last = marks.accepted().find((pointer) => pointer.version === version);
    return { despite: last?.despite_gates ?? null };
  }
  const pointer = readPointerFile(place, MACHINE_FILES);
  if (pointer === null || pointer.previous !== version) return null;
  marks.check(pointer);
  return { despite: pointer.previous_despite_gates ?? null };
}
