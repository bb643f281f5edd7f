import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Bar, EpochMs, OpenTime } from '../../shared/bar.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Scheduler } from '../../shared/ports.ts';
import { tinyBars, tinySettings } from '../../test/tiny_settings.ts';
import type { BarSink, SeriesSink } from '../queue/input.ts';
import { byMinute, openBench } from '../pipeline.fixture.ts';
import { openRedisFeed, type RedisFeed, type RedisFeedOptions } from './redis.ts';
import { BEGINNING } from './redis_position.ts';
import type { StreamEntry, StreamListener } from './redis_stream.ts';

const settings = tinySettings({ minutehand: { pairs: ['XAUUSD_XAGUSD'] } });
const MARKET = byMinute(tinyBars(settings, 12));
const INTERVAL_MS = 60_000;
const closeMs = (minute: number): number => (MARKET[minute]!.time + 60) * 1000;
const barOf = (minute: number, symbol = 'XAUUSD'): Bar => MARKET[minute]!.bars.find((bar) => bar.symbol === symbol)!;
const wire = (bar: Bar): string => JSON.stringify({ ...bar, time: bar.time * 1000 });
const entry = (id: string, bar: Bar | string, ...more: string[]): StreamEntry => [
  id,
  ['bar', typeof bar === 'string' ? bar : wire(bar), ...more],
];

interface Opened {
  readonly feed: RedisFeed;
  readonly listener: StreamListener;
  /** What happened, in order. */
  readonly events: string[];
  readonly lines: Record<string, unknown>[];
  /** Ends the waiting times of that length. */
  pass(ms: number): void;
  taken(): string[];
}

/** The feed in front of a real pipeline, with a reader and timers that the test drives. */
function openFeed(
  changes: Partial<RedisFeedOptions> & { nowMs?: () => number; sink?: BarSink & SeriesSink } = {},
): Opened {
  const bench = openBench(settings);
  const events: string[] = [];
  const lines: Record<string, unknown>[] = [];
  let timers: { ms: number; work: () => void }[] = [];
  const scheduler = {
    after(ms: number, work: () => void) {
      const timer = { ms, work };
      timers.push(timer);
      events.push(`waits ${ms}`);
      return () => {
        events.push(`canceled ${ms}`);
        timers = timers.filter((one) => one !== timer);
      };
    },
    afterTurn: (work: () => void) => void setImmediate(work),
  } as Partial<Scheduler> as Scheduler;
  let listener!: StreamListener;
  const feed = openRedisFeed({
    sink: bench.pipeline.inputs,
    lastTimes: () => new Map(),
    settled: () => Promise.resolve(void events.push('settled')),
    isFull: () => false,
    bootId: 'boot',
    symbols: ['XAUUSD', 'XAGUSD'],
    allSymbols: ['XAUUSD', 'XAGUSD', 'EURUSD'],
    feedIntervalMs: INTERVAL_MS,
    clock: { ...MACHINE_CLOCK, nowMs: () => (changes.nowMs?.() ?? closeMs(3)) as EpochMs },
    scheduler,
    maxClockSkewMs: 2000,
    maxBars: 10,
    position: null,
    keepPosition: (position) => void events.push(`keeps ${position}`),
    read: (given) => {
      listener = given;
      return { stop: () => Promise.resolve(void events.push('reader stopped')) };
    },
    onOutcome: (outcome) => void events.push(outcome),
    onSeries: (outcome) => void events.push(`series ${outcome}`),
    onRefused: ({ code, message }) => void events.push(`refused ${code} ${message}`),
    onReadable: () => void events.push('readable'),
    log: pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) }),
    print: (line) => void events.push(`says ${line}`),
    ...changes,
  });
  return {
    feed,
    listener,
    events,
    lines,
    pass(ms) {
      const due = timers.filter((timer) => timer.ms === ms);
      timers = timers.filter((timer) => timer.ms !== ms);
      for (const { work } of due) work();
    },
    taken: () =>
      bench.inputs.map(
        ({ subject, time, backfill }) => `${subject} ${(time - MARKET[0]!.time) / 60}${backfill ? ' history' : ''}`,
      ),
  };
}

