import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bar, EpochMs, OpenTime } from '../../shared/bar.ts';
import { ERRORS, MinutehandError } from '../../shared/errors.ts';
import { parsePair } from '../../shared/pair.ts';
import { Aligner } from '../align/align.ts';
import { barsRoute } from './http.ts';
import type { BarSink } from '../queue/input.ts';
import { createIntake, type Intake, type IntakeOptions, type IntakeReport, symbolReader } from './intake.ts';
import { NO_SYMBOL_NAMES } from '../../shared/symbol/symbol.ts';

const BOOT_ID = '20260105T120000000Z';
const NOW_MS = Date.parse('2025-10-14T12:36:00.000Z') as EpochMs;
const GOOD = {
  symbol: 'XAUUSD',
  time: '2025-10-14T12:34:00Z',
  open: 4100,
  high: 4101.5,
  low: 4099,
  close: 4100.5,
  volume: 12,
};

interface Setup {
  readonly intake: Intake;
  readonly taken: (Bar | { symbol: string; time: OpenTime; empty: true })[];
  readonly outcomes: string[];
}

/** An intake in front of a real aligner. */
function setUp(changes: Partial<IntakeOptions> = {}): Setup {
  const taken: Setup['taken'] = [];
  const outcomes: string[] = [];
  const aligner = new Aligner([parsePair('XAUUSD_XAGUSD')], null, () => undefined);
  const sink: BarSink = {
    hasSymbol: (symbol) => aligner.hasSymbol(symbol),
    take({ subject, time, bar }) {
      const outcome = aligner.take(subject, time, bar ?? 'empty', false, 0);
      if (outcome === 'accepted') taken.push(bar ?? { symbol: subject, time, empty: true });
      return outcome;
    },
  };
  const intake = createIntake({
    sink,
    bootId: BOOT_ID,
    clock: { nowMs: () => NOW_MS, monotonicUs: () => 0 },
    maxClockSkewMs: 2000,
    maxBars: 1000,
    open: true,
    onOutcome: (outcome) => outcomes.push(outcome),
    ...changes,
  });
  return { intake, taken, outcomes };
}

const sendOne = (value: unknown, changes: Partial<IntakeOptions> = {}): IntakeReport =>
  setUp(changes).intake(JSON.stringify(value), false);

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof MinutehandError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

