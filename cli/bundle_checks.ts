import { basename, dirname } from 'node:path';
import { listVersions } from '../shared/bundle/bundle.ts';
import { keyOf } from '../shared/bundle/gates/gate_result.ts';
import type { RecordedGates } from '../shared/bundle/recorded_gates.ts';
import { ruleVerdicts } from '../shared/bundle/rule/rule_verdicts.ts';
import { ALL_SHELVES, shelfOfSlot } from '../shared/bundle/shelves/registry.ts';
import { slotPointers, type SlotPointers } from '../shared/bundle/shelves/slot_pointers.ts';
import {
  instrumentsWithRule,
  instrumentsWithRuleShadow,
  readActiveRule,
  readRuleShadow,
  ruleFolder,
} from '../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import { describeError } from '../shared/errors.ts';
import { parseInstrument } from '../shared/pair.ts';
import { pathInside } from '../shared/path_name.ts';
import { quietly } from '../shared/quietly.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { StrategyName } from '../shared/strategies/registry.ts';
import { namedBundles } from '../trainer/control/admission/standing.ts';
import { commandsOfShelf } from './strategies/registry.ts';
import { modelSlotOf, type ModelSlotId } from '../shared/subject/slot.ts';

/** What a bundle is for. */
export type BundleStrategy = StrategyName | 'formula_rule';

/** A bundle after its verification. */
export interface CheckedBundle {
  readonly strategy: BundleStrategy;
  readonly version: string;
  readonly role: 'active' | 'previous' | 'challenger' | 'shadow' | null;
  readonly ok: boolean;
  /** Gates that its training failed. */
  readonly failed_gates: readonly string[];
  /** Rows scored per second; null unless measured, and for a rule, which has no model. */
  readonly rows_per_second: number | null;
  readonly error: string | null;
}

/** What a bundle says once it was loaded. */
interface Loaded {
  readonly gates: RecordedGates;
  readonly rows_per_second: number | null;
}

/** The bundles of one strategy: a folder with versions, and who points at them. */
interface Shelf {
  readonly strategy: BundleStrategy;
  readonly folder: string;
  readonly active: readonly (Pick<SlotPointers, 'version' | 'previous'> | null)[];
  readonly challengers: readonly string[];
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

function shelvesOf(models: string, settings: Settings, isTimed: boolean): readonly Shelf[] {
  const challengers = namedBundles(models).filter(({ role }) => role === 'challenger');
  const challengersIn = (shelf: string): readonly string[] =>
    challengers.filter(({ folder }) => dirname(folder) === shelf).map(({ folder }) => basename(folder));
  // A damaged pointer names nothing here: `modelProblems` tells of it.
  const servedRules = instrumentsWithRule(models).map((instrument) =>
    quietly(() => readActiveRule(models, instrument)),
  );
  const ruleShadows = instrumentsWithRuleShadow(models)
    .map((instrument) => quietly(() => readRuleShadow(models, instrument)))
    .filter((version) => version !== null);
  const ofModels = ALL_SHELVES.map((own): Shelf => {
    const slots = own.places(models).map(({ slot }) => slotPointers(models, slot));
    return {
      strategy: own.strategy,
      folder: own.folder(models),
      active: slots,
      challengers: challengersIn(own.folder(models)),
      shadows: slots.map(({ shadow }) => shadow).filter((version) => version !== null),
      async load(folder) {
        const gates = own.facts(folder).recorded;
        return { gates, rows_per_second: await commandsOfShelf(own.name).score(folder, settings, isTimed) };
      },
    };
  });
  const rules: Shelf = {
    strategy: 'formula_rule',
    folder: ruleFolder(models),
    active: servedRules,
    challengers: challengersIn(ruleFolder(models)),
    shadows: ruleShadows,
    load: (folder) => ({ gates: ruleVerdicts(readRuleBundle(folder), models), rows_per_second: null }),
  };
  return [...ofModels, rules];
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

function roleOf({ active, challengers, shadows }: Shelf, version: string): CheckedBundle['role'] {
  if (active.some((pointer) => pointer?.version === version)) return 'active';
  if (challengers.includes(version)) return 'challenger';
  if (active.some((pointer) => pointer?.previous === version)) return 'previous';
  return shadows.includes(version) ? 'shadow' : null;
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
  const isUsable = (strategy: BundleStrategy, version: string | null): boolean =>
    checked.some((one) => one.strategy === strategy && one.ok && one.version === version);
  const isServed = (slot: ModelSlotId): boolean =>
    isUsable(shelfOfSlot(slot).strategy, slotPointers(models, slot).version);
  const hasRule = (subject: string): boolean => {
    const version = quietly(() => readActiveRule(models, subject))?.version ?? null;
    return isUsable('formula_rule', version);
  };
  const hasModel = (instrument: string): boolean =>
    isServed(modelSlotOf(parseInstrument(instrument))) || hasRule(instrument);
  const pairs = minutehand.pairs.length === 0 || isServed('pairs') ? [] : ['pairs'];
  return [...pairs, ...minutehand.instruments.filter((instrument) => !hasModel(instrument))];
}
