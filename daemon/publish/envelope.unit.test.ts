import { describe, expect, it } from 'vitest';
import type { EpochMs, OpenTime } from '../../shared/bar.ts';
import { parseInstrument, parsePair } from '../../shared/pair.ts';
import { encodeBody, encodeSignal } from '../../shared/signal/encode.ts';
import { SIGNAL_SCHEMA, type MarketKind, type Signal, type SignalBody } from '../../shared/signal/signal.ts';
import { verifySignal } from '../../shared/signal/verify.ts';
import type { AnsweredMinute } from '../align/minute.ts';
import type { MinuteAnswer } from '../decide/answer.ts';
import { Envelope, EXPIRED_AFTER_INTERVALS } from './envelope.ts';

const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'].map(parsePair);
const INTERVAL_MS = 60_000;
const CLOSE_MS = Date.parse('2025-10-14T12:35:00Z');
const OPEN = (CLOSE_MS / 1000 - 60) as OpenTime;
const at = (ms: number): EpochMs => (CLOSE_MS + ms) as EpochMs;

function answerOf(pairIndex: number, outcome: AnsweredMinute['outcome'] = 'COMPLETE'): MinuteAnswer {
  const { id } = PAIRS[pairIndex]!;
  const body: SignalBody = {
    timestamp: '2025-10-14T12:35:00Z',
    pair: id,
    z_score: null,
    return_prob: null,
    risk_score: null,
    entry: '',
    confidence: null,
    risk_flag: null,
    theta1: null,
    theta2: null,
    position_scale: null,
    action: 'HOLD',
    reason: 'WARMUP',
    target: 0,
    position_id: '',
    max_age_bars: 60,
    beta: null,
    price_a: 1,
    price_b: 2,
    pair_id: id,
    signal_id: 'c7e9ac7b0d4aa1f28a0a4b7c2f9d4e11',
    model_version: '',
    feature_schema: '0123456789abcdef',
    policy_hash: '0123456789abcdef',
    mode: 'WARMUP',
    expected_net_bps: null,
    leverage_reduction_rate: 1,
  };
  const minute = { pairIndex, time: OPEN, outcome } as AnsweredMinute;
  return { minute, body, bodyText: encodeBody(body), seq: 0 } as unknown as MinuteAnswer;
}

function open(market: MarketKind = 'live', feedIntervalMs = INTERVAL_MS): Envelope {
  return new Envelope({ pairs: PAIRS, market, bootId: '20251014T120000000Z', feedIntervalMs }, at(0));
}

function sealed(envelope: Envelope, answers: readonly MinuteAnswer[], nowMs: EpochMs): Signal[] {
  return envelope.seal(answers, nowMs).map(({ text }) => JSON.parse(text) as Signal);
}

const validFor = (
  market: MarketKind,
  outcome: AnsweredMinute['outcome'],
  ms: number,
  intervalMs = INTERVAL_MS,
): number => sealed(open(market, intervalMs), [answerOf(0, outcome)], at(ms))[0]!.valid_until_ms - CLOSE_MS;

