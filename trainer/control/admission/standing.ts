import { readdirSync, statSync } from 'node:fs';
import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { refuseForeign } from '../../../shared/bundle/origin.ts';
import { readAccepted, readPointerFile, type PointerPlace } from '../../../shared/bundle/pointer.ts';
import { trainerMarks, trainerMarksOf } from '../../../shared/bundle/pointer_marks.ts';
import type { DespiteGates, FailedGate } from '../../../shared/bundle/recorded_gates.ts';
import {
  folderOfRule,
  instrumentsWithRule,
  instrumentsWithRuleShadow,
  readRuleShadow,
  rulePlace,
  ruleShadowPlace,
} from '../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { ruleVerdicts } from '../../../shared/bundle/rule/rule_verdicts.ts';
import { readShadowFile, SHADOW_SLOTS, shadowPointer } from '../../../shared/bundle/shadow_pointer.ts';
import { readRollout, ROLLOUT_POINTER, rolloutPath, type Rollout } from '../../../shared/bundle/rollout.ts';
import { daemonsOf, refuseUnservedFormulas } from '../../../shared/bundle/served_formulas.ts';
import { shelfOfTimeframe, slotNameOf, timeframeOfSlot } from '../../../shared/bundle/shelf_name.ts';
import type { BundleFacts, BundleShelf } from '../../../shared/bundle/shelves/bundle_shelf.ts';
import { ALL_SHELVES, placeOfSlot, readActiveOfSlot, shelfOfSlot } from '../../../shared/bundle/shelves/registry.ts';
import type { BundleInUse } from '../../../shared/dependencies/models.ts';
import { describeError, MinutehandError, type ErrorReport } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { barSecondsOf, PAIR_ID, parseSubject, SUBJECT_ID, type Timeframe, timeframeOf } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { rejectionsOf, type AdmissionPlace } from '../../../shared/bundle/admission/admission.ts';
import { runningOrigin } from '../../../shared/bundle/admission/running.ts';
import { lookAtTables, openStore, storeUrl } from '../../store/store.ts';
import { registryOf } from '../registry/registry.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { quietly } from '../../../shared/quietly.ts';
import { directionPointers } from '../../../shared/bundle/shelves/slot_pointers.ts';

/**
 * Which bundle a pointer names: `pairs`, `direction 1h`, `rule BTCUSDT@1h`, or the `challenger` of an active rollout,
 * of a direction model `challenger 1h`, of a rule `challenger BTCUSDT@1h`; a `shadow` in the same ways.
 */
export type Slot = 'pairs' | `direction ${Timeframe}` | `rule ${string}` | Beside<'challenger'> | Beside<'shadow'>;
type Beside<What extends string> = What | `${What} ${string}`;

export function isChallenger(slot: Slot): boolean {
  return slot.startsWith('challenger');
}

export function isShadow(slot: Slot): boolean {
  return slot.startsWith('shadow');
}

/** Instrument or pair of the slot of a rule; null = it is another kind of slot. */
export function instrumentOfSlot(slot: Slot): string | null {
  const [, of = ''] = slot.split(' ');
  return SUBJECT_ID.test(of) ? of : null;
}

/** Models in use although gates failed. */
export interface StandingOverride {
  readonly slot: Slot;
  readonly version: string;
  readonly gates: readonly FailedGate[];
  /** Empty: nobody stated one, as in a pointer that was written by hand. */
  readonly reason: string;
  readonly by: string;
  /** Empty with the reason. */
  readonly at: string;
}

/** Models that a pointer names, and that daemons refuse. */
export interface RefusedModels extends ErrorReport {
  readonly slot: Slot;
  /** Empty: the pointer cannot be read. */
  readonly version: string;
}

interface Named {
  readonly slot: Slot;
  readonly version: string;
  /** As the pointer records it. */
  readonly despite: DespiteGates | null;
}

/**
 * Overrides in force: as the pointers record them, and of named bundles whose gates failed, or have no verdict, without
 * a record: an earlier version activated them, or a person wrote the pointer. A pointer that cannot be read is reported
 * elsewhere.
 */
