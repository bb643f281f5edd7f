import type { OpenTime } from '../../shared/bar.ts';
import type { FeatureSchema } from '../../shared/bundle/feature_schema.ts';
import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import type { FillCosts, PairFillCosts } from '../../shared/core/cost/fill_cost.ts';
import type { DecisionPolicy } from '../../shared/strategies/pair_reversion/pair_input.ts';
import { ExposureMeter } from '../../shared/core/position/exposure.ts';
import type { NewsEvent } from '../../shared/core/news/news_event.ts';
import { newsWindows, withCalendar, type NewsWindows } from '../../shared/core/news/news_windows.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import { pairLabel, type Pair } from '../../shared/pair.ts';
import { pairCosts } from '../../shared/policy/costs.ts';
import { createBodyEncoder, type BodyEncoder } from '../../shared/signal/body_encoder/body_encoder.ts';
import type { DecisionRecord } from '../../shared/policy/decision_record.ts';
import type { AnsweredMinute } from '../align/minute.ts';
import type { FeatureMatrix } from '../features/feature_matrix.ts';
import type { DegradationSet } from '../queue/degradation_set.ts';
import type { MinuteItem } from '../queue/queue.ts';
import { answerMinute, type AnswerContext, type MinuteAnswer, type RolloutArm } from './answer.ts';
import { SignalIds } from './signal_ids.ts';

export interface DeciderOptions {
  readonly pairs: readonly Pair[];
  /** The pairs, followed by the instruments; none = the pairs. */
  readonly subjects?: readonly Pair[];
  readonly schema: FeatureSchema;
  readonly policy: DecisionPolicy;
  readonly policyHash: string;
  /** By symbol. */
  readonly costs: Readonly<Record<string, FillCosts>>;
  readonly matrix: FeatureMatrix;
  /** The mode of a pair is DEGRADED while one concerns the pairs, or it alone. */
  readonly degradations: Pick<DegradationSet, 'isPairDegraded' | 'isSubjectDegraded'>;
}

/** Answers minutes, and keeps the virtual position of each pair. */
export class Decider {
  readonly ids: SignalIds;
  readonly #options: DeciderOptions;
  readonly #labels: readonly string[];
  #policy: DecisionPolicy;
  #policyHash: string;
  #costs: readonly PairFillCosts[];
  readonly #positions: Position[];
  readonly #encoder = createBodyEncoder();
  readonly #exposure: ExposureMeter;
  /** By subject; empty where the policy has no `news`, so that a bar looks nothing up. */
  #news: readonly (NewsWindows | null)[] = [];
  #calendar: readonly NewsEvent[] = [];

  constructor(options: DeciderOptions) {
    this.#options = options;
    this.#policy = options.policy;
    this.#policyHash = options.policyHash;
    this.ids = new SignalIds(options.subjects ?? options.pairs, options.policyHash);
    this.#exposure = new ExposureMeter(options.pairs);
    this.#labels = options.pairs.map(pairLabel);
    this.#costs = options.pairs.map((pair) => pairCosts(options.costs, pair));
    this.#positions = options.pairs.map(() => FLAT);
    this.#layNews();
  }

  get policyHash(): string {
    return this.#policyHash;
  }

  /** Whether a subject without a proven edge holds. */
  get requireEdge(): boolean {
    return this.#policy.require_edge;
  }

  /** Of the entries of instruments too; undefined = none. */
  get noveltyMin(): number | undefined {
    return this.#policy.novelty_min;
  }

  /** Whether entries are stopped near news. */
  get stopsForNews(): boolean {
    return this.#policy.news !== undefined;
  }

  /** From the next minute on. @throws RangeError when a symbol of ours has no costs; nothing is changed then */
  setPolicy({ policy, policyHash, costs }: DecisionRecord): void {
    this.#costs = this.#options.pairs.map((pair) => pairCosts(costs, pair));
    this.#policy = policy;
    this.#policyHash = policyHash;
    this.#layNews();
    this.ids.setPolicy(policyHash);
    if (policy.leverage === undefined)
      this.#positions.forEach((position, pairIndex) => (this.#positions[pairIndex] = withoutAccount(position)));
  }