describe('an envelope', () => {
  it('carries the boot, the time of publication, the expiry and the market', () => {
    const envelope = open('simulated');
    const [publication] = envelope.seal([answerOf(1)], at(7));
    expect(publication!.pairId).toBe('EURUSD_GBPUSD');
    expect(verifySignal(publication!.text, at(7))).toMatchObject({
      schema: 'minutehand.signal/2',
      market: 'simulated',
      boot_id: '20251014T120000000Z',
      generated_at_ms: at(7),
      valid_until_ms: at(7 + 150_000),
    });
  });

  it('gives the text of encodeSignal, and its bytes, whatever characters are in a body', () => {
    const wide = answerOf(1);
    wide.body.pair = 'é円😀'.repeat(2000);
    const answers = [answerOf(0), { ...wide, bodyText: encodeBody(wide.body) }, answerOf(0)];
    const publications = open().seal(answers, at(7));
    const seqs = [1, 1, 2];
    const times = { generated_at_ms: at(7), valid_until_ms: at(7 + 150_000) };
    answers.forEach(({ bodyText }, i) => {
      const boot_id = '20251014T120000000Z';
      const envelope = { schema: SIGNAL_SCHEMA, market: 'live', boot_id, seq: seqs[i]!, ...times } as const;
      expect(publications[i]!.text).toBe(encodeSignal(bodyText, envelope));
      expect(publications[i]!.bytes?.toString()).toBe(publications[i]!.text);
    });
    // All that is ASCII follows each other in one buffer. The other may be of the same pool, but not between them.
    const [first, second, third] = publications.map(({ bytes }) => bytes!);
    expect(third!.buffer).toBe(first!.buffer);
    expect(third!.byteOffset).toBe(first!.byteOffset + first!.length);
    expect(second!.buffer === first!.buffer && second!.byteOffset === third!.byteOffset).toBe(false);
    const [alone] = open().seal([answers[1]!], at(7));
    expect(alone!.text).toBe(publications[1]!.text);
  });

  it('names the schema of a pair or an instrument, and is valid until its next bar is due, and 1.5 intervals more', () => {
    const pairs = [parsePair('XAUUSD_XAGUSD@1h'), parseInstrument('BTCUSDT@5m')];
    const envelope = new Envelope({ pairs, market: 'live', bootId: 'b', feedIntervalMs: INTERVAL_MS }, at(0));
    const signals = sealed(envelope, [answerOf(0), answerOf(1)], at(0));
    expect(signals.map(({ schema, valid_until_ms }) => [schema, valid_until_ms - CLOSE_MS])).toEqual([
      ['minutehand.signal/2', 3_690_000],
      ['minutehand.instrument/1', 390_000],
    ]);
  });

  it('of an answer that was withheld has the number after it, its fence, and the expiry of its answer', () => {
    const envelope = open();
    envelope.withhold([answerOf(0)], at(5));
    expect([envelope.isExpired(0, at(150_005)), envelope.isExpired(0, at(150_006))]).toEqual([false, true]);
    const [publication] = envelope.seal([answerOf(0)], at(100_000), 7, at(5));
    expect(JSON.parse(publication!.text)).toMatchObject({
      fence: 7,
      seq: 2,
      generated_at_ms: at(100_000),
      valid_until_ms: at(150_005),
    });
  });

  it('counts the signals of each pair on its own, gapless from 1, and gives the number to the answer', () => {
    const envelope = open();
    const gold = answerOf(0);
    const euro = answerOf(1);
    const seqs = [[gold], [gold, euro], [euro], [gold]].map((answers) =>
      sealed(envelope, answers, at(0)).map(({ seq, pair_id }) => `${pair_id} ${seq}`),
    );
    expect(seqs).toEqual([
      ['XAUUSD_XAGUSD 1'],
      ['XAUUSD_XAGUSD 2', 'EURUSD_GBPUSD 1'],
      ['EURUSD_GBPUSD 2'],
      ['XAUUSD_XAGUSD 3'],
    ]);
    expect([gold.seq, euro.seq]).toEqual([3, 2]);
  });

  it('expires a signal 2.5 intervals after its publication where the bar came within an interval of its close', () => {
    expect([0, 1, INTERVAL_MS].map((ms) => validFor('live', 'COMPLETE', ms))).toEqual([150_000, 150_001, 210_000]);
    expect(validFor('live', 'LEG_MISSING', 500)).toBe(150_500);
    expect(validFor('live', 'COMPLETE', 0, 25)).toBe(63);
  });

  it('counts from an interval after the close of a live bar that came later', () => {
    expect([INTERVAL_MS + 1, 10 * INTERVAL_MS].map((ms) => validFor('live', 'COMPLETE', ms))).toEqual([
      210_000, 210_000,
    ]);
    // From this delay on the signal has expired when it is published.
    const late = EXPIRED_AFTER_INTERVALS * INTERVAL_MS;
    expect([late - 1, late + 1].map((ms) => validFor('live', 'COMPLETE', ms) < ms)).toEqual([false, true]);
  });

  it('counts from the publication of a heartbeat, however old its minute, and in markets with their own clock', () => {
    for (const outcome of ['SILENCE', 'SHUTDOWN'] as const)
      expect(validFor('live', outcome, 100 * INTERVAL_MS)).toBe(102.5 * INTERVAL_MS);
    for (const market of ['simulated', 'replay'] as const)
      expect(validFor(market, 'COMPLETE', 100 * INTERVAL_MS)).toBe(102.5 * INTERVAL_MS);
  });

  it('calls a pair expired once its newest signal is, and before the first one when there should have been one', () => {
    const envelope = open();
    const expired = (ms: number): boolean[] => [0, 1].map((pairIndex) => envelope.isExpired(pairIndex, at(ms)));
    expect([expired(150_000), expired(150_001)]).toEqual([
      [false, false],
      [true, true],
    ]);
    envelope.seal([answerOf(1)], at(60_000));
    expect([expired(150_001), expired(210_000), expired(210_001)]).toEqual([
      [true, false],
      [true, false],
      [true, true],
    ]);
    envelope.restart(at(300_000));
    expect([expired(450_000), expired(450_001)]).toEqual([
      [false, false],
      [true, true],
    ]);
  });
});
