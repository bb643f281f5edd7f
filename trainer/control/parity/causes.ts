import type { Position } from '../../../shared/core/position/position.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';

/** Why a live decision may differ from the backtest's: docs/reference/LIVE_VS_BACKTEST.md. */
export const CAUSES = {
  BACKFILL: 'the bars came as backfill: features move, nothing is decided',
  BAR_SUSPECT: 'the bar of a leg was held back as suspect: the minute is dropped',
  CLOSE_ALL: 'a person has the position closed',
  EXPOSURE: 'positions of other pairs keep the entry from being made: the backtest of a pair alone knows none',
  KPI_HALT: 'a live KPI halts the entries of the pair',
  LEG_MISSING: 'the bar of a leg came after straggler_timeout_ms: the minute is dropped',
  NEWS: 'an event of the calendar that the daemon had is near: the backtest of a day has no calendar',
  NEWS_CLOSE: 'an event of the calendar that the daemon had closes the position',
  NO_MODEL: 'no model set answered: the backtest decides as without one',
  STOPPED: 'a person has stopped the entries of the pair, or the daemon could not read its stops',
  POLICY_CHANGED: 'decided under another configuration of the journal, as the backtest under that one decides',
  WARMUP: 'the daemon had not seen enough bars yet',
} as const;
export type Cause = keyof typeof CAUSES;

export type Fields = Readonly<Record<string, { readonly live: unknown; readonly backtest: unknown }>>;

export interface LiveAnswer {
  readonly body: SignalBody;
  /** After it. */
  readonly position: Position;
}

/** What the decision alone makes of the bar and its scores. */
const DECIDED: readonly string[] = ['action', 'reason', 'target', 'position'];

/**
 * The cause that a live signal names and that explains these fields; null = none does.
 * @param before the live position before the minute
 * @param isInBacktest whether the backtest decides on the minute
 */
export function explains(
  live: LiveAnswer,
  before: Position,
  fields: Fields,
  isInBacktest: boolean,
): Exclude<Cause, 'BACKFILL' | 'NO_MODEL' | 'POLICY_CHANGED'> | null {
  const { reason, z_score } = live.body;
  // The backtest does not have a minute that moves no features, nor one before the features exist.
  if (reason === 'BAR_SUSPECT' || reason === 'LEG_MISSING' || reason === 'WARMUP')
    return !isInBacktest && isHeld(live, before) && isUnscored(live) && z_score === null ? reason : null;
  if (reason === 'CLOSE_ALL' || reason === 'NEWS_CLOSE') return isClosedByPerson(live, before, fields) ? reason : null;
  if (reason === 'KPI_HALT' || reason === 'STOPPED' || reason === 'EXPOSURE' || reason === 'NEWS')
    return isRefusedEntry(live, fields) ? reason : null;
  return null;
}

/** Nothing was opened, closed or turned. */
function isHeld({ body, position }: LiveAnswer, before: Position): boolean {
  const { side, positionId } = position;
  const isSame = side === before.side && positionId === before.positionId;
  return body.action === 'HOLD' && body.target === side && isSame;
}

function isUnscored({ body }: LiveAnswer): boolean {
  return body.return_prob === null && body.risk_score === null;
}

/** The backtest would have held the position on. */
function isClosedByPerson({ body, position }: LiveAnswer, before: Position, fields: Fields): boolean {
  const isClose = body.action === 'EXIT' && before.side !== 0 && position.side === 0;
  return (
    isClose && fields['action']?.backtest === 'HOLD' && Object.keys(fields).every((name) => DECIDED.includes(name))
  );
}

/** A halt leaves the bar's z and its scores as they are, and it only refuses entries: the pair stays flat. */
function isRefusedEntry({ body, position }: LiveAnswer, fields: Fields): boolean {
  const isFlat = body.action === 'HOLD' && body.target === 0 && position.side === 0;
  const changed = fields['action'] === undefined ? ['reason'] : DECIDED;
  const isEntry = fields['action'] === undefined || fields['action'].backtest === 'ENTER';
  return isFlat && isEntry && Object.keys(fields).every((name) => changed.includes(name));
}
