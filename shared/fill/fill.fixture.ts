import { idOf } from '../signal/signal.fixture.ts';
import { FILL_SCHEMA, slippageBps, type Fill } from './fill.ts';

type OpenFill = Extract<Fill, { kind: 'open' }>;
type CloseFill = Extract<Fill, { kind: 'close' }>;
type RefusedFill = Extract<Fill, { kind: 'refused' }>;

const T0 = Date.UTC(2026, 10, 20, 8, 26);

/** Leg A of XAUUSD_XAGUSD, sold on paper by signal 1; given fields replace its own. */
export function openFill(change: Partial<OpenFill> = {}): OpenFill {
  const fill: OpenFill = {
    schema: FILL_SCHEMA,
    kind: 'open',
    signal_id: idOf(1),
    position_id: idOf(1),
    pair_id: 'XAUUSD_XAGUSD',
    market: 'live',
    account: 'paper',
    reason: 'ENTRY',
    leg: 'A',
    symbol: change.leg === 'B' ? 'XAGUSD' : 'XAUUSD',
    broker_symbol: change.leg === 'B' ? 'XAGUSD' : 'XAUUSD',
    side: 'SELL',
    ticket: change.leg === 'B' ? 2 : 1,
    lots: 0.5,
    requested_price: 4100,
    filled_price: 4099.59,
    slippage_bps: 0,
    time_ms: T0 + 250,
    signal_ms: T0,
    latency_ms: 250,
    pnl: null,
    currency: 'USD',
    error: '',
    ...change,
  };
  return { ...fill, slippage_bps: slippageBps(fill.side, fill.requested_price, fill.filled_price), ...change };
}

/** The end of what openFill opened, by signal 2, ten minutes later. */
export function closeFill(change: Partial<CloseFill> = {}): CloseFill {
  const open = openFill();
  const isB = change.leg === 'B';
  return {
    ...open,
    kind: 'close',
    signal_id: idOf(2),
    reason: 'Z_EXIT',
    symbol: isB ? 'XAGUSD' : 'XAUUSD',
    broker_symbol: isB ? 'XAGUSD' : 'XAUUSD',
    side: 'BUY',
    ticket: isB ? 4 : 3,
    requested_price: 4090,
    filled_price: 4090.409,
    slippage_bps: 1,
    time_ms: open.time_ms + 600_000,
    signal_ms: open.signal_ms + 600_000,
    pnl: 4.5,
    ...change,
  };
}

/** An entry that was not made. */
export function refusedFill(change: Partial<RefusedFill> = {}): RefusedFill {
  return {
    ...openFill(),
    kind: 'refused',
    reason: '',
    leg: '',
    symbol: '',
    broker_symbol: '',
    side: '',
    ticket: 0,
    lots: 0,
    requested_price: null,
    filled_price: null,
    slippage_bps: null,
    pnl: null,
    error: 'CAP_OPEN_PAIRS',
    ...change,
  };
}