const POSITION = { id: '9-0', number: 4 };
const KEPT = 'keeps {"id":"9-0","number":4,"symbols":"XAGUSD,XAUUSD"}';
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('minutes of the stream', () => {
  it('are history from two intervals after their close on, and when they are marked with 1', async () => {
    let nowMs = closeMs(3) + 2 * INTERVAL_MS - 1;
    const { listener, taken } = openFeed({ nowMs: () => nowMs });
    await listener.onEntries([entry('1-0', barOf(3))], POSITION, true);
    nowMs++;
    await listener.onEntries([entry('2-0', barOf(3, 'XAGUSD'))], POSITION, true);
    const marked = [entry('3-0', barOf(4), 'backfill', '1'), entry('4-0', barOf(5), 'backfill', '0')];
    await listener.onEntries(marked, POSITION, true);
    expect(taken()).toEqual(['XAUUSD 3', 'XAGUSD 3 history', 'XAUUSD 4 history', 'XAUUSD 5']);
  });

  it('are refused where the mark is neither 0 nor 1: taken for none, history would be published', async () => {
    const { listener, events, taken } = openFeed({});
    await listener.onEntries([entry('1-0', barOf(4), 'backfill', 'true')], POSITION, true);
    expect(taken()).toEqual([]);
    expect(events.join(' ')).toContain('BAR_MALFORMED');
  });

  it('that the daemon has are duplicates while the stream is read from its beginning, until it has caught up', async () => {
    const lastTimes = (): ReadonlyMap<string, OpenTime> => new Map([['XAUUSD', barOf(2).time]]);
    const { listener, events, taken } = openFeed({ lastTimes });
    listener.onBeginning();
    const again = (minute: number): Bar => ({ ...barOf(minute), volume: 12_345 });
    await listener.onEntries(
      [entry('1-0', again(1)), entry('2-0', again(2)), entry('3-0', barOf(2, 'XAGUSD'))],
      POSITION,
      false,
    );
    await listener.onEntries([entry('4-0', again(2)), entry('5-0', barOf(3))], POSITION, true);
    await listener.onEntries([entry('6-0', again(2)), entry('7-0', again(3))], POSITION, true);
    expect(events.filter((event) => /^[a-z]+$|^BAR/.test(event))).toEqual([
      'duplicate',
      'duplicate',
      'accepted',
      'settled',
      'duplicate',
      'accepted',
      'BAR_OUT_OF_ORDER',
      'BAR_REVISED',
    ]);
    expect(taken()).toEqual(['XAGUSD 2', 'XAUUSD 3']);
  });

  it('of other shards are skipped silently, unknown symbols are not', async () => {
    const { listener, events } = openFeed();
    const named = (symbol: string): Bar => ({ ...barOf(3), symbol });
    await listener.onEntries([entry('1-0', named('EURUSD')), entry('2-0', named('EURUSDX'))], POSITION, true);
    expect(events).toEqual(['BAR_UNKNOWN_SYMBOL', KEPT, 'waits 20']);
  });

  it('are settled at once while more wait in the stream, else when none came for 20 ms', async () => {
    const { listener, events, pass } = openFeed();
    await listener.onEntries([entry('1-0', barOf(1))], POSITION, false);
    expect(events.splice(0)).toEqual(['accepted', KEPT, 'settled']);
    await listener.onEntries([entry('2-0', barOf(2))], POSITION, true);
    await listener.onEntries([entry('3-0', barOf(3))], POSITION, true);
    expect(events.splice(0)).toEqual(['accepted', KEPT, 'waits 20', 'accepted', KEPT]);
    pass(20);
    expect(events.splice(0)).toEqual(['canceled 20', 'settled']);
    await listener.onEntries([], POSITION, true);
    await listener.onEntries([], POSITION, false);
    expect(events).toEqual([KEPT, 'waits 20', KEPT, 'canceled 20', 'settled']);
  });

  it('let the loop turn end before the next ones are read', async () => {
    const { listener } = openFeed();
    const order: string[] = [];
    setImmediate(() => order.push('turn'));
    await listener.onEntries([entry('1-0', barOf(3))], POSITION, true);
    expect(order).toEqual(['turn']);
  });

  it('that cannot be settled are logged', async () => {
    const { listener, lines, pass } = openFeed({ settled: () => Promise.reject(new Error('no journal')) });
    await listener.onEntries([], POSITION, true);
    pass(20);
    await turn();
    expect(lines).toMatchObject([{ level: 50, err: { message: 'no journal' }, msg: 'unexpected error' }]);
  });

  it('wait a second at a time while no more rows may wait for the journal', async () => {
    let isFull = true;
    const { listener, events, pass } = openFeed({ isFull: () => isFull });
    const taking = listener.onEntries([entry('1-0', barOf(3))], POSITION, true);
    expect(events.splice(0)).toEqual(['waits 1000']);
    pass(1000);
    await turn();
    expect(events.splice(0)).toEqual(['waits 1000']);
    isFull = false;
    pass(1000);
    await taking;
    expect(events).toEqual(['accepted', KEPT, 'waits 20']);
  });

  it('are not taken, and their position is not kept, once the feed stops', async () => {
    const { feed, listener, events, pass } = openFeed({ isFull: () => true });
    const taking = listener.onEntries([entry('1-0', barOf(3))], POSITION, true);
    await feed.stop();
    pass(1000);
    await taking;
    expect(events).toEqual(['waits 1000', 'reader stopped']);
    const other = openFeed();
    await other.feed.stop();
    await other.listener.onEntries([entry('1-0', barOf(3))], POSITION, true);
    expect(other.events).toEqual(['reader stopped']);
  });

  it('that were taken are settled when the feed stops', async () => {
    const { feed, listener, events } = openFeed();
    await listener.onEntries([], POSITION, true);
    await feed.stop();
    expect(events).toEqual([KEPT, 'waits 20', 'reader stopped', 'canceled 20', 'settled']);
  });
});

