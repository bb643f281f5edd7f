import type { Logger } from 'pino';
import { refuseForeign } from '../../shared/bundle/origin.ts';
import { ruleFolder, rulePlace } from '../../shared/bundle/rule/active_rule.ts';
import type { RuleModel } from '../../shared/bundle/rule/rule_bundle.ts';
import { RULE_REPORT } from '../../shared/bundle/rule/rule_manifest.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { barSecondsOf, timeframeOf, type Pair } from '../../shared/pair.ts';
import { pathInside } from '../../shared/path_name.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import type { MarketKind } from '../../shared/signal/signal.ts';
import type { DegradationInput, RuleInput } from '../queue/input.ts';
import { bundlePaths } from './file_mark.ts';
import type { ModelRefusal } from './followed_models.ts';
import { FollowedSlots, type FollowedMarks } from './followed_slots.ts';

const BUNDLE_FILES = ['manifest.json', RULE_REPORT];

export interface FollowedRulesOptions {
  readonly modelsFolder: string;
  readonly instruments: readonly Pair[];
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
  readonly log: Logger;
  print(line: string): void;
}

/**
 * Follows the pointers `models/rule/<instrument>.json`. Where one is removed, the rule ends and the direction model
 * answers again.
 */
export class FollowedRules {
  readonly #slots: FollowedSlots<string, RuleModel>;

  constructor(options: FollowedRulesOptions) {
    const { modelsFolder, instruments, market, files, load, apply, log, print } = options;
    const folderOf = (version: string): string => pathInside(ruleFolder(modelsFolder), version);
    const timeframes = new Map(instruments.map((own) => [own.id, timeframeOf(barSecondsOf(own))]));
    this.#slots = new FollowedSlots({
      ...options,
      keys: instruments.map(({ id }) => id),
      placeOf: (instrument) => rulePlace(modelsFolder, instrument),
      pathsOf: (version) => bundlePaths(folderOf(version), BUNDLE_FILES, files),
      load: async (version, instrument) => {
        const rule = await load(folderOf(version));
        const { manifest } = rule;
        if (manifest.instrument !== instrument)
          throw new MinutehandError('MODEL_TIMEFRAME', {
            seen: `the rule ${version} was judged for ${manifest.instrument}`,
            expected: instrument,
          });
        const running = { market, timeframes: [timeframes.get(instrument)!] };
        refuseForeign({ version, market: manifest.market, timeframes: running.timeframes }, running);
        return rule;
      },
      apply(instrument, rule) {
        apply({ kind: 'rule', instrument, rule });
        const version = rule?.manifest.version ?? null;
        log.info({ instrument, version }, version === null ? 'rule ended' : 'rule active');
        print(
          version === null
            ? `The rule of ${instrument} has ended.`
            : `Rule ${version} (${rule!.strategy.name}) answers for ${instrument}.`,
        );
      },
      withoutPointer: 'ends',
      onProved: () => apply({ kind: 'degraded', what: 'rule_pointer' }),
      onAccepted: () => apply({ kind: 'recovered', what: 'rule_pointer' }),
      texts: {
        slot: (instrument) => `rule ${instrument}`,
        pointer: (instrument) => `rule/${instrument}.json`,
        title: 'Rule',
      },
    });
  }

  /** Why a rule that a pointer names is not active. */
  get refused(): ModelRefusal | null {
    return this.#slots.refused;
  }

  /** Looks now; resolves when what was found is loaded or refused. */
  check(): Promise<void> {
    return this.#slots.check();
  }

  stop(): Promise<void> {
    return this.#slots.stop();
  }
}
