import {
  expectedDecision,
  type DecisionInput,
  type ObservedBar,
} from '../shared/strategies/pair_reversion/decide.oracle.ts';

/** Virtual position of a pair, with the fields in journal order. */
export interface ExpectedPosition {
  readonly side: number;
  readonly positionId: string;
  readonly entryTime: number;
  readonly entryZ: number;
  readonly alpha: number;
  readonly beta: number;
  readonly zMean: number;
  readonly zStd: number;
  readonly ageBars: number;
}

export const NO_POSITION: ExpectedPosition = {
  side: 0,
  positionId: '',
  entryTime: 0,
  entryZ: 0,
  alpha: 0,
  beta: 0,
  zMean: 0,
  zStd: 0,
  ageBars: 0,
};

/** Inputs of the daemon at the end of a pair's minute, or when a heartbeat is due. */
interface Situation {
  /** `XAUUSD_XAGUSD@1h` */
  readonly id: string;
  readonly symbols: readonly [string, string];
  /** Epoch seconds of the minute's open. */
  readonly time: number;
  readonly outcome: 'COMPLETE' | 'LEG_MISSING' | 'LEG_EMPTY' | 'BAR_SUSPECT' | 'SILENCE' | 'SHUTDOWN';
  /** A heartbeat for a long silence or for shutdown. */
  readonly isLastResort: boolean;
  /** Closes of this minute; null: no bar of that leg. */
  readonly closes: readonly [number | null, number | null];
  readonly isWarm: boolean;
  /** The pair's last complete bar. */
  readonly bar: ObservedBar & { readonly closeA: number; readonly closeB: number };
  readonly models: { readonly version: string; readonly theta1: number; readonly theta2: number } | null;
  readonly hasEdge: boolean;
  /** Scores at the pair's last complete bar; null: no models, or the pair is warming up. */
  readonly scores: {
    readonly return_prob: number;
    readonly risk_score: number;
    readonly position_scale: number;
    /** Of AI1's inputs; absent: the bundle does not describe its training rows. */
    readonly novelty?: number;
  } | null;
  /** Current fill cost of both legs, in basis points of gross notional. */
  readonly fillCostBps: number;
  /** What a night costs a long and a short position in each leg, in basis points of its notional. */
  readonly swaps: readonly [NightCosts, NightCosts];
  readonly barSeconds: number;
  readonly noEntryWindows: readonly string[];
  readonly isHalted: boolean;
  readonly isDegraded: boolean;
  readonly policy: DecisionInput['policy'];
  readonly position: ExpectedPosition;
  readonly signalId: string;
  readonly featureSchema: string;
  readonly policyHash: string;
}

interface NightCosts {
  readonly swap_long_bps_per_night: number;
  readonly swap_short_bps_per_night: number;
}

export interface ExpectedAnswer {
  /** Signal body as stored in the journal, without its closing brace. */
  readonly body: string;
  readonly position: string;
  /** Every reason whose condition held. */
  readonly met: readonly string[];
}

interface Outcome {
  readonly action: string;
  readonly reason: string;
  readonly target: number;
  readonly positionId: string;
  readonly position: ExpectedPosition;
  readonly met: readonly string[];
}

/**
 * The answer that docs/reference/PROTOCOL.md specifies, field by field from its tables. Shares no code with
 * `daemon/decide/answer.ts` and `shared/core/decide`.
 */
export function expectedAnswer(situation: Situation): ExpectedAnswer {
  const { symbols, time, isWarm, bar, models, scores, policy, featureSchema, policyHash } = situation;
  const isHeartbeat = situation.outcome === 'SILENCE' || situation.outcome === 'SHUTDOWN';
  const isMeasured = isWarm && (situation.outcome === 'COMPLETE' || isHeartbeat);
  const scored = isMeasured ? scores : null;
  const outcome = outcomeOf(situation);
  const { action, reason, target, positionId, position, met } = outcome;
  const body = {
    timestamp: `${new Date((time + 60) * 1000).toISOString().slice(0, 19)}Z`,
    pair: labelOf(situation.id, symbols),
    z_score: isMeasured ? bar.z : null,
    return_prob: scored?.return_prob ?? null,
    risk_score: scored?.risk_score ?? null,
    entry: action === 'ENTER' ? entryLegsOf(target, bar.beta, symbols) : '',
    confidence: scored === null ? null : scored.return_prob * (1 - scored.risk_score),
    risk_flag: scored === null ? null : Number(scored.risk_score >= models!.theta2),
    theta1: models?.theta1 ?? null,
    theta2: models?.theta2 ?? null,
    position_scale: scored?.position_scale ?? null,
    action,
    reason,
    target,
    position_id: positionId,
    max_age_bars: policy.max_age_bars,
    beta: isMeasured ? bar.beta : null,
    price_a: isMeasured ? bar.closeA : situation.closes[0],
    price_b: isMeasured ? bar.closeB : situation.closes[1],
    pair_id: situation.id,
    signal_id: situation.signalId,
    model_version: models?.version ?? '',
    feature_schema: featureSchema,
    policy_hash: policyHash,
    mode: modeOf(situation, isHeartbeat),
    expected_net_bps: scored === null ? null : expectedNet(situation, scored.return_prob),
    leverage_reduction_rate: 1,
    // Of candidates alone.
    ...(scored?.novelty !== undefined && Math.abs(bar.z) >= policy.z_entry && { novelty: scored.novelty }),
  };
  return { body: JSON.stringify(body).slice(0, -1), position: JSON.stringify(position), met };
}

