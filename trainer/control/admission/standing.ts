import { readdirSync, statSync } from 'node:fs';
import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { refuseForeign } from '../../../shared/bundle/origin.ts';
import { readAccepted, readPointerFile } from '../../../shared/bundle/pointer.ts';
import { trainerMarks, trainerMarksOf } from '../../../shared/bundle/pointer_marks.ts';
import type { DespiteGates, FailedGate } from '../../../shared/bundle/recorded_gates.ts';
import {
  instrumentsWithRule,
  instrumentsWithRuleShadow,
  readRuleShadow,
} from '../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { ruleVerdicts } from '../../../shared/bundle/rule/rule_verdicts.ts';
import { readShadowFile, shadowPointer } from '../../../shared/bundle/shadow_pointer.ts';
import { readRollout, ROLLOUT_POINTER, rolloutPath } from '../../../shared/bundle/rollout.ts';
import { daemonsOf, refuseUnservedFormulas } from '../../../shared/bundle/served_formulas.ts';
import { registeredShelf } from '../../../shared/bundle/shelf_name.ts';
import type { BundleFacts } from '../../../shared/bundle/shelves/bundle_shelf.ts';
import { readActiveOfSlot, shelfOfSlot } from '../../../shared/bundle/shelves/registry.ts';
import type { BundleInUse } from '../../../shared/dependencies/models.ts';
import { describeError, MinutehandError, type ErrorReport } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { barSecondsOf, parseSubject, timeframeOf } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { rejectionsOf, shelfServing, type AdmissionPlace } from '../../../shared/bundle/admission/admission.ts';
import { runningOrigin } from '../../../shared/bundle/admission/running.ts';
import { lookAtTables, openStore, storeUrl } from '../../store/store.ts';
import { registryOf } from '../registry/registry.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { quietly } from '../../../shared/quietly.ts';
import { isRuleSlot, MODEL_SLOTS, ruleSlot, type Role, type SlotId } from '../../../shared/subject/slot.ts';
import { nameBeside, slotOfRollout } from '../../../shared/subject/written_names.ts';
import { folderOf, filesOf } from '../../../shared/bundle/slot_files.ts';
import { directionPointers } from '../../../shared/bundle/shelves/slot_pointers.ts';

/** Where a bundle stands that a pointer names. */
export interface Standing {
  readonly slot: SlotId;
  readonly role: Role;
}

/** As reports name it: `pairs`, `direction 1h`, `rule BTCUSDT@1h`, `challenger`, `shadow 1h`. */
export function standingName({ slot, role }: Standing): string {
  return role === 'active' ? slot : nameBeside(role, slot);
}

/** What stands somewhere, with the one name of its place as reports have it. */
export function shownStanding<Found extends Standing>({ slot, role, ...about }: Found) {
  return { slot: standingName({ slot, role }), ...about };
}

/** Models in use although gates failed. */
export interface StandingOverride extends Standing {
  readonly version: string;
  readonly gates: readonly FailedGate[];
  /** Empty: nobody stated one, as in a pointer that was written by hand. */
  readonly reason: string;
  readonly by: string;
  /** Empty with the reason. */
  readonly at: string;
}

/** Models that a pointer names, and that daemons refuse. */
export interface RefusedModels extends Standing, ErrorReport {
  /** Empty: the pointer cannot be read. */
  readonly version: string;
}

interface Named extends Standing {
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
  return namedModels(modelsFolder).flatMap(({ slot, role, version, despite }) => {
    if (despite !== null) return [{ slot, role, version, ...despite }];
    const recorded = aboutBundle(modelsFolder, slot, version).about?.recorded;
    const own = recorded === undefined ? [] : [...recorded.failed, ...recorded.missing];
    const known = new Set([...own, ...(recorded?.claims ?? [])].map(keyOf));
    // Gates that failed, those without a verdict, and those of a comparison, which its manifest does not have.
    const gates = [...own, ...(rejections.get(version) ?? []).filter((gate) => !known.has(keyOf(gate)))];
    return gates.length === 0 ? [] : [{ slot, role, version, gates, reason: '', by: '', at: '' }];
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
    const shelf = registeredShelf(slot);
    if (despite !== null || shelf === null) continue;
    const reasons = rejectionsOf(await registered(version, shelf));
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
      refuseUnaccepted(named, paths);
      refuseUnserved(named, settings, paths.models);
      return [];
    } catch (error) {
      const { slot, role } = named ?? place;
      return [{ slot, role, version: named?.version ?? '', ...describeError(error) }];
    }
  });
}

