import type { OrderLeg, Refusal } from '../../shared/signal/consumer.ts';
import { checksum } from '../../shared/signal/encode.ts';
import type { InstrumentBody } from '../../shared/signal/instrument_signal.ts';
import {
  bodyOf,
  enterBody,
  enterInstrument,
  exitBody,
  idOf,
  inPositionBody,
  instrumentBodyOf,
  instrumentTextOf,
  textOf,
} from '../../shared/signal/signal.fixture.ts';
import type { MarketKind, SignalBody, SignalEnvelope } from '../../shared/signal/signal.ts';

/** Expected answer of a consumer to one text. Orders are written `close <id>`, `open <id>`, `hold`, `halt`. */
export type Expectation = { readonly refuse: Refusal } | { readonly orders: readonly string[] };

export type VectorStep =
  | {
      readonly text: string;
      readonly now_ms: number;
      /** Pair of the folder or subscription that it comes from; absent = unknown, and not checked. */
      readonly from?: string;
      readonly expect: Expectation;
      readonly legs?: readonly OrderLeg[];
    }
  /** The consumer's process ends and restarts with its saved state. */
  | { readonly restart: true }
  /** The consumer's own stop closes a position. */
  | { readonly closed: string };

/** One run of a consumer that starts without state. */
export interface ConsumerVector {
  readonly name: string;
  readonly markets: readonly MarketKind[];
  /** false: for consumers of pairs only; true: for consumers of instruments too; absent: for both. */
  readonly instruments?: boolean;
  readonly max_clock_skew_ms: number;
  readonly steps: readonly VectorStep[];
}

const NOW_MS = Date.UTC(2026, 10, 20, 8, 26, 1);
const BOOT = '20261120T080000000Z';
const LATER_BOOT = '20261120T082500000Z';
const ONE = idOf(0x11);
const TWO = idOf(0x22);
const THREE = idOf(0x33);
/** Of a signal that a rule without a direction model has answered. */
const OF_RULE: Partial<InstrumentBody> = {
  model_version: 'rule/20261120_0800-01234567',
  confidence: null,
  ml_up_prob: null,
  ml_down_prob: null,
  ml_range_prob: null,
};
/** Of a signal of a pair that a rule has answered. */
const OF_PAIR_RULE: Partial<SignalBody> = {
  model_version: 'rule/20261120_0800',
  return_prob: null,
  risk_score: null,
  confidence: null,
  risk_flag: null,
  theta1: null,
  theta2: null,
  expected_net_bps: null,
};
const NO_EXITS: Partial<InstrumentBody> = { stop: null, take_profit: null };

type Envelope = Partial<SignalEnvelope> & { readonly seq: number };

const text = (body: SignalBody, envelope: Envelope): string =>
  textOf(body, { boot_id: BOOT, generated_at_ms: NOW_MS, ...envelope });
const receive = (body: SignalBody, envelope: Envelope, expect: Expectation, afterMs = 0): VectorStep => ({
  text: text(body, envelope),
  now_ms: NOW_MS + afterMs,
  expect,
});
const accept = (...orders: string[]): Expectation => ({ orders });
const refuse = (code: Refusal): Expectation => ({ refuse: code });

const receiveInstrument = (body: InstrumentBody, seq: number, expect: Expectation, afterMs = 0): VectorStep => ({
  text: instrumentTextOf(body, { boot_id: BOOT, generated_at_ms: NOW_MS, seq }),
  now_ms: NOW_MS + afterMs,
  expect,
});

/** A line that the daemon would never write, with a matching checksum. */
const signed = (covered: string): string => `${covered},"crc32":"${checksum(covered)}"}`;
const unsigned = (line: string): string => line.slice(0, line.lastIndexOf(',"crc32"'));

const sound = text(enterBody(ONE), { seq: 1 });
const whole = (line: string, expect: Expectation, afterMs = 0): VectorStep => ({
  text: line,
  now_ms: NOW_MS + afterMs,
  expect,
});