/** `XAU/USD vs XAG/USD 1h` */
function labelOf(id: string, symbols: readonly string[]): string {
  const [, timeframe] = id.split('@');
  const legs = symbols.map((symbol) => `${symbol.slice(0, 3)}/${symbol.slice(3)}`).join(' vs ');
  return timeframe === undefined ? legs : `${legs} ${timeframe}`;
}

/** "Expected result" of the protocol, without calibration; NaN for a bar that is not a candidate. */
function expectedNet(situation: Situation, probability: number): number {
  const { bar, policy, fillCostBps } = situation;
  const distance = Math.abs(bar.z);
  if (!(distance >= policy.z_entry)) return NaN;
  const sigmas = probability * (distance - policy.z_exit) - (1 - probability) * policy.stop;
  return sigmas * ((1e4 * bar.zStd) / (1 + Math.abs(bar.beta))) - 2 * fillCostBps - expectedSwap(situation);
}

/** "Overnight swaps" of docs/reference/MODELS.md without calibration, hour by hour on New York's clock. */
function expectedSwap({ bar, policy, swaps, barSeconds, time }: Situation): number {
  const side = bar.z > 0 ? -1 : 1;
  const sides = [side, bar.beta < 0 ? side : -side];
  const [a, b] = swaps.map((own, leg) =>
    sides[leg]! > 0 ? own.swap_long_bps_per_night : own.swap_short_bps_per_night,
  );
  const hedge = Math.abs(bar.beta);
  const perNight = (a! + hedge * b!) / (1 + hedge);
  const fill = time + 60;
  const maxAge = policy.max_age_bars * barSeconds;
  let nights = 0;
  let weekends = 0;
  for (let hour = Math.floor(fill / 3600) * 3600 + 3600; ; hour += 3600) {
    const clock = newYorkClock(hour);
    if (!clock.endsWith(' 17')) continue;
    const age = Math.max(0, hour - fill - weekends * 172_800);
    if (age > maxAge) return perNight * nights;
    if (clock === 'Sat 17' && hour - 86_400 > fill) weekends++;
    if (!clock.startsWith('S')) nights += (clock === 'Wed 17' ? 3 : 1) * (1 - age / maxAge);
  }
}

const NEW_YORK = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/New_York',
  weekday: 'short',
  hour: 'numeric',
  hourCycle: 'h23',
});
const clocks = new Map<number, string>();

/** `Wed 17` */
function newYorkClock(hour: number): string {
  const known = clocks.get(hour) ?? NEW_YORK.format(hour * 1000).replace(',', '');
  clocks.set(hour, known);
  return known;
}

/** "Modes" of the protocol. */
function modeOf({ isWarm, isLastResort, models, isHalted, isDegraded }: Situation, isHeartbeat: boolean): string {
  if (isHeartbeat && isLastResort) return 'HALT';
  if (!isWarm) return 'WARMUP';
  if (models === null || isHalted) return 'HALT';
  return isHeartbeat || isDegraded ? 'DEGRADED' : 'OK';
}

/** "Reasons" of the protocol, and the resulting virtual position. */
function outcomeOf(situation: Situation): Outcome {
  const { outcome, isWarm, bar, models, scores, position, signalId, time } = situation;
  const undecided = (reason: string): Outcome => ({
    action: 'HOLD',
    reason,
    target: position.side,
    positionId: position.positionId,
    position,
    met: [],
  });
  if (outcome !== 'COMPLETE') return undecided(outcome);
  if (!isWarm) return undecided('WARMUP');
  const aged = position.side === 0 ? position : oneBarLater(position);
  const decision = expectedDecision({
    ...situation,
    scores: scores === null ? null : { ...scores, expected_net_bps: expectedNet(situation, scores.return_prob) },
    theta1: models?.theta1 ?? 1,
    theta2: models?.theta2 ?? 0,
    position: aged,
  });
  if (decision.action === 'EXIT') return { ...decision, positionId: position.positionId, position: NO_POSITION };
  if (decision.action === 'HOLD') return { ...decision, positionId: position.positionId, position: aged };
  const { z, alpha, beta, zMean, zStd } = bar;
  const entered = { entryTime: time, entryZ: z, alpha, beta, zMean, zStd, ageBars: 0 };
  return {
    ...decision,
    positionId: signalId,
    position: { side: decision.target, positionId: signalId, ...entered },
  };
}

/** Under the models it is no position of a challenger of rules any more. */
function oneBarLater(position: ExpectedPosition): ExpectedPosition {
  const { rollout: _, ...held } = position as ExpectedPosition & { readonly rollout?: string };
  return { ...held, ageBars: position.ageBars + 1 };
}

/** Leg B has −target · sign(beta). */
function entryLegsOf(target: number, beta: number, [a, b]: readonly [string, string]): string {
  const sideOf = (side: number): string => (side === 1 ? 'BUY' : 'SELL');
  return `${sideOf(target)}_${a}, ${sideOf(beta < 0 ? target : -target)}_${b}`;
}