export function standingOverrides(
  modelsFolder: string,
  rejections: StandingRejections = NO_REJECTIONS,
): StandingOverride[] {
  return namedModels(modelsFolder).flatMap(({ slot, version, despite }) => {
    if (despite !== null) return [{ slot, version, ...despite }];
    const recorded = aboutBundle(modelsFolder, slot, version).about?.recorded;
    const own = recorded === undefined ? [] : [...recorded.failed, ...recorded.missing];
    const known = new Set([...own, ...(recorded?.claims ?? [])].map(keyOf));
    // Gates that failed, those without a verdict, and those of a comparison, which its manifest does not have.
    const gates = [...own, ...(rejections.get(version) ?? []).filter((gate) => !known.has(keyOf(gate)))];
    return gates.length === 0 ? [] : [{ slot, version, gates, reason: '', by: '', at: '' }];
  });
}

/** Why the registry has rejected bundles that pointers name, by version. */
export type StandingRejections = ReadonlyMap<string, readonly FailedGate[]>;
const NO_REJECTIONS: StandingRejections = new Map();

/** @param registered as `AdmissionPlace.registered` @throws what it throws */
export async function readStandingRejections(
  modelsFolder: string,
  registered: AdmissionPlace['registered'],
): Promise<StandingRejections> {
  const found = new Map<string, readonly FailedGate[]>();
  for (const { slot, version, despite } of namedModels(modelsFolder)) {
    // The registry has no rules.
    if (despite !== null || instrumentOfSlot(slot) !== null) continue;
    const reasons = rejectionsOf(await registered(version, shelfOfTimeframe(timeframeOfSlot(slot))));
    if (reasons.length > 0) found.set(version, reasons);
  }
  return found;
}

/** The same of this home; none where its store is not there, or cannot be read, which is a finding of its own. */
export async function standingRejections(
  paths: HomePaths,
  env: NodeJS.ProcessEnv = process.env,
): Promise<StandingRejections> {
  try {
    const url = storeUrl(env, paths);
    const tables = await lookAtTables(url);
    if (tables === null || tables.pending.length > 0) return NO_REJECTIONS;
    const store = await openStore(url);
    try {
      const registered: AdmissionPlace['registered'] = (version, shelf) =>
        registryOf(store, paths, shelf).verdictsOf(version);
      return await readStandingRejections(paths.models, registered);
    } finally {
      await store.close();
    }
  } catch {
    return NO_REJECTIONS;
  }
}

/**
 * What daemons refuse when they look at the pointers: a pointer that is damaged, unsigned, expired or older than one
 * they have accepted; a bundle that is gone or was changed, of another market, timeframe or feature schema than the
 * configuration’s, or with formulas that are not served. Golden answers are not asked for.
 */
export function refusedModels(settings: Settings, paths: Pick<HomePaths, 'models' | 'home'>): RefusedModels[] {
  return slotReaders(paths.models).flatMap(([place, read]) => {
    let named: Named | null = null;
    try {
      named = read();
      if (named === null) return [];
      refuseUnaccepted(named.slot, paths);
      refuseUnserved(named, settings, paths.models);
      return [];
    } catch (error) {
      return [{ slot: named?.slot ?? place, version: named?.version ?? '', ...describeError(error) }];
    }
  });
}

/** Pointers of shadows that daemons refuse: damaged, unsigned, expired or older than one that was accepted. */
export function refusedShadows(paths: Pick<HomePaths, 'models' | 'home'>): RefusedModels[] {
  const { models } = paths;
  const readers: (readonly [Slot, () => unknown])[] = [
    ...SHADOW_SLOTS.map((slot): [Slot, () => void] => [
      slot === null ? 'shadow' : `shadow ${slot}`,
      () => {
        const file = readShadowFile(models, slot);
        if (file !== null) trainerMarksOf(shadowPointer(slot), paths).check(file);
      },
    ]),
    ...instrumentsWithRuleShadow(models).map((instrument): [Slot, () => unknown] => {
      const { name } = ruleShadowPlace(models, instrument);
      return [`shadow ${instrument}`, () => readRuleShadow(models, instrument, trainerMarks(paths, name))];
    }),
  ];
  return readers.flatMap(([slot, read]) => {
    try {
      read();
      return [];
    } catch (error) {
      return [{ slot, version: '', ...describeError(error) }];
    }
  });
}