describe('the intake of bars', () => {
  it('accepts one bar, or an array of them', () => {
    const { intake, taken, outcomes } = setUp();
    expect(intake(JSON.stringify(GOOD), false)).toEqual({
      boot_id: BOOT_ID,
      accepted: 1,
      duplicates: 0,
      late: 0,
      rejected: [],
    });
    const silver = { ...GOOD, symbol: 'XAGUSD', time: Date.parse(GOOD.time), spread: 0.02 };
    intake(JSON.stringify([silver]), false);
    const later = { ...silver, time: silver.time + 60_000 };
    intake(JSON.stringify({ ...later, taker_buy_volume: 3, trades: 12 }), false);
    intake(JSON.stringify({ ...GOOD, time: later.time, taker_buy_volume: null, trades: null }), false);
    const time = Date.parse(GOOD.time) / 1000;
    expect(taken).toEqual([
      { ...GOOD, time },
      { ...silver, time },
      { ...later, time: time + 60, takerBuyVolume: 3, trades: 12 },
      { ...GOOD, time: time + 60 },
    ]);
    expect(outcomes).toEqual(Array(4).fill('accepted'));
    expect(intake('[]', false)).toEqual({ boot_id: BOOT_ID, accepted: 0, duplicates: 0, late: 0, rejected: [] });
  });

  it.each<[string, unknown, string, RegExp]>([
    ['a number', 7, 'BAR_MALFORMED', /Seen: 7\. Expected: an object/],
    ['null', null, 'BAR_MALFORMED', /Seen: null\./],
    ['an array in an array', [[GOOD]], 'BAR_MALFORMED', /Seen: an array\./],
    ['no symbol', { ...GOOD, symbol: undefined }, 'BAR_MALFORMED', /symbol undefined/],
    ['a symbol that is a number', { ...GOOD, symbol: 5 }, 'BAR_MALFORMED', /symbol 5/],
    ['an empty symbol', { ...GOOD, symbol: '' }, 'BAR_MALFORMED', /symbol ""/],
    ['a symbol as long as a book', { ...GOOD, symbol: ['x'.repeat(1e6)] }, 'BAR_MALFORMED', /symbol an array/],
    ['no close', { ...GOOD, close: undefined }, 'BAR_MALFORMED', /no close/],
    ['no volume', { ...GOOD, volume: undefined }, 'BAR_MALFORMED', /no volume/],
    ['a price that is null', { ...GOOD, high: null }, 'BAR_NOT_FINITE', /high null/],
    ['a price of zero', { ...GOOD, low: 0 }, 'BAR_NOT_POSITIVE', /low 0/],
    ['a negative price', { ...GOOD, open: -4100 }, 'BAR_NOT_POSITIVE', /open -4100/],
    ['a negative volume', { ...GOOD, volume: -1 }, 'BAR_NOT_POSITIVE', /volume -1/],
    ['a negative spread', { ...GOOD, spread: -0.1 }, 'BAR_NOT_POSITIVE', /spread -0.1/],
    ['a negative taker volume', { ...GOOD, taker_buy_volume: -1 }, 'BAR_NOT_POSITIVE', /taker_buy_volume -1/],
    ['more bought by takers than traded', { ...GOOD, taker_buy_volume: 1e9 }, 'BAR_MALFORMED', /<= volume/],
    ['half a trade', { ...GOOD, trades: 1.5 }, 'BAR_MALFORMED', /trades 1.5/],
    ['high below low', { ...GOOD, high: 4098 }, 'BAR_RANGE', /high 4098, low 4099/],
    ['high below close', { ...GOOD, high: 4100.2 }, 'BAR_RANGE', /high 4100.2.*close 4100.5/],
    ['low above open', { ...GOOD, low: 4100.2 }, 'BAR_RANGE', /open 4100, .*low 4100.2/],
    ['half a minute', { ...GOOD, time: '2025-10-14T12:34:30Z' }, 'BAR_OFF_MINUTE', /12:34:30Z/],
    ['a microsecond', { ...GOOD, time: '2025-10-14T12:34:00.000001Z' }, 'BAR_OFF_MINUTE', /000001Z/],
    ['a negative time', { ...GOOD, time: -60_000 }, 'BAR_OFF_MINUTE', /time -60000/],
    ['the bar that is still open', { ...GOOD, time: '2025-10-14T12:36:00Z' }, 'BAR_FUTURE', /12:36:00.*at most 2025/],
    ['a time without a zone', { ...GOOD, time: '2025-10-14T12:34:00' }, 'BAR_MALFORMED', /without a zone.*ending in Z/],
    ['a time that is not ISO', { ...GOOD, time: '10/14/2025 12:34Z' }, 'BAR_MALFORMED', /10\/14\/2025 12:34Z/],
    ['a word for a time', { ...GOOD, time: '5 Z' }, 'BAR_MALFORMED', /"5 Z"/],
    ['a day that does not exist', { ...GOOD, time: '2025-02-30T12:34:00Z' }, 'BAR_MALFORMED', /2025-02-30/],
    ['a month that does not exist', { ...GOOD, time: '2025-13-01T12:34:00Z' }, 'BAR_MALFORMED', /2025-13-01/],
    ['no time', { ...GOOD, time: undefined }, 'BAR_MALFORMED', /time undefined/],
    ['a time that is true', { ...GOOD, time: true }, 'BAR_MALFORMED', /time true/],
    ['a symbol of no pair', { ...GOOD, symbol: 'DOGEUSD' }, 'BAR_UNKNOWN_SYMBOL', /DOGEUSD/],
    [
      'an empty minute of a symbol of no pair',
      { symbol: 'A', time: GOOD.time, empty: true },
      'BAR_UNKNOWN_SYMBOL',
      /A/,
    ],
    ['an empty minute off the minute', { symbol: 'XAUUSD', time: 1, empty: true }, 'BAR_OFF_MINUTE', /time 1\./],
    ['an empty minute with prices', { ...GOOD, empty: true }, 'BAR_MALFORMED', /empty: true together with open 4100/],
    [
      'an empty minute with one price',
      { symbol: 'XAUUSD', time: GOOD.time, empty: true, close: 4100.5 },
      'BAR_MALFORMED',
      /together with close 4100.5. Expected: either prices or empty/,
    ],
    [
      'an empty minute with a volume',
      { symbol: 'XAUUSD', time: GOOD.time, empty: true, volume: 12 },
      'BAR_MALFORMED',
      /together with volume 12/,
    ],
    ['empty: "yes" without prices', { symbol: 'XAUUSD', time: GOOD.time, empty: 'yes' }, 'BAR_MALFORMED', /no open/],
  ])('refuses %s, and reports what was seen', (_, value, code, seen) => {
    const [first] = sendOne([value]).rejected;
    expect(first).toMatchObject({ index: 0, code, next: ERRORS[code as keyof typeof ERRORS].next });
    expect(first!.message).toMatch(seen);
    expect(first!.message.length).toBeLessThan(300);
  });

  it('accepts a time with an offset, a blank for the T, or zeros after the second', () => {
    for (const time of [
      '2025-10-14T14:34:00+02:00',
      '2025-10-14 12:34:00+00:00',
      '2025-10-14T12:34Z',
      '2025-10-14T12:34:00.000000000Z',
      '2025-10-14T14:34:00+0200',
    ])
      expect(sendOne({ ...GOOD, time }), time).toMatchObject({ accepted: 1 });
  });

  it('says how a number is sent that comes as text', () => {
    for (const [name, text] of [
      ['low', '4099'],
      ['high', '4101,5'],
      ['spread', 'wide'],
    ] as const)
      expect(sendOne({ ...GOOD, [name]: text }).rejected[0]).toMatchObject({
        code: 'BAR_NOT_FINITE',
        message: expect.stringContaining(`${name} "${text}"`) as string,
        next: 'Send numbers without quotes, with a decimal point.',
      });
    expect(sendOne({ ...GOOD, high: null }).rejected[0]!.next).toContain('Omit the bar');
  });

  it('refuses a bar that says it is not of a minute', () => {
    for (const more of [{ timeframe: '1h' }, { interval: '1M' }, { timeframe: 'PERIOD_H1' }, { interval: 300 }])
      expect(sendOne({ ...GOOD, ...more }).rejected[0]).toMatchObject({
        code: 'BAR_MALFORMED',
        message: expect.stringContaining('Expected: bars of one minute') as string,
      });
    for (const more of [{ timeframe: '1m' }, { interval: 'M1', timeframe: null }, { interval: 60 }])
      expect(sendOne({ ...GOOD, ...more })).toMatchObject({ accepted: 1 });
  });

  it('recognizes epoch seconds, even the one in a thousand that would be a whole minute of 1970', () => {
    for (const time of [Date.parse(GOOD.time) / 1000, 1_760_400_000]) {
      expect(sendOne({ ...GOOD, time }).rejected[0]).toMatchObject({
        code: 'BAR_OFF_MINUTE',
        next: 'This looks like epoch seconds: multiply by 1000.',
      });
    }
  });

  it('recognizes epoch microseconds and nanoseconds', () => {
    const ms = Date.parse(GOOD.time);
    const nextOf = (time: number): string | undefined => sendOne({ ...GOOD, time }).rejected[0]?.next;
    expect(nextOf(ms * 1000)).toBe('This looks like epoch microseconds: divide by 1000.');
    expect(nextOf(ms * 1e6)).toBe('This looks like epoch nanoseconds: divide by 1,000,000.');
    expect(sendOne({ ...GOOD, time: 1.76044524e18 }).rejected[0]!.message).toContain('time 1760445240000000000');
    expect(nextOf(ms + 86_400_000)).toContain('Check both clocks');
  });

  it('allows the source to be ahead by the skew, and not by a millisecond more', () => {
    const at = (nowMs: number): number =>
      sendOne(GOOD, { clock: { nowMs: () => nowMs as EpochMs, monotonicUs: () => 0 } }).accepted;
    const closeMs = Date.parse(GOOD.time) + 60_000;
    expect([at(closeMs), at(closeMs - 2000), at(closeMs - 2001)]).toEqual([1, 1, 0]);
  });

  it('refuses only the bar of a bare NaN or Infinity, and leaves quoted words alone', () => {
    const { intake, taken } = setUp();
    const bars = [
      GOOD,
      { ...GOOD, symbol: 'XAGUSD' },
      { ...GOOD, time: '2025-10-14T12:35:00Z', note: 'NaN "Infinity"' },
    ];
    const text = JSON.stringify(bars).replace(
      '"symbol":"XAGUSD","time":"2025-10-14T12:34:00Z","open":4100',
      '"symbol":"XAGUSD","time":"2025-10-14T12:34:00Z","open":NaN',
    );
    expect(text).toContain(':NaN');
    expect(intake(text, false)).toMatchObject({ accepted: 2, rejected: [{ index: 1, code: 'BAR_NOT_FINITE' }] });
    expect(taken).toHaveLength(2);
    for (const word of ['Infinity', '-Infinity', '-NaN', '1e999'])
      expect(setUp().intake(JSON.stringify(GOOD).replace('4101.5', word), false).rejected[0]!.code, word).toBe(
        'BAR_NOT_FINITE',
      );
    const named = JSON.stringify({ ...GOOD, symbol: 'NaN' }).replace('4101.5', 'NaN');
    expect(setUp().intake(named, false).rejected[0]).toMatchObject({ code: 'BAR_NOT_FINITE' });
    const onlyNamed = JSON.stringify([{ ...GOOD, symbol: 'NaN' }, 0]).replace(',0]', ',NaN]');
    expect(setUp().intake(onlyNamed, false).rejected[0]!.message).toContain('NaN');
  });

  it('ignores a repeated bar, and refuses a revised one and one out of order with their codes', () => {
    const { intake, outcomes } = setUp();
    const later = { ...GOOD, time: '2025-10-14T12:35:00Z' };
    const revised = { ...later, close: 4099.5 };
    const emptied = { symbol: 'XAUUSD', time: later.time, empty: true };
    const older = { ...GOOD, time: '2025-10-14T12:33:00Z' };
    const report = intake(JSON.stringify([GOOD, later, GOOD, revised, emptied]), false);
    expect(intake(JSON.stringify(older), false)).toMatchObject({
      rejected: [{ code: 'BAR_OUT_OF_ORDER', message: expect.stringContaining('12:33:00') as string }],
    });
    expect(report).toMatchObject({
      accepted: 2,
      duplicates: 1,
      late: 0,
      rejected: [
        {
          index: 3,
          code: 'BAR_REVISED',
          message: expect.stringContaining('XAUUSD 2025-10-14T12:35:00.000Z') as string,
        },
        { index: 4, code: 'BAR_REVISED' },
      ],
    });
    expect(outcomes).toEqual(['accepted', 'duplicate', 'accepted', 'BAR_REVISED', 'BAR_REVISED', 'BAR_OUT_OF_ORDER']);
  });

  it('takes a message in any order as it takes it sorted, and reports faults by their place in it', () => {
    const minute = (i: number): object => ({ ...GOOD, time: new Date(NOW_MS - (i + 2) * 60_000).toISOString() });
    const shuffled = fc.array(fc.nat(30), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(shuffled, (ages) => {
        const sorted = [...ages].sort((a, b) => b - a);
        const both = [ages, sorted].map((order) => {
          const { intake, taken } = setUp();
          const { accepted, duplicates, rejected } = intake(JSON.stringify(order.map(minute)), true);
          return { accepted, duplicates, rejected, taken };
        });
        expect(both[0]).toEqual(both[1]);
        expect(both[0]!.accepted).toBe(new Set(ages).size);
        expect(both[0]!.rejected).toEqual([]);
      }),
    );
    const { accepted, rejected } = setUp().intake(
      JSON.stringify([minute(0), { symbol: 'XAUUSD' }, minute(1), 7]),
      true,
    );
    expect([accepted, rejected.map(({ index }) => index)]).toEqual([2, [1, 3]]);
  });

  it('accepts that a symbol did not trade in a minute', () => {
    const { intake, taken } = setUp();
    expect(intake(JSON.stringify({ symbol: 'XAUUSD', time: GOOD.time, empty: true }), false)).toMatchObject({
      accepted: 1,
    });
    expect(taken).toEqual([{ symbol: 'XAUUSD', time: Date.parse(GOOD.time) / 1000, empty: true }]);
    expect(intake(JSON.stringify(GOOD), false).rejected[0]!.code).toBe('BAR_REVISED');
    const nulls = { symbol: 'XAGUSD', time: GOOD.time, empty: true, open: null, close: null, volume: 0 };
    expect(intake(JSON.stringify(nulls), false)).toMatchObject({ accepted: 1 });
  });

  it('accepts a message that begins with a byte order mark', () => {
    expect(setUp().intake(`\uFEFF${JSON.stringify([GOOD])}`, false)).toMatchObject({ accepted: 1, rejected: [] });
    expect(setUp().intake(`\uFEFF${JSON.stringify(GOOD).replace('4101.5', 'NaN')}`, false)).toMatchObject({
      rejected: [{ code: 'BAR_NOT_FINITE' }],
    });
    expect(codeOf(() => setUp().intake(`\uFEFF\uFEFF${JSON.stringify(GOOD)}`, false))).toBe('BODY_NOT_JSON');
  });

  it('refuses the message as a whole when it is not JSON or has too many bars', () => {
    const { intake, outcomes } = setUp({ maxBars: 2 });
    for (const text of ['', '{', 'XAUUSD 1 2 3', '[1,]', '\u0000', '{"a":nan}'])
      expect(
        codeOf(() => intake(text, false)),
        text,
      ).toBe('BODY_NOT_JSON');
    expect(codeOf(() => intake(JSON.stringify([GOOD, GOOD, GOOD]), false))).toBe('BAR_TOO_MANY');
    expect(() => intake('[1,2,3]', false)).toThrow(/3 bars.*at most 2/);
    expect(outcomes).toEqual([]);
    expect(intake(JSON.stringify([GOOD, GOOD]), false)).toMatchObject({ accepted: 1, duplicates: 1 });
  });

  it('refuses good bars when the market is its own, and reports faults of bad ones first', () => {
    const send = (value: unknown): string => sendOne(value, { open: false }).rejected[0]!.code;
    expect(send(GOOD)).toBe('FEED_CLOSED');
    expect(send({ ...GOOD, high: 1 })).toBe('BAR_RANGE');
    expect(send({ ...GOOD, symbol: 'DOGEUSD' })).toBe('BAR_UNKNOWN_SYMBOL');
    expect(send({ symbol: 'XAUUSD', time: GOOD.time, empty: true })).toBe('FEED_CLOSED');
  });

  const nested = (levels: number, open = '[', close = ']'): string => open.repeat(levels) + close.repeat(levels);
  const withValue = (name: string, text: string): string =>
    JSON.stringify([
      { ...GOOD, [name]: 0 },
      { ...GOOD, symbol: 'XAGUSD' },
    ]).replace(`"${name}":0`, `"${name}":${text}`);

  it('accepts 64 levels of arrays and objects, and refuses the message from 65 on', () => {
    for (const [open, close, innermost] of [
      ['[', ']', ''],
      ['{"a":', '}', '0'],
      ['[{"a" : ', '}]', '0'],
    ] as const) {
      const perLevel = open.startsWith('[{') ? 2 : 1;
      const note = (levels: number): string => {
        const count = levels / perLevel;
        return withValue('note', open.repeat(count) + innermost + close.repeat(count));
      };
      expect(setUp().intake(note(62), false), open).toMatchObject({ accepted: 2 });
      expect(
        codeOf(() => setUp().intake(note(64), false)),
        open,
      ).toBe('BODY_TOO_DEEP');
    }
    const unread = JSON.stringify([{ ...GOOD, note: `\\"${nested(100)}${nested(100, '{"a":{', '}}')}\\` }]);
    expect(setUp().intake(unread, false)).toMatchObject({ accepted: 1 });
  });

  it('survives values nested deeper than the stack', () => {
    for (const name of ['symbol', 'time', 'open', 'spread', 'empty'])
      expect(
        codeOf(() => setUp().intake(withValue(name, nested(50_000)), false)),
        name,
      ).toBe('BODY_TOO_DEEP');
    for (const name of ['symbol', 'time', 'open', 'spread'])
      expect(setUp().intake(withValue(name, nested(30)), false).accepted, name).toBe(1);
    expect(setUp().intake(`[${nested(30)}]`, false).rejected[0]!.code).toBe('BAR_MALFORMED');
  });

  it('refuses a million opening brackets faster than it reads an equally long message of bars, and an endless string in linear time', () => {
    const fastestMs = (text: string): number =>
      Math.min(
        ...[1, 2, 3].map(() => {
          const startedMs = performance.now();
          codeOf(() => setUp({ maxBars: 1_000_000 }).intake(text, false));
          return performance.now() - startedMs;
        }),
      );
    const length = 1_000_000;
    const bar = JSON.stringify(GOOD);
    const barsMs = fastestMs(
      `[${Array(Math.ceil(length / bar.length))
        .fill(bar)
        .join()}]`,
    );
    expect(fastestMs('['.repeat(length))).toBeLessThan(barsMs);
    expect(fastestMs('{"":'.repeat(length / 4))).toBeLessThan(barsMs);
    expect(fastestMs(`["${'\\"'.repeat(length / 2)}`)).toBeLessThan(20 * barsMs);
  }, 60_000);

  it('answers any JSON with an outcome for each minute or a coded error, and with nothing else', () => {
    const { intake } = setUp();
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.double(),
      fc.constantFrom(
        '',
        '2025-10-14T12:34:00Z',
        '2025-10-14T12:35:00Z',
        1.7604453e12,
        1.7604453e18,
        true,
        -0,
        1e308,
        4100,
      ),
    );
    const almostBar = fc.record(
      {
        symbol: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('XAUUSD', 'XAGUSD', '__proto__') }, odd),
        time: odd,
        open: odd,
        high: odd,
        low: odd,
        close: odd,
        volume: odd,
        spread: odd,
        empty: fc.oneof(fc.boolean(), odd),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), almostBar, fc.array(fc.oneof(almostBar, fc.jsonValue()))), (value) => {
        const count = Array.isArray(value) ? value.length : 1;
        const report = intake(JSON.stringify(value), false);
        expect(report.accepted + report.duplicates + report.late + report.rejected.length).toBe(count);
        for (const { code } of report.rejected) expect(ERRORS).toHaveProperty(code);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          intake(text, false);
        } catch (error) {
          expect(error).toBeInstanceOf(MinutehandError);
        }
      }),
    );
  });
});

