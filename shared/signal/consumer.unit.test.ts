import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createConsumer, type Consumer, type Order, type Verdict } from './consumer.ts';
import { bodyOf, enterBody, exitBody, idOf, inPositionBody, textOf } from './signal.fixture.ts';
import { bootIdAt } from './boot_id.ts';
import { checksum } from './encode.ts';
import type { SignalBody } from './signal.ts';

const START_MS = Date.UTC(2026, 10, 20, 8, 26);
const SKEW_MS = 2_000;
const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_USDCHF'];

const consumerFrom = (state = {}): Consumer =>
  createConsumer({ markets: ['live'], maxClockSkewMs: SKEW_MS, state: JSON.parse(JSON.stringify(state)) });

/** One signal as the daemon published it. */
interface Published {
  readonly text: string;
  readonly body: SignalBody;
  /** The order of publication, over all boots. */
  readonly ordinal: number;
  readonly generatedMs: number;
  readonly validUntilMs: number;
}

/**
 * A daemon that crashes, comes back, decides again what it had decided, falls silent, and has a clock that may be set
 * back.
 */
function createDaemon() {
  const published: Published[] = [];
  const positions = new Map<string, { id: string; side: 1 | -1 }>();
  const seqs = new Map<string, number>();
  let boots = 1;
  let lastId = 0;

  function publish(body: SignalBody, nowMs: number): void {
    const seq = (seqs.get(body.pair_id) ?? 0) + 1;
    seqs.set(body.pair_id, seq);
    const envelope = { boot_id: bootIdAt(START_MS + boots), seq, generated_at_ms: nowMs };
    const text = textOf(body, envelope);
    published.push({ text, body, ordinal: published.length, generatedMs: nowMs, validUntilMs: nowMs + 150_000 });
  }

  return {
    published,
    crash(): void {
      boots++;
      seqs.clear();
    },
    /** The same decision under the same id, as after a crash between publication and commit. */
    again(nowMs: number): void {
      const last = published.at(-1);
      if (last !== undefined) publish(last.body, nowMs);
    },
    answer(pairId: string, kind: 'act' | 'hold' | 'silence' | 'halt' | 'forget', nowMs: number): void {
      const position = positions.get(pairId);
      const signalId = idOf(++lastId);
      const base = { pair_id: pairId, signal_id: signalId };
      if (kind === 'forget') positions.delete(pairId);
      if (kind === 'act' && position !== undefined) {
        positions.delete(pairId);
        publish(exitBody(position.id, 'Z_EXIT', base), nowMs);
      } else if (kind === 'act') {
        const side = lastId % 2 === 0 ? 1 : -1;
        positions.set(pairId, { id: signalId, side });
        publish(enterBody(signalId, { ...base, z_score: -2.5 * side }), nowMs);
      } else {
        const mode = kind === 'halt' ? 'HALT' : kind === 'silence' ? 'DEGRADED' : 'OK';
        const held = positions.get(pairId);
        const change: Partial<SignalBody> = kind === 'silence' ? { reason: 'SILENCE' } : {};
        const body = held
          ? inPositionBody(held.id, { ...base, mode, target: held.side, ...change })
          : bodyOf({ ...base, mode, ...change });
        publish(body, nowMs);
      }
    },
  };
}

/**
 * Expected result of the last of these deliveries, derived from all that ever happened: which texts were
 * published and when, and not by checksums, boot ids and numbers.
 */
