/** Virtual position of an instrument, with the fields in journal order. */
export interface ExpectedInstrumentPosition {
  readonly side: number;
  readonly entryClose: number;
  readonly ageBars: number;
  readonly positionId: string;
  readonly entryTime: number;
  readonly exits: ExpectedExits | null;
  /** Id of the rollout whose challenger opened it. */
  readonly rollout?: string;
}

/** null: it has no stop, or no target. */
interface ExpectedExits {
  readonly stop: number | null;
  readonly target: number | null;
  readonly max_age_bars: number;
  /** Of a rule. */
  readonly stop_bps?: number | null;
  readonly target_bps?: number | null;
}

export const NO_INSTRUMENT_POSITION: ExpectedInstrumentPosition = {
  side: 0,
  entryClose: 0,
  ageBars: 0,
  positionId: '',
  entryTime: 0,
  exits: null,
};

/** Inputs of the daemon when an instrument's bar ends, or when a heartbeat is due. */
export interface InstrumentSituation {
  readonly id: string;
  readonly symbol: string;
  /** Epoch seconds of the open of the bar's last minute. */
  readonly time: number;
  readonly outcome: 'COMPLETE' | 'LEG_MISSING' | 'LEG_EMPTY' | 'BAR_SUSPECT' | 'SILENCE' | 'SHUTDOWN';
  readonly isLastResort: boolean;
  readonly isWarm: boolean;
  /** Close of this bar; null without one. */
  readonly barClose: number | null;
  /** Close of the newest bar; null before the first. */
  readonly lastClose: number | null;
  readonly model: {
    readonly version: string;
    readonly thetaUp: number;
    readonly thetaDown: number;
    readonly stop: number;
    readonly target: number;
    readonly maxAgeBars: number;
    /** Reason of the claim that failed; null: none. */
    readonly claim: string | null;
    readonly hasEdge: boolean;
  } | null;
  /** The rule that answers in place of the model; null: none does. */
  readonly rule: ExpectedRule | null;
  /** up, down, range; null: not scored. */
  readonly probabilities: readonly [number, number, number] | null;
  /** Share of training rows that are farther out than the inputs of the model; null: not known. */
  readonly novelty: number | null;
  /** Of the policy; null: no entry is refused for it. */
  readonly noveltyMin: number | null;
  readonly isDegraded: boolean;
  readonly position: ExpectedInstrumentPosition;
  readonly signalId: string;
  readonly featureSchema: string;
  readonly policyHash: string;
}

/** A rule at the close of a bar. */
export interface ExpectedRule {
  readonly version: string;
  readonly isLong: boolean;
  readonly isShort: boolean;
  readonly isExit: boolean;
  /** null: it has none. */
  readonly stopBps: number | null;
  readonly targetBps: number | null;
  readonly maxAgeBars: number;
  readonly hasEdge: boolean;
  /** Id of the rollout whose challenger it is. */
  readonly rollout: string | undefined;
}

interface Outcome {
  readonly action: string;
  readonly reason: string;
  readonly position: ExpectedInstrumentPosition;
}

/**
 * The answer that docs/reference/PROTOCOL.md § Instruments specifies. Shares no code with
 * `daemon/decide/instrument_answer.ts`, `stepInstrument` and `stepDirection`.
 */
export function expectedInstrumentAnswer(situation: InstrumentSituation): { body: string; position: string } {
  const { id, symbol, time, outcome, model, rule, probabilities, position: before, signalId } = situation;
  const isHeartbeat = outcome === 'SILENCE' || outcome === 'SHUTDOWN';
  const { action, reason, position } = outcomeOf(situation);
  const exits = position.exits ?? before.exits ?? ownExits(situation);
  const [up, down, range] = probabilities ?? [null, null, null];
  const body = {
    timestamp: `${new Date((time + 60) * 1000).toISOString().slice(0, 19)}Z`,
    pair: `${symbol.slice(0, 3)}/${symbol.slice(3)}`,
    z_score: null,
    return_prob: null,
    risk_score: null,
    entry: action === 'ENTER' ? `${position.side === 1 ? 'BUY' : 'SELL'}_${symbol}` : '',
    confidence: up === null ? null : Math.max(up, down!),
    risk_flag: null,
    theta1: null,
    theta2: null,
    position_scale: (rule === null ? up !== null : situation.isWarm) ? 1 : null,
    ml_up_prob: up,
    ml_down_prob: down,
    ml_range_prob: range,
    action,
    reason,
    target: position.side,
    position_id: action === 'EXIT' ? before.positionId : position.positionId,
    max_age_bars: exits?.max_age_bars ?? null,
    stop: exits?.stop ?? null,
    take_profit: exits?.target ?? null,
    price: situation.barClose ?? situation.lastClose,
    pair_id: id,
    signal_id: signalId,
    model_version: rule === null ? (model?.version ?? '') : `rule/${rule.version}`,
    feature_schema: situation.featureSchema,
    policy_hash: situation.policyHash,
    mode: modeOf(situation, isHeartbeat),
    // Of bars that call a side alone.
    ...(situation.novelty !== null && rule === null && sideOf(situation) !== 0 && { novelty: situation.novelty }),
  };
  return { body: JSON.stringify(body).slice(0, -1), position: JSON.stringify(position) };
}