describe('the arrival of minutes', () => {
  const at = (minute: number, change: object = {}): string =>
    JSON.stringify({ ...GOOD, time: `2025-10-14T12:${minute}:00Z`, ...change });

  it('is recorded for each live minute that is new, whether it can be taken or not', () => {
    const arrivals: unknown[][] = [];
    const { intake } = setUp({ onLive: (...arrival) => arrivals.push(arrival) });
    const messages: [string, boolean][] = [
      [at(31), true],
      [at(32), false],
      [at(32), false],
      [at(32, { close: 4100 }), false],
      [at(30), false],
      [JSON.stringify({ symbol: GOOD.symbol, time: '2025-10-14T12:33:00Z', empty: true }), false],
      [at(34, { symbol: 'NOTHING' }), false],
      [at(34, { close: 0 }), false],
    ];
    for (const [text, backfill] of messages) intake(text, backfill);
    const noted = (minute: number): unknown[] => ['XAUUSD', Date.parse(`2025-10-14T12:${minute}:00Z`) / 1000, NOW_MS];
    expect(arrivals).toEqual([noted(32), noted(32), noted(30), noted(33)]);
  });
});

describe('POST /bars', () => {
  const post = async (
    body: unknown,
    query = '',
    stored = true,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    let settled = 0;
    const { intake } = setUp();
    const route = barsRoute(
      (text, backfill) => {
        expect(backfill).toBe(query === 'backfill=1');
        return intake(text, backfill);
      },
      () => Promise.resolve(++settled > 0 && stored),
      BOOT_ID,
    );
    const response = await route.handle({
      method: 'POST',
      path: '/bars',
      query: new URLSearchParams(query),
      header: () => '',
      remoteAddress: '127.0.0.1',
      body: Buffer.from(JSON.stringify(body)),
    });
    expect(settled).toBe(1);
    return { status: response.status, body: JSON.parse(response.body as string) as Record<string, unknown> };
  };

  it('is 200 when all were taken, 207 when some were, and the status of the first refusal when none was', async () => {
    const bad = { ...GOOD, high: 1 };
    expect((await post(GOOD, 'backfill=1')).status).toBe(200);
    expect((await post([GOOD, GOOD], 'backfill=0')).status).toBe(200);
    expect(await post([bad, GOOD])).toMatchObject({ status: 207, body: { accepted: 1, error: { code: 'BAR_RANGE' } } });
    expect(await post(bad)).toMatchObject({ status: 422, body: { accepted: 0, error: { code: 'BAR_RANGE' } } });
    expect((await post(7)).status).toBe(400);
    expect((await post([])).status).toBe(200);
    expect(await post(GOOD)).toMatchObject({ body: { stored: true } });
  });

  it('answers `stored: false` with 202 instead of 200 when the journal does not have what was taken', async () => {
    const bad = { ...GOOD, high: 1 };
    expect(await post(GOOD, '', false)).toMatchObject({ status: 202, body: { accepted: 1, stored: false } });
    expect(await post([bad, GOOD], '', false)).toMatchObject({ status: 207, body: { accepted: 1, stored: false } });
    expect(await post(bad, '', false)).toMatchObject({ status: 422, body: { accepted: 0 } });
  });
});

