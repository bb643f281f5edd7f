import { statSync } from 'node:fs';
import { join } from 'node:path';
import { activePath, readActiveFile, readManifest } from '../../../shared/bundle/bundle.ts';
import {
  directionFolder,
  directionPlace,
  liveInstrumentSchema,
} from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { bundleInstrumentSchema, bundleSchema, featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { refuseForeign, timeframesOf, type BundleOrigin } from '../../../shared/bundle/origin.ts';
import { readPointerFile } from '../../../shared/bundle/pointer.ts';
import {
  recordedDirectionGates,
  recordedGates,
  recordedRuleGates,
  type DespiteGates,
  type FailedGate,
  type RecordedGates,
} from '../../../shared/bundle/recorded_gates.ts';
import { instrumentsWithRule, ruleFolder, rulePlace } from '../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { readRollout, rolloutPath } from '../../../shared/bundle/rollout.ts';
import type { BundleInUse } from '../../../shared/dependencies/models.ts';
import { describeError, MinutehandError, type ErrorReport } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import {
  barSecondsOf,
  parseInstrument,
  type Timeframe,
  TIMEFRAME_NAMES,
  timeframeOf,
  TIMEFRAMES,
} from '../../../shared/pair.ts';
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

function isOfPairs(slot: Slot): boolean {
  return slot === 'pairs' || slot === 'challenger';
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
    const { notPassed } = aboutBundle(modelsFolder, slot, version) ?? { notPassed: [] };
    return notPassed.length === 0 ? [] : [{ slot, version, gates: notPassed, reason: '', by: '', at: '' }];
  });
}

/** Models that the pointers name, of another market, timeframe or feature schema than the configuration’s. */
export function foreignModels(settings: Settings, modelsFolder: string): ForeignModels[] {
  return namedModels(modelsFolder).flatMap(({ slot, version }) => {
    const about = aboutBundle(modelsFolder, slot, version);
    if (about === null) return [];
    try {
      const running = runningOrigin(settings, isOfPairs(slot));
      refuseForeign(about, running);
      refuseSchema(slot, about, settings);
      return [];
    } catch (error) {
      return [{ slot, version, ...describeError(error) }];
    }
  });
}

/** @throws MinutehandError MODEL_SCHEMA */
function refuseSchema(slot: Slot, { version, schema, windows }: AboutBundle, { minutehand }: Settings): void {
  const instrument = instrumentOfSlot(slot);
  // A rule is read by the schema of this version alone.
  if (instrument !== null) return;
  const timeframe = timeframeOfSlot(slot);
  const expected =
    timeframe === null
      ? bundleSchema(featureSchema(minutehand.windows), { version, windows }).hash
      : bundleInstrumentSchema(liveInstrumentSchema(TIMEFRAMES[timeframe]), { version, windows }).hash;
  if (schema !== expected)
    throw new MinutehandError('MODEL_SCHEMA', { seen: `feature schema ${schema} of ${version}`, expected });
}

/** The bundle that each pointer names. A pointer that cannot be read names none. */
export function namedBundles(modelsFolder: string): (BundleInUse & { readonly slot: Slot })[] {
  return namedModels(modelsFolder).map(({ slot, version }) => {
    if (slot === 'pairs') return { slot, pointer: activePath(modelsFolder), folder: pathInside(modelsFolder, version) };
    const timeframe = timeframeOfSlot(slot);
    if (isChallenger(slot)) {
      const shelf = timeframe === null ? modelsFolder : directionFolder(modelsFolder);
      return { slot, pointer: rolloutPath(modelsFolder), folder: pathInside(shelf, version) };
    }
    const instrument = instrumentOfSlot(slot);
    if (instrument !== null)
      return {
        slot,
        pointer: rulePlace(modelsFolder, instrument).path,
        folder: pathInside(ruleFolder(modelsFolder), version),
      };
    const folder = pathInside(directionFolder(modelsFolder), version);
    return { slot, pointer: directionPlace(modelsFolder, timeframe!).path, folder };
  });
}

function namedModels(modelsFolder: string): Named[] {
  const active = quietly(() => readActiveFile(modelsFolder));
  const rollout = quietly(() => readRollout(modelsFolder));
  const named: Named[] = [];
  if (active !== null) named.push({ slot: 'pairs', version: active.version, despite: active.despite_gates ?? null });
  if (rollout?.status === 'active')
    named.push({
      slot: rollout.timeframe === undefined ? 'challenger' : `challenger ${rollout.timeframe}`,
      version: rollout.challenger,
      despite: rollout.despite_gates ?? null,
    });
  for (const timeframe of TIMEFRAME_NAMES) {
    const pointer = quietly(() => readPointerFile(directionPlace(modelsFolder, timeframe), MACHINE_FILES));
    const slot = `direction ${timeframe}` as const;
    if (pointer !== null) named.push({ slot, version: pointer.version, despite: pointer.despite_gates ?? null });
  }
  for (const instrument of instrumentsWithRule(modelsFolder)) {
    const pointer = quietly(() => readPointerFile(rulePlace(modelsFolder, instrument), MACHINE_FILES));
    const slot = `rule ${instrument}` as const;
    if (pointer !== null) named.push({ slot, version: pointer.version, despite: pointer.despite_gates ?? null });
  }
  return named;
}

interface AboutBundle extends BundleOrigin {
  readonly schema: string;
  /** Of its manifest. */
  readonly windows: Manifest['windows'];
  /** Gates that failed, and those without a verdict. */
  readonly notPassed: readonly FailedGate[];
}

const MAX_KNOWN = 100;
/** By path; a manifest is read again when its file changes. */
const known = new Map<string, { readonly mark: string; readonly about: AboutBundle | null }>();

/** null: its manifest cannot be read. */
function aboutBundle(modelsFolder: string, slot: Slot, version: string): AboutBundle | null {
  const isRule = instrumentOfSlot(slot) !== null;
  const ofInstruments = isRule ? ruleFolder(modelsFolder) : directionFolder(modelsFolder);
  const folder = pathInside(isOfPairs(slot) ? modelsFolder : ofInstruments, version);
  const mark = markOf(join(folder, 'manifest.json'));
  const before = known.get(folder);
  if (before?.mark === mark) return before.about;
  const read = isRule ? aboutRule : isOfPairs(slot) ? aboutPairs : aboutDirection;
  const about = quietly(() => read(folder));
  // Bundles come and go; a few are named at a time.
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(folder, { mark, about });
  return about;
}

function aboutPairs(folder: string): AboutBundle {
  const manifest = readManifest(folder);
  const { version, market, pairs, windows, feature_schema: schema } = manifest;
  const gates = notPassed(recordedGates(manifest));
  return { version, market, timeframes: timeframesOf(pairs), schema, windows, notPassed: gates };
}

function aboutDirection(folder: string): AboutBundle {
  const { manifest } = readDirectionBundle(folder);
  const { version, market, timeframe, windows, feature_schema: schema } = manifest;
  const timeframes = [timeframeOf(timeframe)];
  return { version, market, timeframes, schema, windows, notPassed: notPassed(recordedDirectionGates(manifest)) };
}

function aboutRule(folder: string): AboutBundle {
  const { manifest } = readRuleBundle(folder);
  const { version, market, instrument, feature_schema: schema } = manifest;
  const timeframes = [timeframeOf(barSecondsOf(parseInstrument(instrument)))];
  const gates = notPassed(recordedRuleGates(manifest));
  return { version, market, timeframes, schema, windows: {}, notPassed: gates };
}

function notPassed({ failed, missing }: RecordedGates): FailedGate[] {
  return [...failed, ...missing];
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
