import type { DependencyFault } from '../../shared/dependencies/watch.ts';
import type { ScoringEngine } from '../../shared/bundle/scoring_engine.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import type { Halt, Stop } from '../../shared/bundle/halts.ts';
import type { ActiveRollout } from '../../shared/bundle/rollout.ts';
import type { ErrorReport } from '../../shared/errors.ts';
import type { Timeframe } from '../../shared/pair.ts';
import type { MarketKind } from '../../shared/signal/signal.ts';
import type { LeaseHealth } from '../lease/lease_keeper.ts';
import type { ModelRefusal } from '../infer/followed_models.ts';
import type { SeriesState } from '../status/pipeline_status.ts';
import type { LateBars } from '../feed/arrival.ts';
import type { RemoteName } from '../publish/transports.ts';
import type { Route } from '../serve/http_route.ts';

/** refused: the server answers, and refuses. */
export type ConnectionState = 'up' | 'down' | 'refused' | 'off' | 'unknown';

/** By remote transport: `redis`, `redis_refused`, `redis_missed` and `redis_resent`. */
export type TransportsHealth = Readonly<
  Record<RemoteName, ConnectionState> &
    /** Why the server refuses signals, until it takes a whole batch again. */
    Record<`${RemoteName}_refused`, ErrorReport | null> &
    /** Signals that the server did not take since the start. */
    Record<`${RemoteName}_missed`, number> &
    /** Signals that it got later. */
    Record<`${RemoteName}_resent`, number>
>;

export interface DirectionHealth {
  readonly instruments: number;
  readonly instruments_ready: number;
  /** Version of the active direction model of each timeframe that has one. */
  readonly versions: Partial<Record<Timeframe, string>>;
  /** Engine of each of them. */
  readonly inference_engines: Partial<Record<Timeframe, ScoringEngine>>;
  /** What was compared, or why onnxruntime scores one. */
  readonly inference_notes: Partial<Record<Timeframe, string>>;
  /** Why a bundle was refused, until another one is accepted. */
  readonly refused: ModelRefusal | null;
  /** Sources of the models' training that this daemon does not receive: their features are missing. */
  readonly missing_sources: readonly string[];
  /** Version that scores in shadow and is never published, by timeframe; absent without any. */
  readonly shadows?: Partial<Record<Timeframe, string>>;
  /** Version of the rule that answers in place of the model, by instrument; absent without any. */
  readonly rules?: Readonly<Record<string, string>>;
  /** Version of the rule in shadow, by instrument; absent without any. */
  readonly rule_shadows?: Readonly<Record<string, string>>;
  /**
   * Why a rule was refused or has failed, by instrument, until another one is accepted or it is stopped; absent: none.
   */
  readonly rules_refused?: Readonly<Record<string, ModelRefusal>>;
}

/** The state that the daemon reports. */
export interface HealthReport extends TransportsHealth {
  /**
   * ok: signals go out with models. degraded: they go out, something is wrong. waiting: no signal can be acted on yet.
   */
  readonly status: 'ok' | 'degraded' | 'waiting';
  readonly market: MarketKind;
  readonly boot_id: string;
  /** Of package.json. */
  readonly program_version: string;
  readonly shard: string;
  readonly uptime_seconds: number;
  readonly server_engine: string;
  /** Why it is ws where uWebSockets.js would be preferred; null where it is not so. */
  readonly server_engine_note: string | null;
  /** Engine of each of the active models. */
  readonly inference_engines: ModelSet['engines'] | null;
  /** Why a model is not scored by the faster engine, where it is not. */
  readonly inference_notes: ModelSet['engineNotes'] | null;
  readonly model_version: string | null;
  readonly model_market: string | null;
  /** Why the last bundle was refused, until another one is accepted. */
  readonly model_refused: ModelRefusal | null;
  /** Models that score in shadow and are never published. */
  readonly shadow_version: string | null;
  /** The rollout that decides the arm of each signal; null without one. */
  readonly rollout: Omit<ActiveRollout, 'key' | 'block_minutes'> | null;
  /** Why the challenger of models/rollout.json does not answer, until another state is accepted. */
  readonly rollout_refused: ModelRefusal | null;
  readonly feature_schema: string;
  readonly policy_hash: string;
  /** Of the lease across machines; null = none is configured. Without a holder no daemon publishes. */
  readonly lease: LeaseHealth | null;
  readonly pairs: number;
  readonly pairs_ready: number;
  /** Of the instruments; absent without any. */
  readonly direction?: DirectionHealth;
  /** Pairs without bars: they are published with HOLD SILENCE. */
  readonly silent_pairs: readonly string[];
  /**
   * Warm pairs whose newest signal has expired, or that have none yet though there should be one: no consumer acts on
   * them.
   */
  readonly expired_pairs: readonly string[];
  /** Pairs that a live KPI halts under the active models: they are published with mode HALT and enter nothing. */
  readonly halted_pairs: readonly string[];
  /** The halts of models/halts.json. */
  readonly halts: readonly Halt[];
  /** Stops by a person in models/halts.json. */
  readonly stops: readonly Stop[];
  /** Why models/halts.json is not followed, until it is whole again. What was halted stays so. */
  readonly halts_refused: ErrorReport | null;
  /** With `news_stop`: known events of our currencies, and why the calendar cannot be relied on; null without. */
  readonly news: { readonly events: number; readonly fault: ErrorReport | null } | null;
  readonly degradations: readonly string[];
  /** Things outside the process that fail; each is a degradation too. */
  readonly dependencies: readonly DependencyFault[];
  /**
   * Live bars that arrive too late, minute after minute, as those of a feeder on another clock; null while they come in
   * time.
   */
  readonly late_bars: LateBars | null;
  /** Bars of each symbol that were held back as suspect since the start; a symbol without any is left out. */
  readonly suspect_bars: Readonly<Record<string, number>>;
  /** Bars that were refused since the start, by code, such as `BAR_REVISED`; a code without any is left out. */
  readonly refused_bars?: Readonly<Record<string, number>>;
  /** Auxiliary series that have had a value. */
  readonly series: readonly SeriesState[];
  /** The connection that reads bars from Redis. */
  readonly bar_stream: ConnectionState;
  readonly bar_stream_refused: ErrorReport | null;
  /** Open time of the newest minute of each symbol: where a feeder continues after an interruption. */
  readonly last_bars: Readonly<Record<string, string>>;
}

/**
 * `/healthz` is 200 as long as the process answers. `/readyz` is 200 when every pair is warm and models are active,
 * else 503.
 */
export function healthRoutes(report: () => HealthReport): Route[] {
  const answer = (status: number): { status: number; contentType: string; body: string } => ({
    status,
    contentType: 'application/json',
    body: `${JSON.stringify(report(), null, 1)}\n`,
  });
  return [
    { method: 'GET', path: '/healthz', handle: () => answer(200) },
    { method: 'GET', path: '/readyz', handle: () => answer(report().status === 'waiting' ? 503 : 200) },
  ];
}
