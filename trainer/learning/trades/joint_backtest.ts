import { ExposureMeter, type ExposurePolicy } from '../../../shared/core/position/exposure.ts';
import { FLAT, type Position } from '../../../shared/core/position/position.ts';
import { sideAgainst } from '../../../shared/strategies/pair_reversion/pair_rule.ts';
import { marketAt, type PairHistory } from '../history/pair_history.ts';
import {
  endPass,
  runPass,
  startPass,
  type BacktestOptions,
  type BacktestPass,
  type BacktestRun,
  type PassEvent,
} from './backtest.ts';

/** One pair of a joint run: its bars [from, to). */
export interface JointPair {
  readonly history: PairHistory;
  readonly from: number;
  readonly to: number;
  readonly options: BacktestOptions;
}

/** A pair's next event, and the open of the bar at which it happens. */
interface Pending {
  readonly pass: BacktestPass;
  event: PassEvent;
  time: number;
}

/**
 * Trades of all pairs together, under limits of exposure over all their open positions. Minutes are decided in the
 * order of time, and pairs of one minute in their order: live, in the order in which their bars arrived.
 *
 * Pairs affect each other only where an entry is asked for. Each runs on its own up to its next entry or exit; of all
 * these events the earliest happens next.
 */
export function jointBacktest(pairs: readonly JointPair[], exposure: ExposurePolicy): BacktestRun[] {
  const meter = new ExposureMeter(pairs.map(({ history }) => history.pair));
  const positions: Position[] = pairs.map(() => FLAT);
  const pending = pairs.map(({ from, options }): Pending => ({
    pass: startPass(from, options, true),
    event: null,
    time: 0,
  }));
  /** Up to the next event of a pair. */
  const runOn = (i: number): PassEvent => {
    const { history, to, options } = pairs[i]!;
    const own = pending[i]!;
    own.event = runPass(history, to, options, own.pass);
    // An exit has happened at the bar before the one that is decided next.
    const bar = own.event === 'exited' ? own.pass.t - 1 : own.pass.t;
    own.time = own.event === null ? Infinity : history.time[bar]!;
    return own.event;
  };
  for (let i = 0; i < pairs.length; i++) runOn(i);
  for (let i = earliest(pending); i >= 0; i = earliest(pending)) {
    const own = pending[i]!;
    const { pass } = own;
    if (own.event === 'asks') {
      const market = marketAt(pairs[i]!.history, pass.t);
      pass.judged = pass.t;
      pass.exposure = meter.after(exposure, positions, i, sideAgainst(market), market.beta);
      if (runOn(i) !== 'entered') continue;
    }
    positions[i] = pass.position;
    runOn(i);
  }
  return pairs.map(({ history, to, options }, i) => endPass(history, to, options, pending[i]!.pass));
}

/** Index of the earliest event, of several in one minute that of the first pair; −1 when all have ended. */
function earliest(pending: readonly Pending[]): number {
  let first = -1;
  for (let i = 0; i < pending.length; i++)
    if (pending[i]!.event !== null && (first < 0 || pending[i]!.time < pending[first]!.time)) first = i;
  return first;
}