function expected(
  published: readonly Published[],
  deliveries: readonly { text: string; nowMs: number }[],
  closedAfter: ReadonlyMap<number, readonly string[]>,
): 'refuse' | Order[] {
  const signals = deliveries.map(({ text }) => published.find((one) => one.text === text.trim()));
  const entered = new Set<string>();
  let held = '';
  let answer: 'refuse' | Order[] = 'refuse';
  signals.forEach((signal, at) => {
    if (held !== '' && closedAfter.get(at)?.includes(held)) held = '';
    answer = 'refuse';
    if (signal === undefined) return;
    const pairId = signal.body.pair_id;
    const before = signals.slice(0, at).filter((one) => one?.body.pair_id === pairId);
    if (before.some((one) => one!.ordinal >= signal.ordinal)) return;
    const { nowMs } = deliveries[at]!;
    if (nowMs > signal.validUntilMs || signal.generatedMs > nowMs + SKEW_MS) return;
    const orders: Order[] = [];
    const { action, target, position_id: id, mode } = signal.body;
    if (held !== '' && (target === 0 || id !== held)) {
      orders.push({ order: 'close', positionId: held });
      held = '';
    }
    if (action === 'ENTER' && mode === 'OK' && !entered.has(id)) {
      const [sideA, sideB] = target === 1 ? (['BUY', 'SELL'] as const) : (['SELL', 'BUY'] as const);
      const [symbolA, symbolB] = pairId.split('_') as [string, string];
      orders.push({
        order: 'open',
        positionId: id,
        legs: [
          { side: sideA, symbol: symbolA, weight: 1 },
          { side: sideB, symbol: symbolB, weight: 0.8 },
        ],
        scale: 0.5,
        maxAgeBars: 60,
      });
      held = id;
      entered.add(id);
    }
    if (mode === 'HALT') orders.push({ order: 'halt' });
    answer = orders.length === 0 ? [{ order: 'hold' }] : orders;
  });
  return answer;
}

const damage = fc.oneof(
  { weight: 6, arbitrary: fc.constant(null) },
  {
    weight: 1,
    arbitrary: fc.record({
      how: fc.constantFrom('cut', 'mix', 'change'),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      pairId: fc.constantFrom(...PAIRS),
      what: fc.constantFrom('act', 'act', 'hold', 'silence', 'halt', 'forget'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), again: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('deliver' as const),
      // Number of signals before the newest one: 0 is on time, more is loss, delay, repetition and reordering.
      back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(6) }),
      damage,
      newline: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('closed' as const), pairId: fc.constantFrom(...PAIRS) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('time' as const),
      ms: fc.oneof(
        fc.constantFrom(60_000, 60_000, 150_000, 150_001, -2_000, -2_001),
        fc.integer({ min: -100_000, max: 400_000 }),
      ),
    }),
  },
);

