import type { OpenTime } from '../../shared/bar.ts';
import { featureSchema, type FeatureSchema } from '../../shared/bundle/feature_schema.ts';
import type { Standing } from '../../shared/bundle/halts.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import type { ModelSlotId } from '../../shared/subject/slot.ts';
import type { FillCosts } from '../../shared/core/cost/fill_cost.ts';
import type { DecisionPolicy } from '../../shared/strategies/pair_reversion/pair_input.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import type { ScreenPolicy } from '../../shared/core/screen/bar_screen.ts';
import type { Pair, Timeframe } from '../../shared/pair.ts';
import { tradingCosts } from '../../shared/policy/costs.ts';
import { decisionPolicy, screenPolicy, type Settings } from '../../shared/policy/policy.ts';
import type { Clock, Scheduler } from '../../shared/ports.ts';
import type { MarketKind } from '../../shared/signal/signal.ts';
import type { ScreenedBar } from '../align/suspects.ts';
import type { Answer } from '../decide/answer.ts';
import type { Journal } from '../journal/journal.ts';
import type { BatchTiming } from '../publish/stopwatch.ts';
import type { PublishingLease } from '../batches/batch_publisher.ts';
import type { Publisher } from '../publish/publish.ts';
import type { StateInput } from '../queue/input.ts';
import type { TransportName } from '../publish/transports.ts';

export interface PipelineObserver {
  /** After files and journal: nothing here delays a signal, but the next bar waits for it. */
  onSignals(batch: readonly Answer[], timing: BatchTiming): void;
  onSwap(set: ModelSet): void;
  /** The active set failed or is slow; `fallback` is what serves now, itself if it is slow and has no fallback. */
  onModelFailure(error: unknown, failed: ModelSet, fallback: ModelSet | null): void;
  /** A slow set that continued to answer is fast again. */
  onModelRecovery?(set: ModelSet): void;
  onDirectionSwap?(model: DirectionModel, timeframe: Timeframe): void;
  /** As `onModelFailure`, of the instruments of a timeframe. */
  onDirectionFailure?(error: unknown, failed: DirectionModel, fallback: DirectionModel | null): void;
  onDirectionRecovery?(model: DirectionModel): void;
  /** The shadow of a slot failed and is released. */
  onShadowFailure(error: unknown, failed: { readonly version: string; readonly slot: ModelSlotId }): void;
  /** The rule that was served for a subject failed and has ended; what would answer without it does. */
  onRuleFailure?(error: unknown, failed: { readonly version: string; readonly instrument: string }): void;
  /** The rule in shadow of a subject failed and is dropped. */
  onRuleShadowFailure?(error: unknown, failed: { readonly version: string; readonly instrument: string }): void;
  /** The challenger of a rollout failed and is released; the champion answers from this bar on. */
  onChallengerFailure(error: unknown, failed: { readonly version: string }, rolloutId: string): void;
  /** Behind the signals of the batch. */
  onScreened(bar: ScreenedBar): void;
}

export interface PipelineOptions {
  readonly pairs: readonly Pair[];
  /** None = pairs alone. */
  readonly instruments?: readonly Pair[];
  readonly windows: Windows;
  /** null = every bar is taken. */
  readonly screen: ScreenPolicy | null;
  readonly schema: FeatureSchema;
  readonly policy: DecisionPolicy;
  readonly policyHash: string;
  /** By symbol. */
  readonly costs: Readonly<Record<string, FillCosts>>;
  readonly market: MarketKind;
  readonly bootId: string;
  /** Wall-clock distance of two bars, for `valid_until_ms`. */
  readonly feedIntervalMs: number;
  readonly stragglerTimeoutMs: number;
  /** Intervals without a live minute after which a pair gets heartbeats, and after which their mode is HALT. */
  readonly silence: { readonly degradedIntervals: number; readonly haltIntervals: number };
  /** Active halts when the journal ended; none where there is no journal. */
  readonly halts?: Standing;
  /** A set that takes longer for a batch, twice in a row, is dropped. */
  readonly slowInferenceMs: number;
  /**
   * Delay of the work after a bar, when no other bar waits, so that consumers get the processor first; 0 = not at
   * all.
   */
  readonly restMs: number;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /**
   * Publishers that do not hold this thread, in this order: WebSocket, files of a thread of their own, Redis.
   */
  readonly sockets: readonly Publisher<TransportName>[];
  /** Signal files that this thread writes: a loop turn later, when the sockets have been flushed. */
  readonly files: readonly Publisher<TransportName>[];
  readonly journal: Journal;
  /** In a replay: the state changes to apply before this minute, although their rows follow its bars in the journal. */
  replayedBefore?(subjectId: string, time: OpenTime): readonly StateInput[];
  /** Where one across machines is configured. */
  readonly lease?: PublishingLease | undefined;
  readonly observer: PipelineObserver;
}

/** The options that the configuration gives. */
export function pipelineSettings(settings: Settings) {
  const { windows, market, feed, inference } = settings.minutehand;
  return {
    windows,
    screen: screenPolicy(settings),
    schema: featureSchema(windows),
    policy: decisionPolicy(settings),
    policyHash: settings.policyHash,
    costs: tradingCosts(settings),
    market,
    stragglerTimeoutMs: feed.straggler_timeout_ms,
    silence: { degradedIntervals: feed.silence_degraded_intervals, haltIntervals: feed.silence_halt_intervals },
    slowInferenceMs: inference.slow_ms,
  } satisfies Partial<PipelineOptions>;
}