describe('entries that cannot be taken', () => {
  it('are counted at once, logged by id behind the signals, and printed once for each code', async () => {
    const { listener, events, lines, pass } = openFeed();
    const broken = ['1-0', '2-0', '3-0', '4-0', '5-0', '6-0'].map((id) => entry(id, '{"symbol":'));
    await listener.onEntries(
      [...broken, entry('7-0', { ...barOf(3), high: 1 }), entry('8-0', barOf(3))],
      POSITION,
      true,
    );
    expect(events.splice(0)).toEqual([
      ...Array<string>(6).fill('BODY_NOT_JSON'),
      'BAR_RANGE',
      'accepted',
      KEPT,
      'waits 20',
    ]);
    expect(lines).toEqual([]);
    pass(20);
    await turn();
    expect(lines.splice(0)).toMatchObject([
      { level: 40, code: 'BODY_NOT_JSON', count: 6, entries: ['1-0', '2-0', '3-0', '4-0', '5-0'] },
      { level: 40, code: 'BAR_RANGE', count: 1, entries: ['7-0'] },
    ]);
    const texts = events.splice(0).filter((event) => event.startsWith('says'));
    expect(texts).toEqual([
      expect.stringMatching(
        /^says minutehand:bars 1-0: BODY_NOT_JSON: The request body .* Send .* Further ones are only logged and counted\.$/,
      ),
      expect.stringMatching(/^says minutehand:bars 7-0: BAR_RANGE: /),
    ]);
    await listener.onEntries([entry('9-0', '[')], POSITION, false);
    expect(lines).toMatchObject([{ code: 'BODY_NOT_JSON', count: 1, entries: ['9-0'] }]);
    expect(events).toEqual(['BODY_NOT_JSON', KEPT, 'settled']);
  });

  it('are not printed when they are late history', async () => {
    const { listener, events, lines } = openFeed();
    await listener.onEntries([entry('1-0', barOf(3)), entry('2-0', barOf(2), 'backfill', '1')], POSITION, false);
    expect(events).toEqual(['accepted', 'BAR_OUT_OF_ORDER', KEPT, 'settled']);
    expect(lines).toMatchObject([{ code: 'BAR_OUT_OF_ORDER', entries: ['2-0'] }]);
  });

  it('may lack the field bar: the fields they have are named', async () => {
    const { listener, events } = openFeed();
    const fields = (...list: string[]): StreamEntry => ['1-0', list];
    for (const list of [['note', 'bar', 'other', wire(barOf(3))], ['bar']])
      await listener.onEntries([fields(...list)], POSITION, false);
    expect(events.filter((event) => !/^(keeps|settled)/.test(event))).toEqual([
      'BAR_MALFORMED',
      expect.stringContaining('Seen: an entry with the fields note, other. Expected: the field bar.') as string,
      'BAR_MALFORMED',
    ]);
  });

  it('name at most 100 characters of their fields', async () => {
    const { listener, events } = openFeed();
    await listener.onEntries([['1-0', ['x'.repeat(200), '1']]], POSITION, false);
    expect(events.find((event) => event.startsWith('says'))).toMatch(/fields x{100}[^x]/);
  });

  it('for an unexpected reason are logged with it, and the next ones are taken', async () => {
    let calls = 0;
    const sink: BarSink & SeriesSink = {
      hasSymbol: () => true,
      observe: () => expect.unreachable(),
      take() {
        if (calls++ === 0) throw new TypeError('a defect');
        return 'accepted';
      },
    };
    const { listener, events, lines } = openFeed({ sink });
    await listener.onEntries([entry('1-0', barOf(3)), entry('2-0', barOf(2))], POSITION, false);
    expect(events.slice(0, 2)).toEqual(['INTERNAL', 'accepted']);
    expect(lines).toMatchObject([
      { level: 50, err: { message: 'a defect' }, msg: 'unexpected error' },
      { code: 'INTERNAL' },
    ]);
    await listener.onEntries([entry('3-0', '[')], POSITION, false);
    expect(lines.filter(({ level }) => level === 50)).toHaveLength(1);
  });
});