describe('a consumer', () => {
  it('acts like an omniscient observer of all deliveries, whatever is lost, repeated, reordered, torn, late or restarted', () => {
    const reached = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
        const daemon = createDaemon();
        let consumer = consumerFrom();
        let nowMs = START_MS;
        const deliveries = new Map<string, { text: string; nowMs: number }[]>(PAIRS.map((pairId) => [pairId, []]));
        const closedAfter = new Map<string, Map<number, string[]>>(PAIRS.map((pairId) => [pairId, new Map()]));
        const opened: string[] = [];
        for (const one of steps) {
          if (one.kind === 'answer') daemon.answer(one.pairId, one.what as 'act', nowMs);
          if (one.kind === 'time') nowMs += one.ms;
          if (one.kind === 'restart') consumer = consumerFrom(consumer.state());
          if (one.kind === 'crash') {
            daemon.crash();
            if (one.again) daemon.again(nowMs);
          }
          if (one.kind === 'closed') {
            const held = consumer.state()[`live/${one.pairId}`]?.positionId ?? '';
            consumer.closed(held);
            const at = deliveries.get(one.pairId)!.length;
            closedAfter.get(one.pairId)!.set(at, [...(closedAfter.get(one.pairId)!.get(at) ?? []), held]);
          }
          if (one.kind === 'deliver' && daemon.published.length > 0) {
            const source = daemon.published.at(-1 - (one.back % daemon.published.length))!;
            const other = daemon.published.at(-2) ?? source;
            const text = damaged(source.text, other.text, one.damage) + (one.newline ? '\n' : '');
            // A mix may come out as the whole of another signal.
            const { pair_id: pairId } = (daemon.published.find((one) => one.text === text.trim()) ?? source).body;
            const received = deliveries.get(pairId)!;
            received.push({ text, nowMs });
            const verdict = consumer.take(text, nowMs);
            const wanted = expected(daemon.published, received, closedAfter.get(pairId)!);
            expect(verdict.verdict === 'refuse' ? 'refuse' : verdict.orders).toEqual(wanted);
            const codes = verdict.verdict === 'refuse' ? [verdict.code] : verdict.orders.map(({ order }) => order);
            for (const code of codes) reached.set(code, (reached.get(code) ?? 0) + 1);
            for (const order of verdict.verdict === 'accept' ? verdict.orders : []) {
              if (order.order === 'open') opened.push(order.positionId);
            }
          }
        }
        expect(new Set(opened).size).toBe(opened.length);
      }),
      { numRuns: 400 },
    );
    for (const code of [
      'open',
      'close',
      'hold',
      'halt',
      'TORN',
      'OLDER_BOOT',
      'OUT_OF_ORDER',
      'REPEATED',
      'STALE',
      'FUTURE',
    ])
      expect.soft(reached.get(code) ?? 0, code).toBeGreaterThan(20);
  });

  const envelope = { boot_id: '20261120T082600000Z', seq: 1, generated_at_ms: START_MS };
  const code = (verdict: Verdict): string => (verdict.verdict === 'refuse' ? verdict.code : 'accepted');

  it('refuses every text that differs in one character or ends early, before it reads anything in it', () => {
    const text = textOf(enterBody(idOf(7)), envelope);
    const position = fc.nat(text.length - 1);
    fc.assert(
      fc.property(position, fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
        fc.pre(text[at] !== other);
        expect(code(consumerFrom().take(text.slice(0, at) + other + text.slice(at + 1), START_MS))).toBe('TORN');
        expect(code(consumerFrom().take(text.slice(0, at), START_MS))).toBe('TORN');
      }),
      { numRuns: 300 },
    );
    expect(code(consumerFrom().take(text, START_MS))).toBe('accepted');
  });

  it('records a signal refused for its age, so a clock set back does not make it valid', () => {
    const consumer = consumerFrom();
    const text = textOf(enterBody(idOf(7)), envelope);
    expect(code(consumer.take(text, START_MS + 150_001))).toBe('STALE');
    expect(code(consumer.take(text, START_MS))).toBe('REPEATED');
  });

  it('does not record a torn one: the complete text that follows counts as new', () => {
    const consumer = consumerFrom();
    const text = textOf(enterBody(idOf(7)), envelope);
    expect(code(consumer.take(text.slice(0, 500), START_MS))).toBe('TORN');
    expect(code(consumer.take(text, START_MS))).toBe('accepted');
  });

  it('does not reopen a position that it closed itself, even after a restart in between', () => {
    const consumer = consumerFrom();
    consumer.take(textOf(enterBody(idOf(7)), envelope), START_MS);
    consumer.closed(idOf(7));
    const restarted = consumerFrom(consumer.state());
    const again = textOf(enterBody(idOf(7)), { ...envelope, boot_id: '20261120T082700000Z' });
    expect(restarted.take(again, START_MS)).toMatchObject({ orders: [{ order: 'hold' }] });
  });

  it('counts missed signals within a boot, and nothing before its first signal', () => {
    const consumer = consumerFrom();
    const take = (bootId: string, seq: number): Verdict =>
      consumer.take(textOf(bodyOf(), { ...envelope, boot_id: bootId, seq }), START_MS);
    expect(take('20261120T082600000Z', 100)).toMatchObject({ missed: 0 });
    expect(take('20261120T082600000Z', 104)).toMatchObject({ missed: 3 });
    expect(take('20261120T090000000Z', 3)).toMatchObject({ missed: 2 });
  });

  it('drops a closed position and no other', () => {
    const consumer = consumerFrom();
    consumer.take(textOf(enterBody(idOf(7)), envelope), START_MS);
    consumer.closed(idOf(8));
    consumer.closed('');
    expect(consumer.state()['live/XAUUSD_XAGUSD']!.positionId).toBe(idOf(7));
    consumer.closed(idOf(7));
    expect(consumer.state()['live/XAUUSD_XAGUSD']!.positionId).toBe('');
  });

  it('enters in mode DEGRADED', () => {
    expect(consumerFrom().take(textOf(enterBody(idOf(7), { mode: 'DEGRADED' }), envelope), START_MS)).toMatchObject({
      verdict: 'accept',
      pairId: 'XAUUSD_XAGUSD',
      orders: [{ order: 'open', positionId: idOf(7) }],
    });
  });

  const signed = (covered: string): string => `${covered},"crc32":"${checksum(covered)}"}`;
  const now = textOf(bodyOf(), { ...envelope, seq: 5 });
  const later = START_MS + 60_000;
  it.each([
    [
      'a torn text',
      now.slice(0, 100),
      START_MS,
      'TORN',
      `100 characters that end in ${JSON.stringify(now.slice(76, 100))}`,
    ],
    ['text that is no object', signed('x'), START_MS, 'TORN', expect.stringMatching(/^21 characters/)],
    ['text that is no JSON', signed('{x'), START_MS, 'SCHEMA', 'no JSON'],
    ['no schema', signed('{"a":1'), START_MS, 'SCHEMA', 'none'],
    ['another schema', signed('{"schema":"other/1"'), START_MS, 'SCHEMA', 'other/1'],
    [
      'other legs',
      textOf(enterBody(idOf(7), { entry: 'BUY_A, SELL_B' }), envelope),
      START_MS,
      'FORMAT',
      'entry "BUY_A, SELL_B" with target -1 and beta 0.8',
    ],
    [
      'a contradiction',
      textOf(enterBody(idOf(7), { target: 0 }), envelope),
      START_MS,
      'FORMAT',
      `ENTER with target 0 and position_id "${idOf(7)}"`,
    ],
    [
      'a pair of one symbol',
      textOf({ ...bodyOf(), pair_id: 'XAUUSD_XAUUSD' }, envelope),
      START_MS,
      'FORMAT',
      '"XAUUSD_XAUUSD" is not a pair id such as XAUUSD_XAGUSD',
    ],
    ['another market', textOf(bodyOf(), { ...envelope, market: 'replay' }), START_MS, 'MARKET', 'replay'],
    [
      'an earlier number',
      textOf(bodyOf(), { ...envelope, seq: 4 }),
      START_MS,
      'OUT_OF_ORDER',
      '20261120T082600000Z 4 after 20261120T082600000Z 5',
    ],
    ['a late one', textOf(bodyOf(), { ...envelope, seq: 6 }), START_MS + 150_007, 'STALE', '7 ms too late'],
    [
      'one from the future',
      textOf(bodyOf(), { ...envelope, seq: 6, generated_at_ms: later }),
      START_MS,
      'FUTURE',
      '60000 ms ahead',
    ],
  ])('reports the value seen when it refuses %s', (_, text, nowMs, refusal, seen) => {
    const consumer = consumerFrom();
    consumer.take(now, START_MS);
    expect(consumer.take(text, nowMs)).toEqual({ verdict: 'refuse', code: refusal, seen });
  });

  it('keeps the newest thousand entries of a pair', () => {
    const consumer = consumerFrom();
    for (let seq = 1; seq <= 1_001; seq++) consumer.take(textOf(enterBody(idOf(seq)), { ...envelope, seq }), START_MS);
    const { entered } = consumer.state()['live/XAUUSD_XAGUSD']!;
    expect(entered).toHaveLength(1_000);
    expect(entered.at(-1)).toBe(idOf(1_001));
  });
});

function damaged(text: string, other: string, how: { how: string; at: number } | null): string {
  if (how === null) return text;
  const at = Math.floor(how.at * (text.length - 1));
  if (how.how === 'cut') return text.slice(0, at);
  if (how.how === 'mix') return text.slice(0, at) + other.slice(at);
  return text.slice(0, at) + (text[at] === '7' ? '8' : '7') + text.slice(at + 1);
}