/** For `/healthz` and `/api/status`. A damaged pointer is no failure of the trainer: the next one replaces it. */
export function activeModels(settings: Settings, paths: Pick<HomePaths, 'models' | 'home'>) {
  const refused_models = refusedModels(settings, paths);
  const active_error = refused_models.find(({ slot }) => slot === 'pairs');
  const active = quietly(() => readActiveOfSlot(paths.models, null, trainerMarks(paths)));
  const direction_models = directionPointers(paths.models);
  return {
    active_version: active?.version ?? null,
    direction_models,
    ...(active_error && { active_error }),
    refused_models,
  };
}

/** @throws MinutehandError as PointerMarks.check */
function refuseUnaccepted(slot: Slot, paths: Pick<HomePaths, 'models' | 'home'>): void {
  if (isChallenger(slot)) {
    readRollout(paths.models, MACHINE_FILES, trainerMarksOf(ROLLOUT_POINTER, paths));
    return;
  }
  const place = pointerOf(paths.models, slot);
  readAccepted(place, MACHINE_FILES, trainerMarks(paths, place.name));
}

/** @throws MinutehandError as BundleShelf.check and readRuleBundle; as refuseForeign; MODEL_SYMBOLS, MODEL_SCHEMA, … */
function refuseUnserved({ slot, version }: Named, settings: Settings, modelsFolder: string): void {
  const { about, refusal } = aboutBundle(modelsFolder, slot, version);
  if (about !== null) {
    const shelf = shelfServing(slot);
    refuseForeign(about, runningOrigin(settings, shelf));
    const windows = shelf.awaitingWindows(about, settings.minutehand);
    if (windows !== null) refuseUnservedFormulas(version, windows, daemonsOf(settings));
    refuseSchema(slot, about, settings);
  }
  if (refusal !== null) throw refusal;
}

/** The shelf whose subjects the bundle of a slot decides about; a rule answers in place of a subject's models. */
function shelfServing(slot: Slot): BundleShelf {
  const subject = instrumentOfSlot(slot);
  if (subject === null) return shelfOfSlot(timeframeOfSlot(slot));
  return shelfOfSlot(PAIR_ID.test(subject) ? null : timeframeOf(barSecondsOf(parseSubject(subject))));
}

/** @throws MinutehandError MODEL_SCHEMA */
function refuseSchema(slot: Slot, about: BundleFacts, { minutehand }: Settings): void {
  // A rule is read by the schema of this version alone.
  if (instrumentOfSlot(slot) !== null) return;
  const timeframe = timeframeOfSlot(slot);
  const expected = shelfOfSlot(timeframe).expectedSchema(timeframe, about, minutehand);
  if (about.schema !== expected)
    throw new MinutehandError('MODEL_SCHEMA', {
      seen: `feature schema ${about.schema} of ${about.version}`,
      expected,
    });
}

/** The bundle that each pointer names. A pointer that cannot be read names none. */
export function namedBundles(modelsFolder: string): (BundleInUse & { readonly slot: Slot })[] {
  return namedModels(modelsFolder).map(({ slot, version }) => {
    const pointer = isChallenger(slot) ? rolloutPath(modelsFolder) : pointerOf(modelsFolder, slot).path;
    return { slot, pointer, folder: folderOf(modelsFolder, slot, version) };
  });
}

/** Of the slot of an active bundle. */
function pointerOf(modelsFolder: string, slot: Slot): PointerPlace {
  const instrument = instrumentOfSlot(slot);
  return instrument === null ? placeOfSlot(modelsFolder, timeframeOfSlot(slot)) : rulePlace(modelsFolder, instrument);
}

function namedModels(modelsFolder: string): Named[] {
  return slotReaders(modelsFolder).flatMap(([, read]) => quietly(read) ?? []);
}