describe('the position', () => {
  it.each([
    ['none', null, BEGINNING],
    ['of the same symbols', '{"id":"5-0","number":3,"symbols":"XAGUSD,XAUUSD"}', { id: '5-0', number: 3 }],
    ['of more symbols', '{"id":"5-0","number":null,"symbols":"EURUSD,XAGUSD,XAUUSD"}', { id: '5-0', number: null }],
    ['of fewer symbols', '{"id":"5-0","number":3,"symbols":"XAGUSD"}', BEGINNING],
  ])('that was kept is where reading starts, unless symbols were added: %s', (_, position, from) => {
    expect(openFeed({ position }).listener.from).toEqual(from);
  });

  it('without entries is kept too', () => {
    const { listener, events } = openFeed();
    listener.onPosition({ id: '7-1', number: null });
    expect(events).toEqual(['keeps {"id":"7-1","number":null,"symbols":"XAGUSD,XAUUSD"}']);
  });
});

describe('the state of the stream', () => {
  it('is printed when it is up, and when it is down after that', () => {
    const { feed, listener, events, lines } = openFeed();
    expect(feed.state).toBeNull();
    listener.onState('down', 'ECONNREFUSED');
    expect([feed.state, events]).toEqual(['down', []]);
    listener.onState('up', 'connected');
    listener.onState('down', 'closed');
    expect(events).toEqual([
      'says Bars are also read from Redis (minutehand:bars).',
      'says Redis gives no bars (closed): reading resumes at the last position.',
    ]);
    expect(lines.map(({ state, detail, msg }) => [state, detail, msg])).toEqual([
      ['down', 'ECONNREFUSED', 'bars by redis'],
      ['up', 'connected', 'bars by redis'],
      ['down', 'closed', 'bars by redis'],
    ]);
  });

  it('is reported once when Redis refuses, until it can be read again', () => {
    const { feed, listener, events } = openFeed();
    listener.onState('refused', 'NOPERM');
    expect(feed.refusal).toBeInstanceOf(MinutehandError);
    const { refusal } = feed;
    listener.onState('down', 'closed');
    listener.onState('refused', 'WRONGTYPE');
    expect(feed.refusal).toBe(refusal);
    expect(events.splice(0)).toEqual([expect.stringMatching(/^refused STREAM_REFUSED .*NOPERM/)]);
    listener.onState('up', 'connected');
    expect([feed.refusal, events.splice(0)]).toEqual([
      null,
      ['readable', expect.stringMatching(/^says Bars are also read/)],
    ]);
    listener.onState('refused', 'NOPERM');
    expect(events).toEqual([expect.stringMatching(/^refused STREAM_REFUSED/)]);
  });

  it('counts lost entries, a gap of unknown size as one', () => {
    const { feed, listener, events, lines } = openFeed();
    listener.onLost(7);
    listener.onLost(null);
    expect(feed.lost).toBe(8);
    expect(events).toEqual([
      expect.stringMatching(/^says STREAM_TRIMMED: .*7 entries.* Keep more entries/),
      expect.stringMatching(/^says STREAM_TRIMMED: .*an unknown number of entries/),
    ]);
    expect(lines).toMatchObject([
      { level: 50, code: 'STREAM_TRIMMED', count: 7 },
      { code: 'STREAM_TRIMMED', count: null },
    ]);
  });

  it('names another stream', () => {
    const { listener, events, lines } = openFeed();
    listener.onAnother();
    expect(events).toEqual([
      'says The stream minutehand:bars is a different one than before: it is read from its beginning.',
    ]);
    expect(lines).toMatchObject([{ level: 40, msg: 'minutehand:bars is not the stream that was read before' }]);
  });
});
