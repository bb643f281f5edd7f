import { statSync } from 'node:fs';
import { join } from 'node:path';
import { refuseForeign } from '../../../shared/bundle/origin.ts';
import { readPointerFile, type PointerPlace } from '../../../shared/bundle/pointer.ts';
import type { DespiteGates, FailedGate } from '../../../shared/bundle/recorded_gates.ts';
import { instrumentsWithRule, ruleFolder, rulePlace } from '../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { ruleVerdicts } from '../../../shared/bundle/rule/rule_verdicts.ts';
import { readRollout, rolloutPath } from '../../../shared/bundle/rollout.ts';
import { daemonsOf, refuseUnservedFormulas } from '../../../shared/bundle/served_formulas.ts';
import { slotNameOf } from '../../../shared/bundle/shelf_name.ts';
import type { BundleFacts, BundleShelf } from '../../../shared/bundle/shelves/bundle_shelf.ts';
import { ALL_SHELVES, placeOfSlot, shelfOfSlot } from '../../../shared/bundle/shelves/registry.ts';
import type { BundleInUse } from '../../../shared/dependencies/models.ts';
import { describeError, MinutehandError, type ErrorReport } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { barSecondsOf, parseInstrument, type Timeframe, timeframeOf } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { runningOrigin } from '../../../shared/bundle/admission/running.ts';
import { pathInside } from '../../../shared/path_name.ts';

/**
 * Which bundle a pointer names: `pairs`, `direction 1h`, `rule BTCUSDT@1h`, or the `challenger` of an active rollout,
 * of a direction model `challenger 1h`.
 */
export type Slot = 'pairs' | 'challenger' | `challenger ${Timeframe}` | `direction ${Timeframe}` | `rule ${string}`;

export function isChallenger(slot: Slot): boolean {
  return slot.startsWith('challenger');
}

/** Timeframe of the slot of a direction model; null = it is of pairs, or of a rule. */
export function timeframeOfSlot(slot: Slot): Timeframe | null {
  if (instrumentOfSlot(slot) !== null) return null;
  const [, timeframe = null] = slot.split(' ') as [string, Timeframe?];
  return timeframe;
}

/** Instrument of the slot of a rule; null = it is another kind of slot. */
export function instrumentOfSlot(slot: Slot): string | null {
  return slot.startsWith('rule ') ? slot.slice('rule '.length) : null;
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

/** Models that a pointer names, and that this configuration does not run. */
export interface ForeignModels extends ErrorReport {
  readonly slot: Slot;
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
export function standingOverrides(modelsFolder: string): StandingOverride[] {
  return namedModels(modelsFolder).flatMap(({ slot, version, despite }) => {
    if (despite !== null) return [{ slot, version, ...despite }];
    const recorded = aboutBundle(modelsFolder, slot, version)?.recorded;
    // Gates that failed, and those without a verdict.
    const gates = recorded === undefined ? [] : [...recorded.failed, ...recorded.missing];
    return gates.length === 0 ? [] : [{ slot, version, gates, reason: '', by: '', at: '' }];
  });
}

/**
 * Models that the pointers name, of another market, timeframe or feature schema than the configuration’s, or with
 * formulas that are not served.
 */
export function foreignModels(settings: Settings, modelsFolder: string): ForeignModels[] {
  return namedModels(modelsFolder).flatMap(({ slot, version }) => {
    const about = aboutBundle(modelsFolder, slot, version);
    if (about === null) return [];
    try {
      const shelf = shelfServing(slot);
      refuseForeign(about, runningOrigin(settings, shelf));
      const windows = shelf.awaitingWindows(about, settings.minutehand);
      const role = isChallenger(slot) ? 'rollout' : 'active';
      if (windows !== null) refuseUnservedFormulas(version, windows, { role, daemons: daemonsOf(settings) });
      refuseSchema(slot, about, settings);
      return [];
    } catch (error) {
      return [{ slot, version, ...describeError(error) }];
    }
  });
}

/** The shelf whose subjects the bundle of a slot decides about; a rule answers in place of an instrument's model. */
function shelfServing(slot: Slot): BundleShelf {
  const instrument = instrumentOfSlot(slot);
  return shelfOfSlot(
    instrument === null ? timeframeOfSlot(slot) : timeframeOf(barSecondsOf(parseInstrument(instrument))),
  );
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
    const folder = folderOf(modelsFolder, slot, version);
    if (isChallenger(slot)) return { slot, pointer: rolloutPath(modelsFolder), folder };
    const instrument = instrumentOfSlot(slot);
    if (instrument !== null) return { slot, pointer: rulePlace(modelsFolder, instrument).path, folder };
    return { slot, pointer: placeOfSlot(modelsFolder, timeframeOfSlot(slot)).path, folder };
  });
}

function namedModels(modelsFolder: string): Named[] {
  const named: Named[] = [];
  const addPointer = (slot: Slot, place: PointerPlace): void => {
    const pointer = quietly(() => readPointerFile(place, MACHINE_FILES));
    if (pointer !== null) named.push({ slot, version: pointer.version, despite: pointer.despite_gates ?? null });
  };
  addPointer('pairs', placeOfSlot(modelsFolder, null));
  const rollout = quietly(() => readRollout(modelsFolder));
  if (rollout?.status === 'active')
    named.push({
      slot: rollout.timeframe === undefined ? 'challenger' : `challenger ${rollout.timeframe}`,
      version: rollout.challenger,
      despite: rollout.despite_gates ?? null,
    });
  for (const { timeframe, place } of ALL_SHELVES.flatMap((shelf) => shelf.places(modelsFolder)))
    if (timeframe !== null) addPointer(slotNameOf(timeframe), place);
  for (const instrument of instrumentsWithRule(modelsFolder))
    addPointer(`rule ${instrument}`, rulePlace(modelsFolder, instrument));
  return named;
}

/** The folder of a bundle that a pointer names. */
function folderOf(modelsFolder: string, slot: Slot, version: string): string {
  const isRule = instrumentOfSlot(slot) !== null;
  const shelf = isRule ? ruleFolder(modelsFolder) : shelfOfSlot(timeframeOfSlot(slot)).folder(modelsFolder);
  return pathInside(shelf, version);
}

const MAX_KNOWN = 100;
/** By path; a manifest is read again when its file changes. */
const known = new Map<string, { readonly mark: string; readonly about: BundleFacts | null }>();

/** null: its manifest cannot be read. */
function aboutBundle(modelsFolder: string, slot: Slot, version: string): BundleFacts | null {
  const folder = folderOf(modelsFolder, slot, version);
  const mark = markOf(join(folder, 'manifest.json'));
  const before = known.get(folder);
  if (before?.mark === mark) return before.about;
  const isRule = instrumentOfSlot(slot) !== null;
  const about = quietly(() =>
    isRule ? factsOfRule(folder, modelsFolder) : shelfOfSlot(timeframeOfSlot(slot)).facts(folder),
  );
  // Bundles come and go; a few are named at a time.
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(folder, { mark, about });
  return about;
}

function factsOfRule(folder: string, modelsFolder: string): BundleFacts {
  const rule = readRuleBundle(folder);
  const { version, market, instrument, feature_schema: schema } = rule.manifest;
  const timeframes = [timeframeOf(barSecondsOf(parseInstrument(instrument)))];
  return { version, market, timeframes, schema, windows: {}, recorded: ruleVerdicts(rule, modelsFolder) };
}

function markOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return 'absent';
  }
}

function quietly<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch {
    return null;
  }
}