/** Each slot that can have a pointer, and what reads it: null where there is none. */
function slotReaders(modelsFolder: string): (readonly [Slot, () => Named | null])[] {
  const ofPointer = (slot: Slot): readonly [Slot, () => Named | null] => [
    slot,
    () => {
      const pointer = readPointerFile(pointerOf(modelsFolder, slot), MACHINE_FILES);
      return pointer === null ? null : { slot, version: pointer.version, despite: pointer.despite_gates ?? null };
    },
  ];
  const ofDirection = ALL_SHELVES.flatMap((shelf) => shelf.places(modelsFolder)).flatMap(({ timeframe }) =>
    timeframe === null ? [] : [slotNameOf(timeframe)],
  );
  return [
    ofPointer('pairs'),
    ['challenger', () => challengerOf(modelsFolder)],
    ...ofDirection.map(ofPointer),
    ...instrumentsWithRule(modelsFolder).map((instrument) => ofPointer(`rule ${instrument}`)),
  ];
}

/** null without an active rollout. @throws MinutehandError MODEL_MANIFEST, MODEL_FILE */
function challengerOf(modelsFolder: string): Named | null {
  const rollout = readRollout(modelsFolder);
  if (rollout?.status !== 'active') return null;
  const { challenger: version, despite_gates: despite = null } = rollout;
  return { slot: challengerSlot(rollout), version, despite };
}

function challengerSlot({ timeframe, instrument }: Rollout): Slot {
  const of = instrument ?? timeframe;
  return of === undefined ? 'challenger' : `challenger ${of}`;
}

/** The folder of a bundle that a pointer names. */
function folderOf(modelsFolder: string, slot: Slot, version: string): string {
  if (instrumentOfSlot(slot) !== null) return folderOfRule(modelsFolder, version);
  return pathInside(shelfOfSlot(timeframeOfSlot(slot)).folder(modelsFolder), version);
}

/** What its manifest says, and why its files are not what the manifest says. */
interface AboutBundle {
  /** null: its manifest cannot be read. */
  readonly about: BundleFacts | null;
  readonly refusal: unknown;
}

const MAX_KNOWN = 100;
/** By path; a bundle is read again when one of its files changes. */
const known = new Map<string, AboutBundle & { readonly mark: string }>();

function aboutBundle(modelsFolder: string, slot: Slot, version: string): AboutBundle {
  const folder = folderOf(modelsFolder, slot, version);
  const mark = markOf(folder);
  const before = known.get(folder);
  if (before?.mark === mark) return before;
  const found = readAbout(folder, slot, modelsFolder);
  // Bundles come and go; a few are named at a time.
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(folder, { mark, ...found });
  return found;
}

function readAbout(folder: string, slot: Slot, modelsFolder: string): AboutBundle {
  let about: BundleFacts | null = null;
  try {
    if (instrumentOfSlot(slot) !== null) about = factsOfRule(folder, modelsFolder);
    else {
      const shelf = shelfOfSlot(timeframeOfSlot(slot));
      about = shelf.facts(folder);
      shelf.check(folder, MACHINE_FILES);
    }
    return { about, refusal: null };
  } catch (refusal) {
    return { about, refusal };
  }
}

function factsOfRule(folder: string, modelsFolder: string): BundleFacts {
  const rule = readRuleBundle(folder);
  const { version, market, instrument, feature_schema: schema } = rule.manifest;
  const timeframes = [timeframeOf(barSecondsOf(parseSubject(instrument)))];
  return { version, market, timeframes, schema, windows: {}, recorded: ruleVerdicts(rule, modelsFolder) };
}

/** Of all files of a folder. The time of a change of their state cannot be set back. */
function markOf(folder: string): string {
  try {
    return readdirSync(folder)
      .map((name) => {
        const { ino, size, ctimeMs } = statSync(pathInside(folder, name));
        return `${name} ${ino} ${size} ${ctimeMs}`;
      })
      .join('\n');
  } catch {
    return 'absent';
  }
}