/** Of an entry by what answers. */
function ownExits({ model, rule }: InstrumentSituation): ExpectedExits | null {
  if (rule !== null) {
    const { stopBps, targetBps, maxAgeBars: max_age_bars } = rule;
    const share = (bps: number | null): number | null => (bps === null ? null : bps / 10_000);
    return { stop: share(stopBps), target: share(targetBps), max_age_bars, stop_bps: stopBps, target_bps: targetBps };
  }
  return model === null ? null : { stop: model.stop, target: model.target, max_age_bars: model.maxAgeBars };
}

function modeOf(situation: InstrumentSituation, isHeartbeat: boolean): string {
  const { isLastResort, isWarm, model, rule, isDegraded } = situation;
  if (isHeartbeat && isLastResort) return 'HALT';
  if (!isWarm) return 'WARMUP';
  if (model === null && rule === null) return 'HALT';
  return isHeartbeat || isDegraded ? 'DEGRADED' : 'OK';
}

function outcomeOf(situation: InstrumentSituation): Outcome {
  const { outcome, isWarm, position } = situation;
  if (outcome !== 'COMPLETE') return { action: 'HOLD', reason: outcome, position };
  if (!isWarm) return { action: 'HOLD', reason: 'WARMUP', position };
  return position.side === 0 ? entryOf(situation) : exitOf(situation);
}

/** The more probable side, if above its threshold. */
function sideOf({ model, probabilities }: InstrumentSituation): number {
  if (model === null || probabilities === null) return 0;
  const [up, down] = probabilities;
  if (up > down) return up > model.thetaUp ? 1 : 0;
  return down > up && down > model.thetaDown ? -1 : 0;
}

function entryOf(situation: InstrumentSituation): Outcome {
  const { model, rule, probabilities, novelty, noveltyMin } = situation;
  const hold = (reason: string): Outcome => ({ action: 'HOLD', reason, position: NO_INSTRUMENT_POSITION });
  const isNovel = novelty !== null && noveltyMin !== null && novelty < noveltyMin;
  if (rule !== null) {
    if (!rule.hasEdge) return hold('NO_EDGE');
    if (!rule.isLong && !rule.isShort) return hold('NO_ENTRY');
    if (rule.isLong && rule.isShort) return hold('BOTH_SIDES');
    if (isNovel) return hold('NOVEL_INPUT');
    return entered(situation, rule.isLong ? 1 : -1);
  }
  if (model === null || probabilities === null) return hold('NO_MODEL');
  if (model.claim !== null) return hold(model.claim);
  if (!model.hasEdge) return hold('NO_EDGE');
  const side = sideOf(situation);
  if (side === 0) return hold('THETA');
  if (isNovel) return hold('NOVEL_INPUT');
  return entered(situation, side);
}

function entered(situation: InstrumentSituation, side: number): Outcome {
  const { rule, signalId, time, barClose } = situation;
  const exits = ownExits(situation);
  const own = { side, entryClose: barClose!, ageBars: 0, positionId: signalId, entryTime: time, exits };
  const position = rule?.rollout === undefined ? own : { ...own, rollout: rule.rollout };
  return { action: 'ENTER', reason: 'ENTRY', position };
}

/** The entry's rules apply until the exit. */
function exitOf(situation: InstrumentSituation): Outcome {
  const { position, barClose, rule } = situation;
  const { stop, target, max_age_bars } = position.exits!;
  const ageBars = position.ageBars + 1;
  const gain = position.side * (barClose! / position.entryClose - 1);
  const exit = (reason: string): Outcome => ({ action: 'EXIT', reason, position: NO_INSTRUMENT_POSITION });
  if (stop !== null && gain <= -stop) return exit('STOP_EXIT');
  if (target !== null && gain >= target) return exit('TARGET_EXIT');
  if (rule?.isExit === true) return exit('RULE_EXIT');
  if (ageBars >= max_age_bars) return exit('AGE_EXIT');
  if (rule === null && sideOf(situation) === -position.side) return exit('OPPOSITE_EXIT');
  return { action: 'HOLD', reason: 'IN_POSITION', position: { ...position, ageBars } };
}