/** Vectors of test/vectors/consumer.json, with hand-written expectations. */
export const CONSUMER_VECTORS: readonly ConsumerVector[] = [
  live('a position is opened, kept and closed', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(inPositionBody(ONE), { seq: 2 }, accept('hold')),
    receive(exitBody(ONE), { seq: 3 }, accept(`close ${ONE}`)),
    receive(bodyOf(), { seq: 4 }, accept('hold')),
  ]),
  live('z above zero sells leg A and buys leg B by |beta|', [
    {
      ...whole(sound, accept(`open ${ONE}`)),
      legs: [
        { side: 'SELL', symbol: 'XAUUSD', weight: 1 },
        { side: 'BUY', symbol: 'XAGUSD', weight: 0.8 },
      ],
    },
  ]),
  live('with beta below zero both legs have the same side', [
    {
      ...receive(enterBody(ONE, { beta: -1.5, z_score: -2.5 }), { seq: 1 }, accept(`open ${ONE}`)),
      legs: [
        { side: 'BUY', symbol: 'XAUUSD', weight: 1 },
        { side: 'BUY', symbol: 'XAGUSD', weight: 1.5 },
      ],
    },
  ]),
  live('a final newline belongs to the file, not to the signal', [whole(`${sound}\n`, accept(`open ${ONE}`))]),
  live('torn texts are refused, and the whole one that follows is accepted', [
    whole('', refuse('TORN')),
    whole('\n', refuse('TORN')),
    whole(sound.slice(0, 400), refuse('TORN')),
    whole(sound.slice(0, -1), refuse('TORN')),
    whole(sound.slice(1), refuse('TORN')),
    whole(sound.replace('"target":-1', '"target":1'), refuse('TORN')),
    whole(sound.replace('"position_scale":0.5', '"position_scale":0.6'), refuse('TORN')),
    whole(sound.slice(0, 300) + text(bodyOf(), { seq: 2 }).slice(300), refuse('TORN')),
    whole(sound + sound, refuse('TORN')),
    whole(unsigned(sound) + '}', refuse('TORN')),
    whole(
      sound.replace(/"crc32":"(.*)"/, (_, crc: string) => `"crc32":"${crc.toUpperCase()}"`),
      refuse('TORN'),
    ),
    whole(sound, accept(`open ${ONE}`)),
  ]),
  live('another contract is refused whatever else it contains', [
    whole(signed(unsigned(sound).replace('minutehand.signal/2', 'minutehand.signal/3')), refuse('SCHEMA')),
    whole(signed('{"schema":"minutehand.signal/22"'), refuse('SCHEMA')),
    whole(signed('{"hello":1'), refuse('SCHEMA')),
    whole(signed('{hello'), refuse('SCHEMA')),
  ]),
  live('fields that are missing, moved, out of range or in contradiction are refused', [
    whole(signed(unsigned(sound).replace('"max_age_bars":60,', '')), refuse('FORMAT')),
    whole(signed(unsigned(sound).replace('"target":-1', '"target":-2')), refuse('FORMAT')),
    whole(signed(unsigned(sound).replace('"seq":1', '"seq":0')), refuse('FORMAT')),
    whole(signed(unsigned(sound).replace('"seq":1', '"seq":"1"')), refuse('FORMAT')),
    whole(signed(unsigned(sound).replace('"position_scale":0.5', '"position_scale":5')), refuse('FORMAT')),
    whole(signed(`{"extra":1,${unsigned(sound).slice(1)}`), refuse('FORMAT')),
    receive(enterBody(ONE, { entry: '' }), { seq: 1 }, refuse('FORMAT')),
    receive(enterBody(ONE, { entry: 'BUY_XAUUSD, SELL_XAGUSD' }), { seq: 1 }, refuse('FORMAT')),
    receive(enterBody(ONE, { entry: 'SELL_XAUUSD, BUY_EURUSD' }), { seq: 1 }, refuse('FORMAT')),
    receive(enterBody(ONE, { position_id: TWO }), { seq: 1 }, refuse('FORMAT')),
    receive(enterBody(ONE, { mode: 'HALT' }), { seq: 1 }, refuse('FORMAT')),
    receive(enterBody(ONE, { mode: 'WARMUP' }), { seq: 1 }, refuse('FORMAT')),
    receive(exitBody(ONE, 'STOP', { target: 1 }), { seq: 1 }, refuse('FORMAT')),
    receive(inPositionBody(''), { seq: 1 }, refuse('FORMAT')),
    whole(sound, accept(`open ${ONE}`)),
  ]),
  live('another market is refused, and does not count as received', [
    receive(enterBody(ONE), { seq: 9, market: 'simulated' }, refuse('MARKET')),
    receive(enterBody(ONE), { seq: 9, market: 'replay' }, refuse('MARKET')),
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
  ]),
  live('a signal of another pair than that of its folder is refused, and does not count as received', [
    { ...receive(enterBody(ONE, { pair_id: 'EURUSD_USDCHF' }), { seq: 9 }, refuse('PAIR')), from: 'XAUUSD_XAGUSD' },
    { ...receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)), from: 'XAUUSD_XAGUSD' },
    { ...receive(exitBody(ONE), { seq: 2 }, refuse('PAIR')), from: 'XAUUSD' },
    { ...receive(exitBody(ONE), { seq: 2 }, refuse('PAIR')), from: 'XAUUSD_XAGUSD@5m' },
    { ...receive(exitBody(ONE), { seq: 2, market: 'simulated' }, refuse('MARKET')), from: 'EURUSD_USDCHF' },
    {
      ...receive(enterBody(TWO, { pair_id: 'EURUSD_USDCHF' }), { seq: 1 }, accept(`open ${TWO}`)),
      from: 'EURUSD_USDCHF',
    },
    { ...receive(exitBody(ONE), { seq: 2 }, accept(`close ${ONE}`)), from: 'XAUUSD_XAGUSD' },
  ]),
  {
    ...live('in paper mode each market has a position and a count of its own', [
      receive(enterBody(ONE), { seq: 5, market: 'simulated', boot_id: LATER_BOOT }, accept(`open ${ONE}`)),
      receive(enterBody(TWO), { seq: 2 }, accept(`open ${TWO}`)),
      receive(bodyOf(), { seq: 3 }, accept(`close ${TWO}`)),
      receive(inPositionBody(ONE), { seq: 6, market: 'simulated', boot_id: LATER_BOOT }, accept('hold')),
    ]),
    markets: ['live', 'simulated'],
  },
  live('a signal that comes again, before its time or from an earlier start is refused', [
    receive(bodyOf(), { seq: 5 }, accept('hold')),
    receive(bodyOf(), { seq: 5 }, refuse('REPEATED')),
    receive(enterBody(ONE), { seq: 4 }, refuse('OUT_OF_ORDER')),
    receive(enterBody(TWO), { seq: 1, boot_id: LATER_BOOT }, accept(`open ${TWO}`)),
    receive(exitBody(TWO), { seq: 6 }, refuse('OLDER_BOOT')),
    receive(inPositionBody(TWO), { seq: 2, boot_id: LATER_BOOT }, accept('hold')),
  ]),
  live('each pair has an order of its own', [
    receive(enterBody(ONE), { seq: 7 }, accept(`open ${ONE}`)),
    receive(enterBody(TWO, { pair_id: 'EURUSD_USDCHF' }), { seq: 2 }, accept(`open ${TWO}`)),
    receive(bodyOf({ pair_id: 'EURUSD_USDCHF' }), { seq: 3 }, accept(`close ${TWO}`)),
    receive(inPositionBody(ONE), { seq: 8 }, accept('hold')),
  ]),
  live('a signal is fresh up to and including valid_until_ms', [
    receive(bodyOf(), { seq: 1 }, accept('hold'), 150_000),
    receive(bodyOf(), { seq: 2 }, refuse('STALE'), 150_001),
  ]),
  live('an expired ENTER stays expired when the clock is set back', [
    receive(enterBody(ONE), { seq: 1 }, refuse('STALE'), 200_000),
    receive(enterBody(ONE), { seq: 1 }, refuse('REPEATED')),
    receive(inPositionBody(ONE), { seq: 2 }, accept('hold')),
  ]),
  live('an expired EXIT is no order: the next signal heals it', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(exitBody(ONE), { seq: 2 }, refuse('STALE'), 200_000),
    receive(bodyOf(), { seq: 3 }, accept(`close ${ONE}`)),
  ]),
  live('a clock of the daemon that is too far ahead makes its signals unusable', [
    receive(enterBody(ONE), { seq: 1 }, refuse('FUTURE'), -2_001),
    receive(enterBody(TWO), { seq: 2 }, accept(`open ${TWO}`), -2_000),
  ]),
  live('a missed EXIT heals when the target is 0', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(bodyOf({ reason: 'RISK_HIGH' }), { seq: 4 }, accept(`close ${ONE}`)),
  ]),
  live('a missed EXIT heals when the target is another position, which is not entered late', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(inPositionBody(TWO), { seq: 9 }, accept(`close ${ONE}`)),
    receive(inPositionBody(TWO), { seq: 10 }, accept('hold')),
    receive(exitBody(TWO), { seq: 11 }, accept('hold')),
  ]),
  live('an ENTER after a missed EXIT closes the old position first', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(enterBody(TWO), { seq: 6 }, accept(`close ${ONE}`, `open ${TWO}`)),
  ]),
  live('a missed ENTER is not made up for', [
    receive(inPositionBody(ONE), { seq: 2 }, accept('hold')),
    receive(exitBody(ONE), { seq: 3 }, accept('hold')),
  ]),
  live('a decision that is delivered again after a crash of the daemon opens nothing twice', [
    receive(enterBody(ONE), { seq: 8 }, accept(`open ${ONE}`)),
    receive(enterBody(ONE), { seq: 1, boot_id: LATER_BOOT }, accept('hold')),
    receive(exitBody(ONE), { seq: 2, boot_id: LATER_BOOT }, accept(`close ${ONE}`)),
    receive(enterBody(ONE), { seq: 3, boot_id: LATER_BOOT }, accept('hold')),
  ]),
  live('a restart of the consumer duplicates nothing and loses nothing', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    { restart: true },
    receive(enterBody(ONE), { seq: 1 }, refuse('REPEATED')),
    receive(enterBody(ONE), { seq: 1, boot_id: LATER_BOOT }, accept('hold')),
    { restart: true },
    receive(exitBody(ONE), { seq: 2, boot_id: LATER_BOOT }, accept(`close ${ONE}`)),
    { restart: true },
    receive(enterBody(ONE), { seq: 3, boot_id: LATER_BOOT }, accept('hold')),
  ]),
  live('a position that its own stop closed is not opened again', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    { closed: ONE },
    receive(inPositionBody(ONE), { seq: 2 }, accept('hold')),
    receive(enterBody(ONE), { seq: 1, boot_id: LATER_BOOT }, accept('hold')),
    receive(exitBody(ONE), { seq: 2, boot_id: LATER_BOOT }, accept('hold')),
    receive(enterBody(THREE), { seq: 3, boot_id: LATER_BOOT }, accept(`open ${THREE}`)),
  ]),
  live('DEGRADED trades', [receive(enterBody(ONE, { mode: 'DEGRADED' }), { seq: 1 }, accept(`open ${ONE}`))]),
  live('HALT enters nothing, keeps what is open and still closes it', [
    receive(bodyOf({ reason: 'NO_MODEL', mode: 'HALT' }), { seq: 1 }, accept('halt')),
    receive(enterBody(ONE), { seq: 2 }, accept(`open ${ONE}`)),
    receive(inPositionBody(ONE, { mode: 'HALT' }), { seq: 3 }, accept('halt')),
    receive(exitBody(ONE, 'STOP', { mode: 'HALT' }), { seq: 4 }, accept(`close ${ONE}`, 'halt')),
  ]),
  live('a pair halted by its live KPIs is HALT on every bar, and its open position continues to its exit', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(inPositionBody(ONE, { mode: 'HALT' }), { seq: 2 }, accept('halt')),
    receive(exitBody(ONE, 'Z_EXIT', { mode: 'HALT' }), { seq: 3 }, accept(`close ${ONE}`, 'halt')),
    receive(bodyOf({ reason: 'KPI_HALT', mode: 'HALT' }), { seq: 4 }, accept('halt')),
    receive(enterBody(TWO), { seq: 5 }, accept(`open ${TWO}`)),
  ]),
  live('WARMUP has no numbers and enters nothing', [
    receive(unknownNumbers({ reason: 'WARMUP', mode: 'WARMUP' }), { seq: 1 }, accept('hold')),
  ]),
  live('a leg that is missing changes nothing', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(unknownNumbers({ reason: 'LEG_MISSING', target: -1, position_id: ONE }), { seq: 2 }, accept('hold')),
    receive(unknownNumbers({ reason: 'LEG_EMPTY', target: -1, position_id: ONE }), { seq: 3 }, accept('hold')),
  ]),
  live('a minute whose bar is held back as suspect changes nothing', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(
      unknownNumbers({ reason: 'BAR_SUSPECT', target: -1, position_id: ONE, price_a: null }),
      { seq: 2 },
      accept('hold'),
    ),
    receive(exitBody(ONE), { seq: 3 }, accept(`close ${ONE}`)),
  ]),
  live('heartbeats of silence keep what is open, and halt in the end', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(
      inPositionBody(ONE, { reason: 'SILENCE', mode: 'DEGRADED', signal_id: idOf(0x91) }),
      { seq: 2 },
      accept('hold'),
    ),
    receive(
      inPositionBody(ONE, { reason: 'SILENCE', mode: 'HALT', signal_id: idOf(0x92) }),
      { seq: 3 },
      accept('halt'),
    ),
    receive(exitBody(ONE), { seq: 4 }, accept(`close ${ONE}`)),
  ]),
  live('the final heartbeat of a daemon halts and keeps what is open; the next daemon continues', [
    receive(enterBody(ONE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(
      inPositionBody(ONE, { reason: 'SHUTDOWN', mode: 'HALT', signal_id: idOf(0x93) }),
      { seq: 2 },
      accept('halt'),
    ),
    receive(inPositionBody(ONE), { seq: 1, boot_id: LATER_BOOT }, accept('hold')),
    receive(exitBody(ONE), { seq: 2, boot_id: LATER_BOOT }, accept(`close ${ONE}`)),
    receive(
      bodyOf({ reason: 'SHUTDOWN', mode: 'DEGRADED', signal_id: idOf(0x94) }),
      { seq: 3, boot_id: LATER_BOOT },
      refuse('FORMAT'),
    ),
  ]),
  live('signals of both arms of a rollout are followed, and only with both fields in their place', [
    receive(enterBody(ONE, { arm: 'challenger', rollout: '20261120T080000' }), { seq: 1 }, accept(`open ${ONE}`)),
    receive(
      exitBody(ONE, 'Z_EXIT', { arm: 'champion', rollout: '20261120T080000' }),
      { seq: 2 },
      accept(`close ${ONE}`),
    ),
    receive(enterBody(TWO, { arm: 'another' as 'champion', rollout: 'r' }), { seq: 3 }, refuse('FORMAT')),
    whole(
      signed(unsigned(text(enterBody(TWO), { seq: 4 })).replace(',"schema"', ',"arm":"champion","schema"')),
      refuse('FORMAT'),
    ),
    whole(
      signed(
        unsigned(text(enterBody(TWO), { seq: 5 })).replace(',"schema"', ',"rollout":"r","arm":"champion","schema"'),
      ),
      refuse('FORMAT'),
    ),
    receive(enterBody(TWO), { seq: 6 }, accept(`open ${TWO}`)),
  ]),
  live('a novelty from 0 to 1 is accepted in its place, with or without a rollout and a fence', [
    receive(enterBody(ONE, { novelty: 0.25 }), { seq: 1 }, accept(`open ${ONE}`)),
    receive(inPositionBody(ONE, { novelty: 0 }), { seq: 2, fence: 7 }, accept('hold')),
    receive(
      exitBody(ONE, 'Z_EXIT', { novelty: 1, arm: 'challenger', rollout: 'r' }),
      { seq: 3, fence: 7 },
      accept(`close ${ONE}`),
    ),
    receive(bodyOf({ novelty: 1.5 }), { seq: 4, fence: 7 }, refuse('FORMAT')),
    receive(bodyOf({ reason: 'NOVEL_INPUT', novelty: 0.001 }), { seq: 5, fence: 7 }, accept('hold')),
    whole(
      signed(unsigned(text(bodyOf(), { seq: 6, fence: 7 })).replace(',"fence"', ',"novelty":null,"fence"')),
      refuse('FORMAT'),
    ),
    whole(
      signed(unsigned(text(bodyOf(), { seq: 7, fence: 7 })).replace(',"schema"', ',"novelty":0.5,"schema"')),
      refuse('FORMAT'),
    ),
  ]),
  live('a daemon with a higher fence is followed whatever its boot id and count, and the one before it no more', [
    receive(enterBody(ONE), { seq: 70, boot_id: LATER_BOOT, fence: 7 }, accept(`open ${ONE}`)),
    receive(inPositionBody(ONE), { seq: 3, fence: 8 }, accept('hold')),
    receive(exitBody(ONE), { seq: 71, boot_id: LATER_BOOT, fence: 7 }, refuse('LOWER_FENCE')),
    receive(exitBody(ONE), { seq: 9_000, boot_id: '20991231T235959999Z' }, refuse('LOWER_FENCE')),
    receive(inPositionBody(ONE), { seq: 3, fence: 8 }, refuse('REPEATED')),
    { restart: true },
    receive(exitBody(ONE), { seq: 72, boot_id: LATER_BOOT, fence: 7 }, refuse('LOWER_FENCE')),
    receive(exitBody(ONE), { seq: 4, fence: 8 }, accept(`close ${ONE}`)),
    receive(enterBody(TWO), { seq: 5, boot_id: LATER_BOOT, fence: 8 }, accept(`open ${TWO}`)),
    receive(bodyOf(), { seq: 6, fence: 8 }, refuse('OLDER_BOOT')),
  ]),
  live('a daemon that takes over repeats nothing that was followed, and a bar before the last one is no order', [
    receive(enterBody(ONE, { timestamp: '2026-11-20T08:25:00Z' }), { seq: 5, fence: 7 }, accept(`open ${ONE}`)),
    receive(bodyOf({ timestamp: '2026-11-20T08:24:00Z' }), { seq: 1, fence: 8 }, refuse('OLDER_BAR')),
    receive(exitBody(ONE), { seq: 6, fence: 7 }, refuse('LOWER_FENCE')),
    { restart: true },
    receive(bodyOf({ timestamp: '2026-11-20T08:24:00Z' }), { seq: 2, fence: 8 }, refuse('OLDER_BAR')),
    receive(enterBody(ONE, { timestamp: '2026-11-20T08:25:00Z' }), { seq: 3, fence: 8 }, accept('hold')),
    receive(
      exitBody(ONE, 'Z_EXIT', { timestamp: '2026-11-20T08:26:00Z' }),
      { seq: 4, fence: 8 },
      accept(`close ${ONE}`),
    ),
  ]),
  live('a refused signal of a higher fence still ends the lower one', [
    receive(bodyOf(), { seq: 1, fence: 8 }, refuse('STALE'), 200_000),
    receive(enterBody(ONE), { seq: 2, fence: 7 }, refuse('LOWER_FENCE')),
    receive(enterBody(ONE), { seq: 2, fence: 8 }, accept(`open ${ONE}`)),
  ]),
  live('a fence is a whole number above 0 in its place, with or without a rollout', [
    receive(enterBody(ONE), { seq: 1, fence: 0 }, refuse('FORMAT')),
    receive(enterBody(ONE), { seq: 1, fence: 1.5 }, refuse('FORMAT')),
    whole(
      signed(unsigned(text(enterBody(ONE), { seq: 1 })).replace(',"schema"', ',"fence":null,"schema"')),
      refuse('FORMAT'),
    ),
    whole(
      signed(unsigned(text(enterBody(ONE), { seq: 1 })).replace(',"market"', ',"fence":7,"market"')),
      refuse('FORMAT'),
    ),
    whole(
      signed(
        unsigned(text(enterBody(ONE), { seq: 1 })).replace(
          ',"schema"',
          ',"fence":7,"arm":"champion","rollout":"r","schema"',
        ),
      ),
      refuse('FORMAT'),
    ),
    receive(
      enterBody(ONE, { arm: 'challenger', rollout: 'r' }),
      { seq: 1, fence: 1_763_625_600_000 },
      accept(`open ${ONE}`),
    ),
  ]),
  {
    ...live('a consumer of pairs refuses the signal of an instrument as another contract', [
      receiveInstrument(enterInstrument(ONE), 1, refuse('SCHEMA')),
      receive(enterBody(TWO), { seq: 1 }, accept(`open ${TWO}`)),
      receiveInstrument(instrumentBodyOf(), 2, refuse('SCHEMA')),
      receive(inPositionBody(TWO), { seq: 2 }, accept('hold')),
    ]),
    instruments: false,
  },
  ofInstruments('an instrument is bought, kept and closed, beside a pair', [
    {
      ...receiveInstrument(enterInstrument(ONE, { pair_id: 'BTCUSDT@1h' }), 1, accept(`open ${ONE}`)),
      legs: [{ side: 'BUY', symbol: 'BTCUSDT', weight: 1 }],
    },
    receive(enterBody(TWO), { seq: 1 }, accept(`open ${TWO}`)),
    receiveInstrument(instrumentBodyOf({ reason: 'IN_POSITION', target: 1, position_id: ONE }), 2, accept('hold')),
    receiveInstrument(
      instrumentBodyOf({ action: 'EXIT', reason: 'STOP_EXIT', position_id: ONE }),
      3,
      accept(`close ${ONE}`),
    ),
    receive(exitBody(TWO), { seq: 2 }, accept(`close ${TWO}`)),
  ]),
  live('a rule of a pair has no scores; the models state all of theirs', [
    receive(enterBody(ONE, OF_PAIR_RULE), { seq: 1 }, accept(`open ${ONE}`)),
    receive(inPositionBody(ONE, OF_PAIR_RULE), { seq: 2 }, accept('hold')),
    receive(inPositionBody(ONE), { seq: 3 }, accept('hold')),
    receive(exitBody(ONE, 'STOP', OF_PAIR_RULE), { seq: 4 }, accept(`close ${ONE}`)),
    ...(['z_score', 'position_scale', 'beta', 'price_a', 'price_b'] as const).map((name) =>
      receive(bodyOf({ ...OF_PAIR_RULE, [name]: null }), { seq: 5 }, refuse('FORMAT')),
    ),
    ...(['return_prob', 'risk_score', 'confidence', 'risk_flag', 'theta1', 'theta2'] as const).map((name) =>
      receive(bodyOf({ [name]: null }), { seq: 5 }, refuse('FORMAT')),
    ),
  ]),
  ofInstruments('an instrument is sold short, and a missed EXIT heals', [
    {
      ...receiveInstrument(enterInstrument(ONE, { target: -1 }), 1, accept(`open ${ONE}`)),
      legs: [{ side: 'SELL', symbol: 'BTCUSDT', weight: 1 }],
    },
    receiveInstrument(enterInstrument(TWO, { pair_id: 'ETHUSDT' }), 1, accept(`open ${TWO}`)),
    receiveInstrument(instrumentBodyOf({ reason: 'NO_EDGE' }), 9, accept(`close ${ONE}`)),
    receiveInstrument(instrumentBodyOf(), 9, refuse('REPEATED')),
    receiveInstrument(enterInstrument(THREE), 10, refuse('STALE'), 3_690_001),
  ]),
  ofInstruments('an instrument states the novelty of a bar that calls a side, before the fence', [
    receiveInstrument(enterInstrument(ONE, { novelty: 0.25 }), 1, accept(`open ${ONE}`)),
    receiveInstrument(
      instrumentBodyOf({ action: 'EXIT', reason: 'OPPOSITE_EXIT', position_id: ONE, novelty: 0 }),
      2,
      accept(`close ${ONE}`),
    ),
    receiveInstrument(instrumentBodyOf({ reason: 'NOVEL_INPUT', novelty: 0.001 }), 3, accept('hold')),
    receiveInstrument(instrumentBodyOf({ novelty: 1.5 }), 4, refuse('FORMAT')),
    whole(
      signed(
        unsigned(instrumentTextOf(instrumentBodyOf(), { boot_id: BOOT, generated_at_ms: NOW_MS, seq: 5 })).replace(
          ',"model_version"',
          ',"novelty":0.5,"model_version"',
        ),
      ),
      refuse('FORMAT'),
    ),
  ]),
  ofInstruments('an instrument without a model, or in its warm-up, has no numbers and enters nothing', [
    receiveInstrument(unknownAnswers({ reason: 'WARMUP', mode: 'WARMUP' }), 1, accept('hold')),
    receiveInstrument(unknownAnswers({ reason: 'NO_MODEL', mode: 'HALT' }), 2, accept('halt')),
    receiveInstrument(instrumentBodyOf({ reason: 'SHUTDOWN', mode: 'HALT' }), 3, accept('halt')),
  ]),
  ofInstruments('a rule needs no model, and its positions may have neither stop nor target, whatever answers next', [
    receiveInstrument(enterInstrument(ONE, { ...OF_RULE, stop: null, take_profit: null }), 1, accept(`open ${ONE}`)),
    receiveInstrument(
      instrumentBodyOf({ ...OF_RULE, ...NO_EXITS, reason: 'IN_POSITION', target: 1, position_id: ONE }),
      2,
      accept('hold'),
    ),
    receiveInstrument(
      instrumentBodyOf({ ...NO_EXITS, reason: 'IN_POSITION', target: 1, position_id: ONE }),
      3,
      accept('hold'),
    ),
    receiveInstrument(
      instrumentBodyOf({ ...NO_EXITS, action: 'EXIT', reason: 'AGE_EXIT', position_id: ONE }),
      4,
      accept(`close ${ONE}`),
    ),
    receiveInstrument(instrumentBodyOf({ ...OF_RULE, reason: 'NO_ENTRY' }), 5, accept('hold')),
    receiveInstrument(instrumentBodyOf({ ...OF_RULE, reason: 'NO_ENTRY', price: null }), 6, refuse('FORMAT')),
    receiveInstrument(instrumentBodyOf({ ...NO_EXITS, reason: 'THETA' }), 6, refuse('FORMAT')),
    receiveInstrument(enterInstrument(TWO, { stop: null }), 6, refuse('FORMAT')),
  ]),
  ofInstruments('signals of instruments in contradiction are refused', [
    receiveInstrument(unknownAnswers({ reason: 'THETA' }), 1, refuse('FORMAT')),
    receiveInstrument(enterInstrument(ONE, { entry: 'SELL_BTCUSDT' }), 1, refuse('FORMAT')),
    receiveInstrument(enterInstrument(ONE, { entry: 'BUY_ETHUSDT' }), 1, refuse('FORMAT')),
    receiveInstrument(enterInstrument(ONE, { mode: 'HALT' }), 1, refuse('FORMAT')),
    receiveInstrument(enterInstrument(ONE, { ml_up_prob: 0.9 }), 1, refuse('FORMAT')),
    receiveInstrument(enterInstrument(ONE, { stop: 0 }), 1, refuse('FORMAT')),
    whole(
      signed(
        unsigned(instrumentTextOf(instrumentBodyOf(), { boot_id: BOOT, generated_at_ms: NOW_MS, seq: 1 })).replace(
          '"theta1":null',
          '"theta1":0.5',
        ),
      ),
      refuse('FORMAT'),
    ),
    receiveInstrument(instrumentBodyOf({ target: 1 }), 1, refuse('FORMAT')),
    whole(
      signed(
        unsigned(instrumentTextOf(enterInstrument(ONE), { boot_id: BOOT, generated_at_ms: NOW_MS, seq: 1 })).replace(
          '"ml_range_prob":0.25,',
          '',
        ),
      ),
      refuse('FORMAT'),
    ),
    receiveInstrument(enterInstrument(ONE), 1, accept(`open ${ONE}`)),
  ]),
];

function ofInstruments(name: string, steps: readonly VectorStep[]): ConsumerVector {
  return { ...live(name, steps), instruments: true };
}

function unknownAnswers(change: Partial<InstrumentBody>): InstrumentBody {
  const answers = { confidence: null, position_scale: null, ml_up_prob: null, ml_down_prob: null, ml_range_prob: null };
  return instrumentBodyOf({ ...answers, max_age_bars: null, stop: null, take_profit: null, ...change });
}

function live(name: string, steps: readonly VectorStep[]): ConsumerVector {
  return { name, markets: ['live'], max_clock_skew_ms: 2_000, steps };
}

function unknownNumbers(change: Partial<SignalBody>): SignalBody {
  const numbers = { z_score: null, return_prob: null, risk_score: null, confidence: null, risk_flag: null } as const;
  return bodyOf({ ...numbers, position_scale: null, beta: null, ...change });
}
