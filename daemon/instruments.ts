import type { RuleModel } from '../shared/bundle/rule/rule_model.ts';
import type { DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import { FLAT_POSITION, type InstrumentPosition } from '../shared/strategies/instrument_position.ts';
import type { Position } from '../shared/core/position/position.ts';
import { instrumentLabel, type Pair } from '../shared/pair.ts';
import type { LastSignal } from '../shared/store/journal.ts';
import type { Answer, MinuteAnswer } from './decide/answer.ts';
import type { DirectionScores } from '../shared/bundle/direction/direction_scores.ts';
import type { Decider } from './decide/decider.ts';
import {
  answerByRule,
  answerInstrument,
  type InstrumentAnswer,
  type InstrumentContext,
} from './decide/instrument_answer.ts';
import { DirectionArms, type DirectionArmsOptions } from './infer/direction_arms.ts';
import { DirectionShadows, type DirectionShadowsOptions } from './infer/direction_shadows.ts';
import { RuleArms } from './infer/rule_arms.ts';
import { RuleShadows, type RuleShadowsOptions } from './infer/rule_shadows.ts';
import { RuleSlots, type RuleSlotsOptions } from './infer/rule_slots.ts';
import { DirectionSlots, type DirectionSlotsOptions } from './infer/direction_slots.ts';
import type { HaltedPairs } from './infer/halted_pairs.ts';
import type { FeatureMatrix } from './features/feature_matrix.ts';
import type { WarmUpTurns } from './features/formula_warm_up.ts';
import type { GuardedFormulas } from './features/guarded_formulas.ts';
import { InstrumentMatrix, type TimeframeRows } from './features/instrument_matrix.ts';
import type { FormulaStore } from '../shared/store/warm_bars.ts';
import type { InstrumentReading } from '../shared/core/formula/bar_inputs.ts';
import { isTimed, RulesByRole, type RuleRole } from './features/rules_by_role.ts';
import { InstrumentRules } from './features/served_rules.ts';
import type { SeriesReader } from './features/series_reader.ts';
import { isHeartbeat, type AnsweredMinute } from './align/minute.ts';
import type { MinuteItem } from './queue/queue.ts';

export interface InstrumentsOptions
  extends Omit<DirectionSlotsOptions, 'observer'>, Pick<DirectionArmsOptions, 'journal'> {
  readonly observer: DirectionSlotsOptions['observer'] &
    DirectionArmsOptions['observer'] &
    DirectionShadowsOptions['observer'] &
    RuleShadowsOptions<GuardedFormulas, InstrumentPosition>['observer'] &
    RuleSlotsOptions<GuardedFormulas>['observer'];
  readonly pairs: readonly Pair[];
  /** Their indexes among the subjects follow those of the pairs. */
  readonly instruments: readonly Pair[];
  /** Of the pairs. */
  readonly matrix: FeatureMatrix;
  readonly decider: Decider;
  readonly halts: Pick<HaltedPairs, 'stopOfInstrument'>;
  readonly series: SeriesReader;
  /** Active models of the pairs. */
  activeModels(): ModelSet | null;
}

/** The instruments at the stations features, infer and decide, beside the pairs of the same batch. */
export class Instruments {
  readonly slots: DirectionSlots;
  readonly arms: DirectionArms;
  readonly shadows: DirectionShadows;
  /** Those that answer in place of a direction model. */
  readonly rules: InstrumentRules;
  readonly ruleSlots: RuleSlots<GuardedFormulas>;
  readonly ruleShadows: RuleShadows<GuardedFormulas, InstrumentAnswer>;
  readonly ruleArms: RuleArms<GuardedFormulas, InstrumentAnswer>;
  readonly #byRole: RulesByRole<InstrumentReading, InstrumentRules>;
  readonly #options: InstrumentsOptions;
  /** Index of the first instrument among the subjects. */
  readonly #first: number;
  readonly #isAbsent: boolean;
  readonly #matrix: InstrumentMatrix;
  readonly #labels: readonly string[];
  readonly #positions: InstrumentPosition[];
  readonly #scores = new Map<TimeframeRows, DirectionScores>();

  constructor(options: InstrumentsOptions) {
    const { pairs, instruments, series, clock } = options;
    this.#options = options;
    this.#first = pairs.length;
    this.#isAbsent = instruments.length === 0;
    const byRole = new RulesByRole((role) => new InstrumentRules(instruments, isTimed(role) ? clock : null));
    this.#byRole = byRole;
    this.rules = byRole.served;
    const lane = { ...options, subjects: instruments, flat: FLAT_POSITION };
    this.ruleSlots = new RuleSlots({ ...lane, rules: byRole.served });
    this.ruleShadows = new RuleShadows({ ...lane, first: pairs.length, rules: byRole.shadow });
    this.ruleArms = new RuleArms({
      ...lane,
      rules: byRole.challenger,
      servedOf: (index) => this.rules.activeOf(index),
    });
    this.#matrix = new InstrumentMatrix(instruments, pairs.length, series, byRole);
    this.slots = new DirectionSlots(options);
    this.arms = new DirectionArms({ ...options, activeOf: (barSeconds) => this.slots.activeOf(barSeconds) });
    this.shadows = new DirectionShadows(options);
    this.#labels = instruments.map(instrumentLabel);
    this.#positions = instruments.map(() => FLAT_POSITION);
  }

  /** Whether any bar of an instrument had its taker volume. */
  readonly hasTaker = (): boolean => this.#matrix.hasTaker;

  /** The position of any subject after its last signal. One that is not ours is ignored. */
  setPosition({ pairId, position }: LastSignal): void {
    const index = this.#options.instruments.findIndex(({ id }) => id === pairId);
    if (index >= 0) this.#positions[index] = JSON.parse(position) as InstrumentPosition;
    else this.#options.decider.setPosition(pairId, JSON.parse(position) as Position);
  }

  /** Whether the features of a subject are warm, by bars that lead to its newest one without a hole. */
  readonly isReady = (index: number): boolean => {
    const { matrix, activeModels } = this.#options;
    return index < this.#first ? matrix.isReady(index, activeModels()) : this.#isInstrumentReady(index);
  };

  /** With the formulas of the rule that answers, or of the direction model. */
  #isInstrumentReady(index: number): boolean {
    const rule = this.rules.activeOf(index - this.#first);
    if (rule !== null) return this.#matrix.isReady(index, null) && rule.isWarm;
    return this.#matrix.isReady(index, this.slots.activeOf(this.#matrix.groupOf(index).barSeconds));
  }

  /** CRC-32 of the features of a subject. @param schema hash of those that were scored */
  checksum(index: number, schema: string): string {
    return index < this.#first ? this.#options.matrix.checksum(index, schema) : this.#matrix.checksum(index, schema);
  }

  /** Updates the features of the instruments in a batch. @returns the items of pairs */
  step(batch: readonly MinuteItem[]): readonly MinuteItem[] {
    if (this.#isAbsent) return batch;
    this.#matrix.step(batch.filter(({ minute }) => minute.pairIndex >= this.#first));
    return this.#pairsOf(batch);
  }

  /** Scores the instruments of the batch. @returns a promise where a model does not answer at once */
  infer(): void | Promise<void> {
    this.arms.begin();
    return this.#inferFrom(0);
  }

  /** @param first group that is not scored; without an await up to the first one that answers by a promise */
  #inferFrom(first: number): void | Promise<void> {
    const { groups } = this.#matrix;
    for (let i = first; i < groups.length; i++) {
      const group = groups[i]!;
      const scoring = this.slots.infer(group);
      if (scoring instanceof Promise) return this.#inferLater(i, scoring);
      const comparing = this.#compare(group, scoring);
      if (comparing instanceof Promise) return comparing.then(() => this.#inferFrom(i + 1));
    }
    this.#finishScores();
  }

  async #inferLater(i: number, scoring: Promise<DirectionScores>): Promise<void> {
    await this.#compare(this.#matrix.groups[i]!, await scoring);
    return this.#inferFrom(i + 1);
  }

  #compare(group: TimeframeRows, scores: DirectionScores): void | Promise<void> {
    this.#scores.set(group, scores);
    return this.arms.infer(group, scores);
  }

  /** What reads the scores of all groups. */
  #finishScores(): void {
    this.rules.finish(this.#scoresOf);
    this.#byRole.challenger.finish(this.#scoresOf);
    if (this.#byRole.isPresent) {
      this.ruleSlots.checkTimes();
      this.ruleArms.checkTime();
    }
  }

  /** What the direction model has answered to the newest bar of an instrument, by its index among the instruments. */
  readonly #scoresOf = (index: number): { readonly scores: DirectionScores; readonly row: number } => {
    const pairIndex = this.#first + index;
    const scores = this.#scores.get(this.#matrix.groupOf(pairIndex))!;
    return { scores, row: this.#matrix.rowOf(pairIndex, scores.model) };
  };

  /** Answers the items of a batch in their order, those of pairs by `decidePairs`. */
  decide(
    batch: readonly MinuteItem[],
    decidePairs: (items: readonly MinuteItem[]) => MinuteAnswer[],
  ): readonly Answer[] {
    if (this.#isAbsent) return decidePairs(batch);
    const answers = decidePairs(this.#pairsOf(batch)).values();
    return batch.map((item) =>
      item.minute.pairIndex < this.#first ? (answers.next().value as MinuteAnswer) : this.#answer(item),
    );
  }

  /** The answers to pairs. */
  pairsIn(answers: readonly Answer[]): readonly MinuteAnswer[] {
    if (this.#isAbsent) return answers as readonly MinuteAnswer[];
    return answers.filter(({ minute }) => minute.pairIndex < this.#first) as MinuteAnswer[];
  }

  /** Computes the formulas of a loaded rule over its last bars, before it answers. See `ServedRules.warm`. */
  warmRule(role: RuleRole, rule: RuleModel, store: FormulaStore, turns: WarmUpTurns): Promise<void> {
    return this.#byRole.warm(role, rule, store, (index) => this.#matrix.lastOf(index), turns);
  }

  /** The same of the formulas of a loaded direction model. See `InstrumentMatrix.warm`. */
  warmDirection(model: DirectionModel, store: FormulaStore, turns: WarmUpTurns): Promise<void> {
    return this.#matrix.warm(model, store, turns);
  }

  /** Models have come or gone: the formulas of those that answer from now on are computed. */
  useModels(): void {
    for (const { barSeconds } of this.#matrix.groups) {
      const others = [this.arms.challengerOf(barSeconds), this.shadows.modelOf(barSeconds)];
      this.#matrix.use(barSeconds, [...this.slots.modelsOf(barSeconds), ...others.filter((model) => model !== null)]);
    }
  }

  /** Computes the ids of the next bars of the instruments among the answers. */
  precomputeIds(answers: readonly Answer[]): void {
    for (const { minute } of answers) {
      if (minute.pairIndex < this.#first) continue;
      const { barSeconds } = this.#matrix.groupOf(minute.pairIndex);
      const index = minute.pairIndex - this.#first;
      const rule = this.ruleArms.nextRule(index, minute.time, this.#positions[index]!);
      const models = rule ?? this.arms.nextModel(barSeconds, index, minute.time, this.#positions[index]!);
      this.#options.decider.ids.precompute(minute, models);
    }
  }

  /** Journals the virtual answers of both arms of a rollout to a batch that `decide` answered. */
  follow(answers: readonly Answer[]): void {
    if (this.ruleArms.rollout !== null)
      this.ruleArms.follow(this.#ownIn(answers), this.#first, (...bar) => this.#answerAgainByRule(...bar));
    if (this.#isAbsent || this.arms.rollout === null) return;
    const compared = answers.filter(({ minute: { pairIndex, outcome } }) => {
      if (pairIndex < this.#first || outcome !== 'COMPLETE' || this.#matrix.rowOf(pairIndex) < 0) return false;
      // Where a rule answers, no arm does.
      const isOfRule = this.rules.activeOf(pairIndex - this.#first) !== null;
      return !isOfRule && this.arms.concerns(this.#matrix.groupOf(pairIndex).barSeconds);
    }) as InstrumentAnswer[];
    this.arms.follow(compared, this.#first, (...bar) => this.#answerAgain(...bar));
  }

  /** Journals the answers of the shadows to a batch that `decide` answered. */
  async followShadows(answers: readonly Answer[]): Promise<void> {
    for (const group of this.#matrix.groups) {
      if (this.shadows.modelOf(group.barSeconds) === null) continue;
      const own = answers.filter(
        ({ minute: { pairIndex } }) => pairIndex >= this.#first && this.#matrix.groupOf(pairIndex) === group,
      ) as InstrumentAnswer[];
      await this.shadows.follow(group, own, (published, scores, before) => {
        const { pairIndex, outcome } = published.minute;
        const isScored = outcome === 'COMPLETE' && this.#matrix.rowOf(pairIndex, scores.model) >= 0;
        return isScored ? this.#answerAgain(published, scores, before) : null;
      });
    }
  }

  /** Journals the answers of the rules in shadow to a batch that `decide` answered. */
  async followRuleShadows(answers: readonly Answer[]): Promise<void> {
    this.#byRole.shadow.finish(this.#scoresOf);
    await this.ruleShadows.follow(this.#ownIn(answers), (...bar) => this.#answerAgainByRule(...bar));
  }

  /**
   * Arms and shadows of rules are compared without a person's stops.
   * @returns null: the rule does not answer yet, or fails
   */
  #answerAgainByRule(
    { minute, body }: InstrumentAnswer,
    formulas: GuardedFormulas,
    before: InstrumentPosition,
  ): InstrumentAnswer | null {
    const { pairIndex, outcome } = minute;
    const index = pairIndex - this.#first;
    const { scores } = this.#scoresOf(index);
    const context = { ...this.#ofRule(this.#contextOf(pairIndex, scores), pairIndex), stop: null };
    const isAnswered = outcome === 'COMPLETE' && context.isReady && (formulas.isWarm || before.side !== 0);
    if (!isAnswered) return null;
    const instrument = this.#options.instruments[index]!;
    return answerByRule(context, formulas, instrument, this.#labels[index]!, minute, before, body.signal_id);
  }

  #ownIn(answers: readonly Answer[]): readonly InstrumentAnswer[] {
    return answers.filter(({ minute }) => minute.pairIndex >= this.#first) as InstrumentAnswer[];
  }

  /** Arms and shadows are compared without a person's stops. */
  #answerAgain({ minute, body }: InstrumentAnswer, scores: DirectionScores, before: InstrumentPosition) {
    const { instruments } = this.#options;
    const index = minute.pairIndex - this.#first;
    const context = { ...this.#contextOf(minute.pairIndex, scores), stop: null };
    return answerInstrument(context, instruments[index]!, this.#labels[index]!, minute, before, body.signal_id);
  }

  #answer({ minute }: MinuteItem): InstrumentAnswer {
    const index = minute.pairIndex - this.#first;
    const before = this.#positions[index]!;
    const answer = (this.#byRole.isPresent ? this.#byRule(minute, before) : null) ?? this.#byModel(minute, before);
    this.#positions[index] = answer.position;
    return answer;
  }

  /** A rule that fails is replaced within the same bar. @returns null where the direction model answers */
  #byRule(minute: AnsweredMinute, before: InstrumentPosition): InstrumentAnswer | null {
    const { instruments, decider } = this.#options;
    const { pairIndex, time } = minute;
    const index = pairIndex - this.#first;
    const scores = this.#scores.get(this.#matrix.groupOf(pairIndex))!;
    for (;;) {
      if (!isHeartbeat(minute)) {
        this.ruleSlots.endFaulty(index);
        this.ruleArms.endFaulty(index);
      }
      const arm = this.ruleArms.choose(index, time, before);
      const formulas = arm?.formulas ?? this.rules.activeOf(index);
      if (formulas === null) return null;
      const context = this.#ofRule(this.#contextOf(pairIndex, scores, arm?.rollout), pairIndex);
      const id = decider.ids.idOf(minute, formulas.rule);
      const bar = [instruments[index]!, this.#labels[index]!, minute, before, id] as const;
      const answer = answerByRule(context, formulas, ...bar);
      if (answer !== null) return answer;
    }
  }

  #byModel(minute: AnsweredMinute, before: InstrumentPosition): InstrumentAnswer {
    const { instruments, decider } = this.#options;
    const { pairIndex, time } = minute;
    const index = pairIndex - this.#first;
    const group = this.#matrix.groupOf(pairIndex);
    const arm = this.arms.choose(group.barSeconds, index, time, before);
    const scores = arm?.scores ?? this.#scores.get(group)!;
    const context = this.#contextOf(pairIndex, scores, arm?.rollout);
    const id = decider.ids.idOf(minute, scores.model);
    return answerInstrument(context, instruments[index]!, this.#labels[index]!, minute, before, id);
  }

  /** @param rollout id, where its challenger decides what is published */
  #contextOf(pairIndex: number, scores: DirectionScores, rollout?: string): InstrumentContext {
    const { decider, degradations, halts } = this.#options;
    const group = this.#matrix.groupOf(pairIndex);
    return {
      scores,
      row: this.#matrix.rowOf(pairIndex, scores.model),
      isReady: this.#matrix.isReady(pairIndex, scores.model),
      close: this.#matrix.closeOf(pairIndex),
      featureSchema: this.#matrix.featureSchemaOf(pairIndex, scores.model),
      policyHash: decider.policyHash,
      requireEdge: decider.requireEdge,
      noveltyMin: decider.noveltyMin,
      isDegraded:
        degradations.isInstrumentDegraded(group.timeframe) ||
        degradations.isSubjectDegraded(this.#options.instruments[pairIndex - this.#first]!.id),
      stop: halts.stopOfInstrument(pairIndex - this.#first),
      news: decider.newsOf(pairIndex),
      rollout,
    };
  }

  /** A rule reads the hand-written features, and no formulas of a model. */
  #ofRule(context: InstrumentContext, pairIndex: number): InstrumentContext {
    const { featureSchema } = this.#matrix.groupOf(pairIndex);
    return { ...context, isReady: this.#matrix.isReady(pairIndex), featureSchema };
  }

  #pairsOf(batch: readonly MinuteItem[]): readonly MinuteItem[] {
    return batch.filter(({ minute }) => minute.pairIndex < this.#first);
  }
}
