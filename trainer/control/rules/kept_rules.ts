import { listVersions } from '../../../shared/bundle/bundle.ts';
import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import {
  folderOfRule,
  instrumentsWithRule,
  instrumentsWithRuleShadow,
  readActiveRule,
  readRuleShadow,
  ruleFolder,
} from '../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { ruleVerdicts } from '../../../shared/bundle/rule/rule_verdicts.ts';
import { describeError } from '../../../shared/errors.ts';
import { quietly } from '../../../shared/quietly.ts';

/** A rule in a list. */
export interface ListedRule {
  readonly version: string;
  readonly served: boolean;
  /** Answers along, unpublished. */
  readonly shadow: boolean;
  readonly instrument: string | null;
  readonly name: string | null;
  readonly origin: string | null;
  readonly no_edge: boolean | null;
  readonly failed_gates: readonly string[];
  readonly missing_gates: readonly string[];
  readonly error: string | null;
}

/** The rules that an installation keeps, oldest first. A damaged pointer names none: `refused_models` tells of it. */
export function keptRules(models: string): readonly ListedRule[] {
  const served = Object.values(servedRules(models));
  const shadows = instrumentsWithRuleShadow(models).map((id) => quietly(() => readRuleShadow(models, id)));
  return listVersions(ruleFolder(models)).map((version) =>
    listedRule(models, version, { served: served.includes(version), shadow: shadows.includes(version) }),
  );
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
    const rule = readRuleBundle(folderOfRule(models, version));
    const { manifest } = rule;
    const { failed, missing } = ruleVerdicts(rule, models);
    return {
      version,
      ...use,
      instrument: manifest.instrument,
      name: manifest.strategy.name,
      origin: manifest.origin,
      no_edge: manifest.edge.no_edge,
      failed_gates: failed.map(keyOf),
      missing_gates: missing.map(keyOf),
      error: null,
    };
  } catch (error) {
    return { version, ...use, ...unread(error) };
  }
}

function unread(error: unknown) {
  const { code, message } = describeError(error);
  const nothing = { instrument: null, name: null, origin: null, no_edge: null, failed_gates: [], missing_gates: [] };
  return { ...nothing, error: `${code}: ${message}` };
}
