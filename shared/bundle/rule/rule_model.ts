import type { InstrumentReading } from '../../core/formula/bar_inputs.ts';
import type { Formula } from '../../core/formula/formula.ts';
import type { ConditionState } from '../../core/rule/conditions.ts';
import type { StandingOrders } from '../../core/rule/standing_conditions.ts';
import type { OpenTime } from '../../bar.ts';
import type { InstrumentReason } from '../../signal/instrument_signal.ts';
import type { InstrumentPosition, InstrumentStep, KeptExits } from '../../strategies/instrument_position.ts';
import type { RuleManifest } from './rule_manifest.ts';

/** A strategy file, judged and ready to be served for its instrument. */
export interface RuleModel {
  readonly manifest: Pick<RuleManifest, 'version' | 'market' | 'instrument' | 'direction' | 'feature_schema'> & {
    readonly edge: Pick<RuleManifest['edge'], 'no_edge'>;
  };
  /** SHA-256 of the manifest, which names all other files by theirs. */
  readonly modelsHash: string;
  /** null: the file has no such formula. */
  readonly strategy: {
    readonly name: string;
    readonly entryLong: Formula | null;
    readonly entryShort: Formula | null;
    readonly exit: Formula | null;
  };
  /** What it computes of its instrument. @param barSeconds of the instrument */
  createFormulas(barSeconds: number): RuleFormulas;
}

/**
 * What a rule computes of one subject, bar by bar, behind its hand-written features. After `warmUpBars` bars its values
 * are a pure function of that many last bars, to the bit.
 */
export interface BarFormulas<Reading> {
  readonly warmUpBars: number;
  /** Whether enough bars have been taken that the values depend on no earlier ones. */
  readonly isWarm: boolean;
  /** Takes the next bar, whose objects and arrays belong to the caller. */
  step(reading: Reading): void;
}

/** What the decision on a bar reads beside what the rule computes. */
export interface RuleBar extends StandingOrders {
  readonly close: number;
  /** Whether its judgement shows an edge after costs, or the policy requires none. */
  readonly hasEdge: boolean;
  /**
   * Of a rule that reads the answers of a direction model, while a limit holds: share of the model's training rows that
   * are farther out; NaN or absent where it is not known. An entry below the limit is refused, whatever the rule says.
   */
  readonly novelty?: number | undefined;
  /** `novelty_min` of the policy; absent: none. */
  readonly noveltyMin?: number | undefined;
}

/** That of an instrument, and what it decides by it. What reads probabilities is computed by `finish`, or next. */
export interface RuleFormulas extends BarFormulas<InstrumentReading> {
  readonly rule: RuleModel;
  /** Of a position that it would enter. */
  readonly exits: KeptExits;
  /** @param probabilities that the direction model gave the bar, of this row; null = none that the rule may read */
  finish(probabilities: ArrayLike<number> | null, row: number): void;
  /**
   * Decides on the newest bar and moves the position by it.
   * @param position before this bar
   * @param id signal_id of the answer
   */
  decide(position: InstrumentPosition, bar: RuleBar, id: string, time: OpenTime): InstrumentStep<InstrumentReason>;
  /** Each condition of that decision, with value, limit and distance. */
  explain(position: InstrumentPosition, bar: RuleBar): ExplainedConditions;
}

export interface ExplainedConditions {
  readonly entries: ConditionState[];
  readonly exits: ConditionState[];
}