/** Pointers of shadows that daemons refuse: damaged, unsigned, expired or older than one that was accepted. */
export function refusedShadows(paths: Pick<HomePaths, 'models' | 'home'>): RefusedModels[] {
  const { models } = paths;
  const readers: (readonly [SlotId, () => unknown])[] = [
    ...MODEL_SLOTS.map((slot): [SlotId, () => void] => [
      slot,
      () => {
        const file = readShadowFile(models, slot);
        if (file !== null) trainerMarksOf(shadowPointer(slot), paths).check(file);
      },
    ]),
    ...instrumentsWithRuleShadow(models).map((instrument): [SlotId, () => unknown] => {
      const { name } = filesOf(models, ruleSlot(instrument)).shadow;
      return [ruleSlot(instrument), () => readRuleShadow(models, instrument, trainerMarks(paths, name))];
    }),
  ];
  return readers.flatMap(([slot, read]) => {
    try {
      read();
      return [];
    } catch (error) {
      return [{ slot, role: 'shadow', version: '', ...describeError(error) }];
    }
  });
}

/** For `/healthz` and `/api/status`. A damaged pointer is no failure of the trainer: the next one replaces it. */
export function activeModels(settings: Settings, paths: Pick<HomePaths, 'models' | 'home'>) {
  const refused_models = refusedModels(settings, paths).map(shownStanding);
  const active_error = refused_models.find(({ slot }) => slot === 'pairs');
  const active = quietly(() => readActiveOfSlot(paths.models, 'pairs', trainerMarks(paths)));
  const direction_models = directionPointers(paths.models);
  return {
    active_version: active?.version ?? null,
    direction_models,
    ...(active_error && { active_error }),
    refused_models,
  };
}

/** @throws MinutehandError as PointerMarks.check */
function refuseUnaccepted({ slot, role }: Standing, paths: Pick<HomePaths, 'models' | 'home'>): void {
  if (role === 'challenger') {
    readRollout(paths.models, MACHINE_FILES, trainerMarksOf(ROLLOUT_POINTER, paths));
    return;
  }
  const place = filesOf(paths.models, slot).active;
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

/** @throws MinutehandError MODEL_SCHEMA */
function refuseSchema(slot: SlotId, about: BundleFacts, { minutehand }: Settings): void {
  // A rule is read by the schema of this version alone.
  if (isRuleSlot(slot)) return;
  const expected = shelfOfSlot(slot).expectedSchema(slot, about, minutehand);
  if (about.schema !== expected)
    throw new MinutehandError('MODEL_SCHEMA', {
      seen: `feature schema ${about.schema} of ${about.version}`,
      expected,
    });
}

/** The bundle that each pointer names. A pointer that cannot be read names none. */
export function namedBundles(modelsFolder: string): (BundleInUse & Standing)[] {
  return namedModels(modelsFolder).map(({ slot, role, version }) => {
    const pointer = role === 'challenger' ? rolloutPath(modelsFolder) : filesOf(modelsFolder, slot).active.path;
    return { slot, role, pointer, folder: folderOf(slot, version, modelsFolder) };
  });
}

function namedModels(modelsFolder: string): Named[] {
  return slotReaders(modelsFolder).flatMap(([, read]) => quietly(read) ?? []);
}

/** Each place that a pointer can name, and what reads it: null where there is none. */
function slotReaders(modelsFolder: string): (readonly [Standing, () => Named | null])[] {
  const ofPointer = (slot: SlotId): readonly [Standing, () => Named | null] => [
    { slot, role: 'active' },
    () => {
      const pointer = readPointerFile(filesOf(modelsFolder, slot).active, MACHINE_FILES);
      if (pointer === null) return null;
      return { slot, role: 'active', version: pointer.version, despite: pointer.despite_gates ?? null };
    },
  ];
  return [
    ofPointer('pairs'),
    [{ slot: 'pairs', role: 'challenger' }, () => challengerOf(modelsFolder)],
    ...MODEL_SLOTS.filter((slot) => slot !== 'pairs').map(ofPointer),
    ...instrumentsWithRule(modelsFolder).map((instrument) => ofPointer(ruleSlot(instrument))),
  ];
}

/** null without an active rollout. @throws MinutehandError MODEL_MANIFEST, MODEL_FILE */
function challengerOf(modelsFolder: string): Named | null {
  const rollout = readRollout(modelsFolder);
  if (rollout?.status !== 'active') return null;
  const { challenger: version, despite_gates: despite = null } = rollout;
  return { slot: slotOfRollout(rollout), role: 'challenger', version, despite };
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

function aboutBundle(modelsFolder: string, slot: SlotId, version: string): AboutBundle {
  const folder = folderOf(slot, version, modelsFolder);
  const mark = markOf(folder);
  const before = known.get(folder);
  if (before?.mark === mark) return before;
  const found = readAbout(folder, slot, modelsFolder);
  // Bundles come and go; a few are named at a time.
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(folder, { mark, ...found });
  return found;
}

function readAbout(folder: string, slot: SlotId, modelsFolder: string): AboutBundle {
  let about: BundleFacts | null = null;
  try {
    if (isRuleSlot(slot)) about = factsOfRule(folder, modelsFolder);
    else {
      const shelf = shelfOfSlot(slot);
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
