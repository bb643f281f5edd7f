import type { Pair } from '../../shared/pair.ts';
import type { Answer } from '../decide/answer.ts';
import type { Guarded } from '../features/served_rules.ts';
import type { Journal } from '../journal/journal.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { RuleInput, RuleShadowInput } from '../queue/input.ts';
import { ShadowLane } from './shadow_lane.ts';

/** The rules of a kind of subject. */
export interface LaneRules<Formulas> {
  /** By subject. */
  readonly versions: Readonly<Record<string, string>>;
  activeOf(index: number): Formulas | null;
  swap(input: RuleInput): void;
  clear(): void;
}

export interface RuleShadowsOptions<Formulas extends Guarded, Position> {
  readonly subjects: readonly Pair[];
  /** Index of the first of them among all subjects. */
  readonly first: number;
  /** Position of a subject that has none. */
  readonly flat: Position;
  /** Their formulas. */
  readonly rules: LaneRules<Formulas>;
  readonly journal: Pick<Journal, 'shadow'>;
  readonly observer: Pick<PipelineObserver, 'onRuleShadowFailure'>;
}

/** null: the shadow does not answer that bar. */
type AnswerByRule<Formulas, Own extends Answer> = (
  published: Own,
  formulas: Formulas,
  before: Own['position'],
) => Own | null;

/**
 * The rules in shadow, one for each subject of a kind that has one: they answer every bar after it was published, into
 * the journal only, and keep virtual positions of their own. A rule that fails is dropped.
 */
export class RuleShadows<Formulas extends Guarded, Own extends Answer> {
  readonly #options: RuleShadowsOptions<Formulas, Own['position']>;
  readonly #lanes: readonly ShadowLane<Formulas, Own['position']>[];
  #isPresent = false;

  constructor(options: RuleShadowsOptions<Formulas, Own['position']>) {
    const { subjects, first, journal, flat } = options;
    this.#options = options;
    this.#lanes = subjects.map(
      (subject, index) =>
        new ShadowLane({
          subjects: [subject],
          first: first + index,
          flat,
          journal,
          onFailure: (error, { rule }) => this.#drop(subject.id, error, rule.manifest.version),
          // Nothing of it is bound to a thread.
          release: () => undefined,
        }),
    );
  }

  /** Whether any of them has a rule in shadow. */
  get isPresent(): boolean {
    return this.#isPresent;
  }

  /** One that was not warmed begins with the next bar. */
  swap({ instrument, rule, positions }: RuleShadowInput): void {
    const { subjects, rules } = this.#options;
    const index = subjects.findIndex(({ id }) => id === instrument);
    if (index < 0) return;
    rules.swap({ kind: 'rule', instrument, rule });
    this.#lanes[index]!.swap(rules.activeOf(index), positions as ReadonlyMap<string, Own['position']> | undefined);
    this.#note();
  }

  /** Journals the answers of the rules in shadow to a batch that was published. */
  async follow(published: readonly Own[], answer: AnswerByRule<Formulas, Own>): Promise<void> {
    const answerOrThrow: AnswerByRule<Formulas, Own> = (one, formulas, before) => {
      const own = answer(one, formulas, before);
      if (formulas.fault !== null) throw formulas.fault;
      return own;
    };
    for (const one of published) {
      const lane = this.#lanes[one.minute.pairIndex - this.#options.first]!;
      if (lane.model !== null) await lane.follow([one], (formulas) => formulas, answerOrThrow);
    }
  }

  #drop(instrument: string, error: unknown, version: string): void {
    const { rules, observer } = this.#options;
    rules.swap({ kind: 'rule', instrument, rule: null });
    this.#note();
    observer.onRuleShadowFailure?.(error, { version, instrument });
  }

  #note(): void {
    this.#isPresent = Object.keys(this.#options.rules.versions).length > 0;
  }
}