  /** The events that are known from the next minute on. */
  setCalendar(events: readonly NewsEvent[]): void {
    this.#calendar = events;
    this.#layNews();
  }

  /** Where news keep a subject from entering; null = nowhere. */
  newsOf(subjectIndex: number): NewsWindows | null {
    return this.#news[subjectIndex] ?? null;
  }

  #layNews(): void {
    const { news } = this.#policy;
    const { subjects, pairs } = this.#options;
    // Where bars are replayed, the settings have a calendar of their own.
    const policy = news?.spans === undefined ? news && withCalendar(news, this.#calendar) : news;
    this.#news = policy === undefined ? [] : (subjects ?? pairs).map((subject) => newsWindows(policy, subject));
  }

  /** Of a pair that is not ours: ignored. */
  setPosition(pairId: string, position: Position): void {
    const pairIndex = this.#options.pairs.findIndex(({ id }) => id === pairId);
    if (pairIndex < 0) return;
    this.#positions[pairIndex] = this.#policy.leverage === undefined ? withoutAccount(position) : position;
  }

  decide(
    items: readonly MinuteItem[],
    models: ModelSet | null,
    scores: BatchScores | null,
    halted: Uint8Array,
  ): MinuteAnswer[] {
    const context = this.contextOf(models, scores, halted);
    return this.decideBy(items, () => context);
  }

  /** Answers each minute in the context that is chosen by its pair, its time, and the position before it. */
  decideBy(
    items: readonly MinuteItem[],
    contextAt: (pairIndex: number, time: OpenTime, position: Position) => AnswerContext,
  ): MinuteAnswer[] {
    return items.map(({ minute }) => {
      const { pairIndex } = minute;
      const position = this.#positions[pairIndex]!;
      const answer = this.#byModels(contextAt(pairIndex, minute.time, position), minute, position);
      this.#positions[pairIndex] = answer.position;
      return answer;
    });
  }

  #byModels(context: AnswerContext, minute: AnsweredMinute, position: Position): MinuteAnswer {
    const own = this.#ofSubject(context, minute.pairIndex);
    return this.answer(own, minute, position, this.ids.idOf(minute, context.models));
  }

  /** With what concerns a pair alone. */
  #ofSubject(context: AnswerContext, pairIndex: number): AnswerContext {
    const { pairs, degradations } = this.#options;
    return degradations.isSubjectDegraded(pairs[pairIndex]!.id) ? { ...context, isDegraded: true } : context;
  }

  answer(context: AnswerContext, minute: AnsweredMinute, position: Position, id: string): MinuteAnswer {
    const { pairs, matrix } = this.#options;
    const { pairIndex } = minute;
    const row = matrix.rowOf(pairIndex, context.models);
    return answerMinute(context, pairs[pairIndex]!, this.#labels[pairIndex]!, minute, position, row, id);
  }

  /**
   * @param encoder caches one template per pair, rebuilt when the models of the pair change
   * @param positions by pair index; default: those of the published answers
   */
  contextOf(
    models: ModelSet | null,
    scores: BatchScores | null,
    halted: Uint8Array,
    encoder: BodyEncoder = this.#encoder,
    rollout?: RolloutArm,
    positions: readonly Position[] = this.#positions,
  ): AnswerContext {
    const { schema, matrix, degradations } = this.#options;
    return {
      features: matrix.features,
      isReady: (pairIndex) => matrix.isReady(pairIndex, models),
      policy: this.#policy,
      policyHash: this.#policyHash,
      costs: this.#costs,
      featureSchema: matrix.formulaSchemaOf(models) ?? schema.hash,
      models,
      scores,
      isDegraded: degradations.isPairDegraded,
      halted,
      encoder,
      exposure: this.#exposure,
      news: this.#news,
      positions,
      rollout,
    };
  }
}

/** The account of a policy that is no longer there would be out of date when one comes back. */
function withoutAccount(position: Position): Position {
  const { account, ...others } = position;
  return account === undefined ? position : others;
}
