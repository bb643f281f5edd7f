import type { Logger } from 'pino';
import { refuseForeign } from '../../shared/bundle/origin.ts';
import { folderOfRule } from '../../shared/bundle/rule/active_rule.ts';
import type { PointerPlace } from '../../shared/bundle/pointer.ts';
import type { RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import { RULE_REPORT } from '../../shared/bundle/rule/rule_manifest.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { barSecondsOf, timeframeOf, type Pair } from '../../shared/pair.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import type { MarketKind } from '../../shared/signal/signal.ts';
import type { LastSignal } from '../../shared/store/journal.ts';
import { SERVED_RULE_PREFIX } from '../../shared/signal/instrument_signal.ts';
import { rulePointer } from '../queue/degradation_set.ts';
import type { DegradationInput, RuleInput, RuleShadowInput } from '../queue/input.ts';
import { bundlePaths } from './file_mark.ts';
import { positionsOf } from './followed_models.ts';
import { FollowedSlots, type FollowedMarks, type FollowedSlotsOptions } from './followed_slots.ts';
import { filesOf } from '../../shared/bundle/slot_files.ts';
import { ruleSlot } from '../../shared/subject/slot.ts';

const BUNDLE_FILES = ['manifest.json', RULE_REPORT];

export interface FollowedRulesOptions {
  readonly modelsFolder: string;
  /** Those that rules may answer for. */
  readonly subjects: readonly Pair[];
  readonly market: MarketKind;
  /** High-water marks of each pointer; null = any is accepted. */
  marksOf(instrument: string): FollowedMarks | null;
  readonly pollMs: number;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  /** Reads and verifies a rule, and computes its formulas over the last bars. @throws MinutehandError */
  load(folder: string): Promise<RuleModel>;
  apply(input: RuleInput | DegradationInput): void;
  onRefused(code: string): void;
  onFailed(code: string): void;
  readonly log: Logger;
  print(line: string): void;
}

/**
 * Follows the pointers `models/rule/<instrument>.json`. Where one is removed, the rule ends and the models answer
 * again.
 */
export function followRules(options: FollowedRulesOptions): FollowedSlots<string, RuleModel> {
  const { modelsFolder, apply, log, print } = options;
  const degrade = (instrument: string): void => apply({ kind: 'degraded', ...rulePointer(instrument) });
  return new FollowedSlots({
    ...slotsOfRules(options, (instrument) => filesOf(modelsFolder, ruleSlot(instrument)).active),
    apply(instrument, rule) {
      apply({ kind: 'rule', instrument, rule });
      const version = rule?.manifest.version ?? null;
      log.info({ instrument, version }, version === null ? 'rule ended' : 'rule active');
      print(
        rule === null
          ? `The rule of ${instrument} has ended.`
          : `Rule ${version} (${rule.strategy.name}) answers for ${instrument}.`,
      );
    },
    onProved: degrade,
    // The models answer in place of the rule that a person has promoted.
    onUnserved: degrade,
    onAccepted: (instrument) => apply({ kind: 'recovered', ...rulePointer(instrument) }),
    texts: {
      slot: (instrument) => `rule ${instrument}`,
      pointer: (instrument) => `rule/${instrument}.json`,
      title: 'Rule',
    },
  });
}

export interface FollowedRuleShadowsOptions extends Omit<FollowedRulesOptions, 'apply'> {
  apply(input: RuleShadowInput): void;
  /** Last virtual answers of a shadow, by the version that its answers state. */
  lastShadows(version: string): readonly LastSignal[];
}

/** Follows the pointers `models/rule/shadow_<instrument>.json`: nothing of what they name is published. */
export function followRuleShadows(options: FollowedRuleShadowsOptions): FollowedSlots<string, RuleModel> {
  const { modelsFolder, apply, lastShadows, print } = options;
  return new FollowedSlots({
    ...slotsOfRules(options, (instrument) => filesOf(modelsFolder, ruleSlot(instrument)).shadow),
    apply(instrument, rule) {
      const version = rule?.manifest.version ?? null;
      const last = version === null ? [] : lastShadows(`${SERVED_RULE_PREFIX}${version}`);
      apply({ kind: 'rule_shadow', instrument, rule, positions: positionsOf(last) });
      print(
        rule === null
          ? `No rule in shadow for ${instrument} any more.`
          : `Rule ${version} (${rule.strategy.name}) answers in shadow for ${instrument}, unpublished.`,
      );
    },
    texts: {
      slot: (instrument) => `shadow of rule ${instrument}`,
      pointer: (instrument) => `rule/shadow_${instrument}.json`,
      title: 'Rule in shadow',
    },
  });
}

/** Loads a rule, and refuses that of another instrument, market or length of bars. @throws MinutehandError */
export function ownRuleLoader(
  options: Pick<FollowedRulesOptions, 'modelsFolder' | 'subjects' | 'market' | 'load'>,
): (version: string, instrument: string) => Promise<RuleModel> {
  const { modelsFolder, subjects, market, load } = options;
  const timeframes = new Map(subjects.map((own) => [own.id, timeframeOf(barSecondsOf(own))]));
  return async (version, instrument) => {
    const rule = await load(folderOfRule(modelsFolder, version));
    const { manifest } = rule;
    if (manifest.instrument !== instrument)
      throw new MinutehandError('MODEL_TIMEFRAME', {
        seen: `the rule ${version} was judged for ${manifest.instrument}`,
        expected: instrument,
      });
    const running = { market, timeframes: [timeframes.get(instrument)!] };
    refuseForeign({ version, market: manifest.market, timeframes: running.timeframes }, running);
    return rule;
  };
}

/** What served rules and those in shadow have in common. */
function slotsOfRules(
  options: Omit<FollowedRulesOptions, 'apply'>,
  placeOf: (instrument: string) => PointerPlace,
): Omit<FollowedSlotsOptions<string, RuleModel>, 'apply' | 'onProved' | 'onAccepted' | 'texts'> {
  const { modelsFolder, subjects, files } = options;
  return {
    ...options,
    keys: subjects.map(({ id }) => id),
    placeOf,
    pathsOf: (version) => bundlePaths(folderOfRule(modelsFolder, version), BUNDLE_FILES, files),
    load: ownRuleLoader(options),
    withoutPointer: 'ends',
  };
}
