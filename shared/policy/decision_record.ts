import { policyHash, hashedText } from './policy_hash.ts';
import { tradingCosts, type TradingCosts } from './costs.ts';
import { decisionPolicy, type Settings } from './policy.ts';
import type { DecisionPolicy as CoreDecisionPolicy } from '../core/decide/decide.ts';
import type { CorePolicy, DecisionPolicy, MinutehandSettings } from './schema.ts';

/** The part of the configuration that steers decisions: what policy_hash covers. */
export interface DecisionRecord {
  readonly policyHash: string;
  /** Canonical JSON of {core, decision, symbols}: the journal keeps it, and `parseDecisionRecord` reads it. */
  readonly text: string;
  readonly policy: CoreDecisionPolicy;
  /** By symbol. */
  readonly costs: Readonly<Record<string, TradingCosts>>;
}

export function decisionRecord(settings: Pick<Settings, 'core' | 'minutehand'>): DecisionRecord {
  const { core, minutehand } = settings;
  const { decision, symbols } = minutehand;
  return {
    policyHash: policyHash(core, decision, symbols),
    text: hashedText(core, decision, symbols),
    policy: decisionPolicy(settings),
    costs: tradingCosts(settings),
  };
}

/** @throws SyntaxError when it is not what `decisionRecord` wrote */
export function parseDecisionRecord(text: string): DecisionRecord {
  const { core, decision, symbols } = JSON.parse(text) as {
    core: CorePolicy;
    decision: DecisionPolicy;
    symbols: MinutehandSettings['symbols'];
  };
  return decisionRecord({ core, minutehand: { decision, symbols } as MinutehandSettings });
}
