import type { RuleFormulas } from '../../shared/bundle/rule/rule_model.ts';
import type { Pair } from '../../shared/pair.ts';
import type { InstrumentAnswer, InstrumentContext } from '../decide/instrument_answer.ts';
import { ServedRules } from '../features/served_rules.ts';
import type { Journal } from '../journal/journal.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { RuleShadowInput } from '../queue/input.ts';
import { ShadowLane } from './shadow_lane.ts';

type InstrumentPosition = InstrumentAnswer['position'];
type Scores = InstrumentContext['scores'];

export interface RuleShadowsOptions {
  readonly instruments: readonly Pair[];
  /** Their indexes among the subjects follow those of the pairs. */
  readonly pairs: { readonly length: number };
  /** Position of an instrument that has none. */
  readonly flat: InstrumentPosition;
  readonly journal: Pick<Journal, 'shadow'>;
  readonly observer: Pick<PipelineObserver, 'onRuleShadowFailure'>;
}

/** null: the shadow does not answer that bar. */
type AnswerByRule = (
  published: InstrumentAnswer,
  formulas: RuleFormulas,
  before: InstrumentPosition,
) => InstrumentAnswer | null;

/**
 * The rules in shadow, one for each instrument that has one: they answer every bar after it was published, into the
 * journal only, and keep virtual positions of their own. A rule that fails is dropped.
 */
export class RuleShadows {
  /** Their formulas. */
  readonly rules: ServedRules;
  readonly #options: RuleShadowsOptions;
  readonly #lanes: readonly ShadowLane<RuleFormulas, InstrumentPosition>[];
  #isPresent = false;

  constructor(options: RuleShadowsOptions) {
    const { instruments, pairs, journal, flat } = options;
    this.#options = options;
    this.rules = new ServedRules(instruments);
    this.#lanes = instruments.map(
      (instrument, index) =>
        new ShadowLane({
          subjects: [instrument],
          first: pairs.length + index,
          flat,
          journal,
          onFailure: (error, { rule }) => this.#drop(instrument.id, error, rule.manifest.version),
          // Nothing of it is bound to a thread.
          release: () => undefined,
        }),
    );
  }

  /** Whether any instrument has a rule in shadow. */
  get isPresent(): boolean {
    return this.#isPresent;
  }

  /** One that was not warmed begins with the next bar. */
  swap({ instrument, rule, positions }: RuleShadowInput): void {
    const index = this.#options.instruments.findIndex(({ id }) => id === instrument);
    if (index < 0) return;
    this.rules.swap({ kind: 'rule', instrument, rule });
    this.#lanes[index]!.swap(this.rules.activeOf(index), positions);
    this.#note();
  }

  /**
   * Journals the answers of the rules in shadow to a batch that was published.
   * @param scoresOf the direction model’s answers to the newest bars, which formulas may read
   */
  async follow(
    published: readonly InstrumentAnswer[],
    scoresOf: (index: number) => { readonly scores: Scores; readonly row: number },
    answer: AnswerByRule,
  ): Promise<void> {
    this.rules.finish(scoresOf);
    for (const one of published) {
      const lane = this.#lanes[one.minute.pairIndex - this.#options.pairs.length]!;
      if (lane.model !== null) await lane.follow([one], (formulas) => formulas, answer);
    }
  }

  #drop(instrument: string, error: unknown, version: string): void {
    this.rules.swap({ kind: 'rule', instrument, rule: null });
    this.#note();
    this.#options.observer.onRuleShadowFailure?.(error, { version, instrument });
  }

  #note(): void {
    this.#isPresent = Object.keys(this.rules.versions).length > 0;
  }
}
