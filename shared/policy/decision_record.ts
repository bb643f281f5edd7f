import { withOpenLimits } from './exposure_limits.ts';
import { policyHash, hashedText, type DecisionRules } from './policy_hash.ts';
import { tradingCosts, type TradingCosts } from './costs.ts';
import { decisionPolicy, type Settings } from './policy.ts';
import type { DecisionPolicy as CoreDecisionPolicy } from '../strategies/pair_reversion/pair_input.ts';
import type { CorePolicy, DecisionPolicy, MinutehandSettings } from './schema.ts';

/** The part of the configuration that steers decisions: what policy_hash covers. */
export interface DecisionRecord {
  readonly policyHash: string;
  /** Canonical JSON of {core, decision, symbols, rules}: the journal keeps it, and `parseDecisionRecord` reads it. */
  readonly text: string;
  readonly policy: CoreDecisionPolicy;
  /** By symbol. */
  readonly costs: Readonly<Record<string, TradingCosts>>;
}

export function decisionRecord(settings: Pick<Settings, 'core' | 'minutehand' | 'rules'>): DecisionRecord {
  const { core, minutehand, rules } = settings;
  const { decision, symbols } = minutehand;
  return {
    policyHash: policyHash(core, decision, symbols, rules),
    text: hashedText(core, decision, symbols, rules),
    policy: decisionPolicy(settings),
    costs: tradingCosts(settings),
  };
}

/** @throws SyntaxError when it is not what `decisionRecord` wrote */
export function parseDecisionRecord(text: string): DecisionRecord {
  const { core, decision, symbols, rules } = parseRecord(text);
  return decisionRecord({ core, minutehand: { decision, symbols } as MinutehandSettings, ...rules });
}

/** The settings with the policy of a decision record. @throws SyntaxError */
export function settingsOfRecord(text: string, policyHash: string, settings: Settings): Settings {
  const { core, decision, symbols, rules } = parseRecord(text);
  const { rules: _own, ...others } = settings;
  return { ...others, core, minutehand: { ...settings.minutehand, decision, symbols }, policyHash, ...rules };
}

/** Records of the first version name no rules. */
function parseRecord(text: string): {
  readonly core: CorePolicy;
  readonly decision: DecisionPolicy;
  readonly symbols: MinutehandSettings['symbols'];
  readonly rules: Pick<Settings, 'rules'>;
} {
  const { rules = 1, ...values } = JSON.parse(text) as {
    core: CorePolicy;
    decision: DecisionPolicy;
    symbols: MinutehandSettings['symbols'];
    rules?: DecisionRules;
  };
  return { ...values, core: withOpenLimits(values.core), rules: rules === 1 ? { rules } : {} };
}
