import type { InstrumentReading } from '../../core/formula/bar_inputs.ts';
import type { Formula } from '../../core/formula/formula.ts';
import type { ConditionState } from '../../core/rule/conditions.ts';
import type { StandingOrders } from '../../core/rule/standing_conditions.ts';
import type { OpenTime } from '../../bar.ts';
import type { InstrumentReason } from '../../signal/instrument_signal.ts';
import type { InstrumentPosition, InstrumentStep, KeptExits } from '../../strategies/instrument_position.ts';
import type { RuleManifest } from './rule_manifest.ts';

/**
 * A rule, ready to be served for its instrument: that of a strategy file, or that of a bundle of a strategy in the
 * source code, which its shelf opens.
 */
export interface RuleModel {
  readonly manifest: Pick<RuleManifest, 'version' | 'market' | 'instrument' | 'direction' | 'feature_schema'> & {
    readonly edge: Pick<RuleManifest['edge'], 'no_edge'>;
  };
  /** SHA-256 of the manifest, which names all other files by theirs. */
  readonly modelsHash: string;
  /** Its formulas, where they are those of a file: null = there is none. */
  readonly strategy: {
    readonly name: string;
    readonly entryLong: Formula | null;
    readonly entryShort: Formula | null;
    readonly exit: Formula | null;
  };
  /** What it computes of an instrument. @param barSeconds of the instrument */
  createFormulas(barSeconds: number): RuleFormulas;
}

/** What the decision on a bar reads beside what the rule computes. */
export interface RuleBar extends StandingOrders {
  readonly close: number;
  /** Whether its judgement shows an edge after costs, or the policy requires none. */
  readonly hasEdge: boolean;
}

/**
 * What a rule computes of one instrument, bar by bar, behind its hand-written features, and what it decides by it.
 * After `warmUpBars` bars its values are a pure function of that many last bars, to the bit.
 */
export interface RuleFormulas {
  readonly rule: RuleModel;
  readonly warmUpBars: number;
  /** Whether enough bars have been taken that the values depend on no earlier ones. */
  readonly isWarm: boolean;
  /** Of a position that it would enter. */
  readonly exits: KeptExits;
  /** Takes the next bar. What reads probabilities is computed by `finish`, or by the next bar. */
  step(reading: InstrumentReading): void;
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