const sink = { hasSymbol: (symbol: string): boolean => ['BTCUSDT', 'EURUSD'].includes(symbol) };

it('a bar of another spelling is a bar of the configured symbol, and of a broker’s name where it is mapped', () => {
  const plain = symbolReader({ sink });
  expect(['BTCUSDT', 'btcusdt', 'BTC/USDT', 'BTC-USDT', 'BTC/USDT'].map(plain)).toEqual(Array(5).fill('BTCUSDT'));
  const mapped = symbolReader({ sink, names: { ...NO_SYMBOL_NAMES, suffixes: ['.m'], aliases: { EURO: 'EURUSD' } } });
  expect(['EURUSD.m', 'euro', 'eur/usd'].map(mapped)).toEqual(['EURUSD', 'EURUSD', 'EURUSD']);
});

it('what is not mapped is unknown, and a dated contract is not its perpetual', () => {
  const plain = symbolReader({ sink });
  expect(() => plain('EURUSD.m')).toThrow(/EURUSD\.m.*perhaps EURUSD/);
  for (const name of ['BTCUSDT_250328', 'BTC-USDT-250328', '../EURUSD', 'GBPUSD', ''])
    expect(() => plain(name), name).toThrow(expect.objectContaining({ code: 'BAR_UNKNOWN_SYMBOL' }) as Error);
});

it('an unknown symbol that is a slip away from a configured one is told its name', () => {
  const reader = symbolReader({ sink, names: { ...NO_SYMBOL_NAMES, known: new Set(['BTCUSDT', 'EURUSD']) } });
  for (const name of ['EURSUD', 'ERUUSD']) expect(() => reader(name), name).toThrow(/perhaps EURUSD/);
  expect(() => reader('AUDUSD')).toThrow(expect.objectContaining({ expected: undefined }) as Error);
});

it('a symbol of another shard is skipped in every spelling', () => {
  const reader = symbolReader({ sink, isElsewhere: (symbol) => symbol === 'XAUUSD' });
  expect(['XAUUSD', 'xau/usd'].map(reader)).toEqual([null, null]);
});
