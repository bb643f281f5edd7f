import { listVersions } from '../../../shared/bundle/bundle.ts';
import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import {
  instrumentsWithRule,
  instrumentsWithRuleShadow,
  readActiveRule,
  readRuleShadow,
  ruleFolder,
} from '../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { SHELVES_OF_RULES } from '../../../shared/bundle/shelves/rules.ts';
import { ruleVerdicts } from '../../../shared/bundle/rule/rule_verdicts.ts';
import { describeError } from '../../../shared/errors.ts';
import { quietly } from '../../../shared/quietly.ts';
import { pathInside } from '../../../shared/path_name.ts';

/** A rule in a list. */
export interface ListedRule {
  readonly version: string;
  readonly served: boolean;
  /** Answers along, unpublished. */
  readonly shadow: boolean;
  readonly instrument: string | null;
  readonly name: string | null;
  readonly origin: string | null;
  /** The strategy in the source code whose bundle it is; null: it is of a strategy file. */
  readonly strategy: string | null;
  readonly no_edge: boolean | null;
  readonly failed_gates: readonly string[];
  readonly missing_gates: readonly string[];
  readonly error: string | null;
}

/** The rules that an installation keeps, oldest first. A damaged pointer names none: `refused_models` tells of it. */
export function keptRules(models: string): readonly ListedRule[] {
  const served = Object.values(servedRules(models));
  const shadows = instrumentsWithRuleShadow(models).map((id) => quietly(() => readRuleShadow(models, id)));
  const useOf = (version: string) => ({ served: served.includes(version), shadow: shadows.includes(version) });
  const ofFiles = listVersions(ruleFolder(models)).map((version) => listedRule(models, version, useOf(version)));
  const ofStrategies = SHELVES_OF_RULES.flatMap((shelf) =>
    listVersions(shelf.folder(models)).map((version) => listedBundle(shelf, models, version, useOf(version))),
  );
  return [...ofFiles, ...ofStrategies];
}

/** Version by instrument, as in keptRules. */
export function servedRules(models: string): Record<string, string> {
  const named = instrumentsWithRule(models).flatMap((instrument) => {
    const active = quietly(() => readActiveRule(models, instrument));
    return active === null ? [] : [[instrument, active.version] as const];
  });
  return Object.fromEntries(named);
}

/** Version in shadow by instrument. @throws MinutehandError as readActiveRule */
export function ruleShadows(models: string): Record<string, string> {
  const named = instrumentsWithRuleShadow(models).flatMap((instrument) => {
    const version = readRuleShadow(models, instrument);
    return version === null ? [] : [[instrument, version] as const];
  });
  return Object.fromEntries(named);
}

function listedRule(models: string, version: string, use: Pick<ListedRule, 'served' | 'shadow'>): ListedRule {
  try {
    const rule = readRuleBundle(pathInside(ruleFolder(models), version));
    const { manifest } = rule;
    const { failed, missing } = ruleVerdicts(rule, models);
    return {
      version,
      ...use,
      instrument: manifest.instrument,
      name: manifest.strategy.name,
      origin: manifest.origin,
      strategy: null,
      no_edge: manifest.edge.no_edge,
      failed_gates: failed.map(keyOf),
      missing_gates: missing.map(keyOf),
      error: null,
    };
  } catch (error) {
    return { version, ...use, ...unread(error), strategy: null };
  }
}

function listedBundle(
  shelf: (typeof SHELVES_OF_RULES)[number],
  models: string,
  version: string,
  use: Pick<ListedRule, 'served' | 'shadow'>,
): ListedRule {
  const { strategy } = shelf;
  try {
    const folder = pathInside(shelf.folder(models), version);
    const { manifest, strategy: own } = shelf.openRule(folder);
    const { failed, missing } = shelf.facts(folder).recorded;
    return {
      version,
      ...use,
      instrument: manifest.instrument,
      name: own.name,
      origin: null,
      strategy,
      no_edge: manifest.edge.no_edge,
      failed_gates: failed.map(keyOf),
      missing_gates: missing.map(keyOf),
      error: null,
    };
  } catch (error) {
    return { version, ...use, ...unread(error), strategy };
  }
}

function unread(error: unknown) {
  const { code, message } = describeError(error);
  const nothing = { instrument: null, name: null, origin: null, no_edge: null, failed_gates: [], missing_gates: [] };
  return { ...nothing, error: `${code}: ${message}` };
}
