import type { OpenTime } from '../../shared/bar.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import type { ActiveRollout } from '../../shared/bundle/rollout.ts';
import type { SeriesBook } from '../../shared/core/series/series_book.ts';
import { SERIES, seriesIndex, type SeriesName } from '../../shared/core/series/series_names.ts';
import { barSecondsOf, isInstrument, timeframeOf, type Pair, type Timeframe } from '../../shared/pair.ts';
import type { Clock } from '../../shared/ports.ts';
import type { Decider } from '../decide/decider.ts';
import type { RolloutArms } from '../infer/rollout_arms.ts';
import type { LaneRules } from '../infer/rule_shadows.ts';
import type { HaltedPairs } from '../infer/halted_pairs.ts';
import type { DirectionArms } from '../infer/direction_arms.ts';
import type { DirectionSlots } from '../infer/direction_slots.ts';
import type { ModelSlots } from '../infer/model_slots.ts';
import type { ScoringEngine } from '../../shared/bundle/scoring_engine.ts';
import { receivedSeries } from '../features/series_reader.ts';
import type { Inputs } from './inputs.ts';
import type { BatchPublisher } from '../batches/batch_publisher.ts';
import type { Envelope } from '../publish/envelope.ts';
import type { DegradationSet } from '../queue/degradation_set.ts';

interface Owners {
  /** Pairs, and behind them instruments. */
  readonly subjects: readonly Pair[];
  readonly directions: Pick<DirectionSlots, 'versions' | 'engines' | 'engineNotes'>;
  readonly rules: Pick<LaneRules<unknown>, 'versions'>;
  readonly clock: Clock;
  readonly inputs: Inputs;
  readonly halts: HaltedPairs;
  readonly slots: ModelSlots;
  readonly arms: RolloutArms;
  readonly directionArms: Pick<DirectionArms, 'rollout'>;
  readonly ruleArms: { readonly rollout: ActiveRollout | null };
  readonly degradations: DegradationSet;
  isReady(pairIndex: number): boolean;
  /** Whether any bar of an instrument had its taker volume. */
  hasTaker(): boolean;
  readonly decider: Pick<Decider, 'policyHash' | 'stopsForNews'>;
  readonly series: Pick<SeriesBook, 'latest'>;
  readonly envelope: Envelope;
  readonly batches: Pick<BatchPublisher, 'withheld'>;
}

/** An auxiliary series that has had a value. */
export interface SeriesState {
  readonly symbol: string;
  readonly series: SeriesName;
  /** Time of its latest event. */
  readonly event_time: string;
  readonly age_seconds: number;
  /** Too old: features see no value. */
  readonly stale: boolean;
}

/** View of a pipeline for health, metrics and tests. */
export class PipelineStatus {
  readonly #owners: Owners;

  constructor(owners: Owners) {
    this.#owners = owners;
  }

  get models(): ModelSet | null {
    return this.#owners.slots.active;
  }

  /** null without one, and while other models than its champion are active. */
  get rollout(): ActiveRollout | null {
    const { arms, directionArms, ruleArms, slots } = this.#owners;
    if (arms.isActive(slots.active)) return arms.rollout;
    const own = [directionArms, ruleArms].find(({ rollout }) => rollout !== null);
    return own?.rollout ?? null;
  }

  /** Of the policy that decides. */
  get policyHash(): string {
    return this.#owners.decider.policyHash;
  }

  /** Whether that policy stops entries near news. */
  get stopsForNews(): boolean {
    return this.#owners.decider.stopsForNews;
  }

  get degradations(): ReadonlySet<string> {
    return this.#owners.degradations.names;
  }

  /** Whether a degradation concerns a subject: of all, of its kind, or of its slot. */
  isDegraded(subject: Pair): boolean {
    const { degradations } = this.#owners;
    if (degradations.isSubjectDegraded(subject.id)) return true;
    return isInstrument(subject)
      ? degradations.isInstrumentDegraded(timeframeOf(barSecondsOf(subject)))
      : degradations.isPairDegraded;
  }

  /** Open of the newest minute of each symbol that has any. */
  get lastTimes(): Map<string, OpenTime> {
    return this.#owners.inputs.aligner.lastTimes();
  }

  /** Number of bars of each symbol that were held back as suspect since the start. */
  get suspectBars(): ReadonlyMap<string, number> {
    return this.#owners.inputs.suspects.counts;
  }

  get series(): SeriesState[] {
    const { clock, series } = this.#owners;
    const now = clock.nowMs() / 1000;
    return [...series.latest()].map(({ symbol, name, eventTime }) => ({
      symbol,
      series: name,
      event_time: new Date(eventTime * 1000).toISOString(),
      age_seconds: now - eventTime,
      stale: now - eventTime > SERIES[seriesIndex(name)]!.max_age_seconds,
    }));
  }

  /** Pairs without bars that have had a heartbeat for it. */
  get silentPairs(): string[] {
    return this.#idsOf((pairIndex) => this.#owners.inputs.silence.isSilent(pairIndex));
  }

  /** Warm pairs without a signal that is still valid, so that no consumer acts on them, although the daemon runs. */
  get expiredPairs(): string[] {
    const { clock, envelope } = this.#owners;
    const nowMs = clock.nowMs();
    return this.#idsOf((pairIndex) => envelope.isExpired(pairIndex, nowMs) && this.#owners.isReady(pairIndex));
  }

  /** Pairs that enter nothing because a live KPI halts them under the active models. */
  get haltedPairs(): string[] {
    return this.#owners.halts.pairIds;
  }

  /** Pairs whose features are warm. */
  get readyPairs(): number {
    return this.#ready((subject) => !isInstrument(subject));
  }

  get readyInstruments(): number {
    return this.#ready(isInstrument);
  }

  /** Versions of the active direction models. */
  get directions(): Partial<Record<Timeframe, string>> {
    return this.#owners.directions.versions;
  }

  /** What scores the active direction models. */
  get directionEngines(): Partial<Record<Timeframe, ScoringEngine>> {
    return this.#owners.directions.engines;
  }

  /** What was compared, or why onnxruntime scores one. */
  get directionEngineNotes(): Partial<Record<Timeframe, string>> {
    return this.#owners.directions.engineNotes;
  }

  /** Versions of the rules that answer, by subject. */
  get rules(): Readonly<Record<string, string>> {
    return this.#owners.rules.versions;
  }

  /** Names of what instruments have received beside prices and volume. */
  get sources(): string[] {
    const { series, hasTaker } = this.#owners;
    return [...receivedSeries(series), ...(hasTaker() ? ['taker_buy_volume'] : [])];
  }

  #ready(isWanted: (subject: Pair) => boolean): number {
    const { subjects, isReady } = this.#owners;
    return subjects.filter((subject, index) => isWanted(subject) && isReady(index)).length;
  }

  /** Number of signals that were answered without the lease. */
  get withheld(): number {
    return this.#owners.batches.withheld;
  }

  #idsOf(holds: (pairIndex: number) => boolean): string[] {
    return this.#owners.subjects.filter((_, pairIndex) => holds(pairIndex)).map(({ id }) => id);
  }
}
