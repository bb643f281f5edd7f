import { describe, expect, it } from 'vitest';
import { goLiveChecks, isReadyForPaper, type GoLiveFacts, type GoLiveId } from './checks.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { noteApproved } from '../../../shared/effective_advice.ts';
import { sharedMinutes } from './facts.ts';
import { nextOf } from './report.ts';
import { WINDOWS_IDS } from './windows_checks.ts';

/** A Wednesday, when the market is open. */
const NOW = Date.UTC(2026, 10, 25, 12);
const agoMs = (days: number): number => NOW - days * 86_400_000;
const symbolOf = (symbol: string, changes: object = {}): GoLiveFacts['symbols'][number] => ({
  symbol,
  bars: 25_000,
  earlier: '',
  isClockSuspect: false,
  weekOpens: { '17:00': 8 },
  hasCosts: true,
  hasDeliveredCosts: false,
  areCostsTooSmall: false,
  ...changes,
});
const health = (changes: object = {}): GoLiveFacts['daemons'][number]['health'] => ({
  market: 'live',
  late_bars: null,
  last_bars: { XAUUSD: '2026-11-25T11:58:00Z', XAGUSD: '2026-11-25T11:58:00Z' },
  lease: null,
  ...changes,
});
/** Two symbols, one pair, with which nothing is left to do. */
const READY: GoLiveFacts = {
  nowMs: NOW,
  market: 'live',
  isOpen: true,
  minBars: 20_160,
  daemons: [{ shard: 'main', presence: 'up', hasStandby: true, health: health() }],
  symbols: [symbolOf('XAUUSD'), symbolOf('XAGUSD')],
  refusedFeeds: [],
  sharedMinutes: new Map([['XAUUSD_XAGUSD', 0.97]]),
  models: {
    versions: ['20261120_0830'],
    missing: [],
    refusal: null,
    overrides: [],
    withEdge: ['XAUUSD_XAGUSD'],
    subjects: 1,
  },
  channels: ['slack'],
  channelProblems: [],
  lastSentMs: agoMs(1),
  fills: { places: [{ place: 'demo', account: 'paper', lastMs: agoMs(0) }], closedPaper: 40, paperDays: 22 },
};

const leftOf = (facts: GoLiveFacts): readonly GoLiveId[] =>
  goLiveChecks(facts)
    .filter(({ verdict }) => verdict === 'todo')
    .map(({ id }) => id);

describe('the checklist of going live', () => {
  it('has nothing left for two symbols that are ready, but the backup, which only a person can see', () => {
    const checks = goLiveChecks(READY);
    expect(checks.filter(({ verdict }) => verdict !== 'ok').map(({ id, verdict }) => [id, verdict])).toEqual([
      ['backup', 'ask'],
    ]);
    expect(isReadyForPaper(checks)).toBe(true);
    expect(nextOf(checks)).toContain('demo account');
  });

  it('ends a rule that is in use despite failed gates, which no training replaces', () => {
    const overrides = [{ version: 'v1', gates: 'trades: 3', served: 'rule BTCUSDT@1h' }] as const;
    const gates = goLiveChecks({ ...READY, models: { ...READY.models, overrides } }).find(({ id }) => id === 'gates')!;
    expect(gates).toMatchObject({ verdict: 'todo', seen: expect.stringContaining('rule v1 of BTCUSDT@1h') });
    expect(gates.fix).toContain('`minutehand strategy stop BTCUSDT@1h`');
    expect(gates.fix).not.toContain('train');
  });

  it('advises no edit of a file that has no effect since a change was approved', () => {
    const facts: GoLiveFacts = { ...READY, market: 'simulated', symbols: [symbolOf('XAUUSD', { hasCosts: false })] };
    const fixesOf = () => goLiveChecks(facts).flatMap(({ id, fix }) => (['market', 'costs'].includes(id) ? [fix] : []));
    try {
      noteApproved(3);
      for (const fix of fixesOf()) expect(fix).toMatch(/Change 3 is in effect .*`minutehand policy propose/);
      const { next } = new MinutehandError('PAIR_UNKNOWN', { next: 'Add it to config/minutehand.yaml.' });
      expect(next).toContain('policy propose');
      // Made again of its own parts, in another thread.
      expect(new MinutehandError('PAIR_UNKNOWN', { next }).next).toBe(next);
    } finally {
      noteApproved(null);
    }
    for (const fix of fixesOf()) expect(fix).not.toContain('policy propose');
  });

  it.each<[GoLiveId, Partial<GoLiveFacts>, RegExp]>([
    ['market', { market: 'simulated' }, /simulated/],
    ['daemon', { daemons: [{ ...READY.daemons[0]!, presence: 'down', health: null }] }, /no answer from main/],
    [
      'bars',
      { daemons: [{ ...READY.daemons[0]!, health: health({ last_bars: { XAUUSD: '2026-11-25T11:58:00Z' } }) }] },
      /no bar of XAGUSD/,
    ],
    [
      'bars',
      {
        daemons: [
          {
            ...READY.daemons[0]!,
            health: health({ last_bars: { XAUUSD: '2026-11-25T11:58:00Z', XAGUSD: '2026-11-25T11:40:00Z' } }),
          },
        ],
      },
      /last bars of XAGUSD are older/,
    ],
    [
      'bars',
      { refusedFeeds: [{ symbol: 'XAUUSD', text: 'XAUUSD: SWAPPED columns open, close', isCertain: true }] },
      /an import would refuse .*XAUUSD: SWAPPED/,
    ],
    [
      'clock',
      {
        daemons: [{ ...READY.daemons[0]!, health: health({ late_bars: { message: 'two hours ahead', next: 'UTC' } }) }],
      },
      /two hours ahead/,
    ],
    [
      'clock',
      {
        symbols: [
          symbolOf('XAUUSD', { isClockSuspect: true, weekOpens: { '17:00': 4, '19:00': 4 } }),
          symbolOf('XAGUSD'),
        ],
      },
      /XAUUSD begin at 17:00, 19:00/,
    ],
    ['sessions', { sharedMinutes: new Map([['XAUUSD_XAGUSD', 0.41]]) }, /only 41 %/],
    [
      'costs',
      { symbols: [symbolOf('XAUUSD'), symbolOf('XAGUSD', { hasDeliveredCosts: true })] },
      /XAGUSD are as delivered/,
    ],
    [
      'costs',
      { symbols: [symbolOf('XAUUSD'), symbolOf('XAGUSD', { areCostsTooSmall: true })] },
      /the costs of XAGUSD are too small/,
    ],
    ['costs', { symbols: [symbolOf('XAUUSD', { hasCosts: false }), symbolOf('XAGUSD')] }, /no costs of XAUUSD/],
    [
      'history',
      { symbols: [symbolOf('XAUUSD', { bars: 1, earlier: 'bars up to 2019-06-30 are too old' }), symbolOf('XAGUSD')] },
      /XAUUSD 1 \(bars up to 2019-06-30/,
    ],
    ['models', { models: { ...READY.models, missing: ['pairs'] } }, /none is active for pairs/],
    [
      'models',
      { models: { ...READY.models, refusal: { code: 'MODEL_MARKET', message: 'of another market', next: 'Train.' } } },
      /another market/,
    ],
    ['gates', { models: { ...READY.models, overrides: [{ version: 'm1', gates: 'ai1 auc' }] } }, /despite/],
    ['news', { news: describeError(new MinutehandError('NEWS_STALE')), newsUntil: null }, /NEWS_STALE: no calendar/],
    [
      'news',
      { news: describeError(new MinutehandError('NEWS_STALE')), newsUntil: '2026-11-20 13:30' },
      /NEWS_STALE: the calendar ends at 2026-11-20 13:30/,
    ],
    ['edge', { models: { ...READY.models, withEdge: [] } }, /0 of 1/],
    ['notifications', { channels: [] }, /no channel/],
    ['notifications', { lastSentMs: agoMs(31) }, /nothing was sent/],
    ['consumer', { fills: { ...READY.fills, places: [] } }, /no program/],
    ['paper', { fills: { ...READY.fills, paperDays: 3 } }, /on 3 days/],
    ['paper', { fills: { ...READY.fills, closedPaper: 19 } }, /^19 closed positions/],
    ['daemon', { daemons: [{ ...READY.daemons[0]!, health: health({ market: 'simulated' }) }] }, /another market/],
    ['daemon', { daemons: [READY.daemons[0]!, { ...READY.daemons[0]!, shard: 'fx', presence: 'down' }] }, /from fx/],
    ['notifications', { channelProblems: ['MINUTEHAND_SLACK_URL is no address'] }, /SLACK_URL/],
    ['notifications', { lastSentMs: null }, /nothing was sent/],
    ['history', { symbols: [symbolOf('XAUUSD', { bars: 20_159 }), symbolOf('XAGUSD')] }, /XAUUSD 20159/],
    ['sessions', { sharedMinutes: new Map([['XAUUSD_XAGUSD', 0.79]]) }, /only 79 %/],
  ])('%s: names what is left, and how to mend it', (id, changes, seen) => {
    const facts = { ...READY, ...changes };
    const own = goLiveChecks(facts).find((check) => check.id === id)!;
    expect(own).toMatchObject({ verdict: 'todo', seen: expect.stringMatching(seen) as string });
    expect(own.fix).toMatch(/\S{3}/);
    expect(nextOf(goLiveChecks(facts))).toContain(leftOf(facts)[0]!);
  });

  it('asks where a program cannot see, and does not count old bars while the market is closed', () => {
    const young = [symbolOf('BTCUSDT', { isClockSuspect: null }), symbolOf('ETHUSDT', { isClockSuspect: null })];
    const last_bars = { BTCUSDT: '2026-11-25T09:00:00Z', ETHUSDT: '2026-11-25T09:00:00Z' };
    const daemons = [{ shard: 'main', presence: 'up' as const, hasStandby: false, health: health({ last_bars }) }];
    const facts = { ...READY, isOpen: false, symbols: young, daemons };
    const asked = goLiveChecks(facts).filter(({ verdict }) => verdict === 'ask');
    expect(asked.map(({ id }) => id)).toEqual(['clock', 'backup', 'standby']);
    expect(leftOf(facts)).toEqual([]);
    expect(leftOf({ ...facts, isOpen: true })).toEqual(['bars']);
  });

  it('names what would change a refused training, where its advice would be to train', () => {
    const gate = {
      code: 'samples',
      role: 'ai1',
      value: 120,
      relation: '>=',
      limit: 300,
      unit: 'count',
      evidence: {},
    } as const;
    const refusedTraining = { version: '20261128_0900', failed: [gate] };
    const checkOf = (models: object) =>
      goLiveChecks({ ...READY, models: { ...READY.models, ...models } }).find(({ id }) => id === 'models');
    expect(checkOf({ missing: ['pairs'] })!.fix).toContain('train --adopt');
    const refused = checkOf({ missing: ['pairs'], refusedTraining })!;
    expect(refused.seen).toContain('(20261128_0900) was refused by 1 gate');
    expect(refused.fix).toMatch(/^More history, or more pairs\./);
    // Models in use are not worse for it.
    expect(checkOf({ refusedTraining })).toMatchObject({ verdict: 'ok' });
  });

  it('lets paper trading begin before any fill, and not before its first lines are done', () => {
    const unfilled = { ...READY, fills: { places: [], closedPaper: 0, paperDays: 0 } };
    expect([leftOf(unfilled), isReadyForPaper(goLiveChecks(unfilled))]).toEqual([['consumer', 'paper'], true]);
    expect(isReadyForPaper(goLiveChecks({ ...unfilled, channels: [] }))).toBe(false);
  });
});

it('minutes that two legs share are counted over the last two weeks that both have', () => {
  const minutes = (from: number, count: number, step = 60): number[] =>
    Array.from({ length: count }, (_, i) => from + i * step);
  const from = NOW / 1000;
  expect(sharedMinutes(minutes(from, 2000), minutes(from, 2000))).toBe(1);
  expect(sharedMinutes(minutes(from, 2000), minutes(from, 1000, 120))).toBeCloseTo(0.5, 2);
  // The second leg began later.
  expect(sharedMinutes(minutes(from, 4000), minutes(from + 2000 * 60, 2000))).toBe(1);
  expect(sharedMinutes(minutes(from, 100), minutes(from, 100))).toBeNull();
  expect(sharedMinutes([], minutes(from, 2000))).toBeNull();
});

const WINDOWS: NonNullable<GoLiveFacts['windows']> = {
  folderWarnings: [],
  exchange: String.raw`C:\Users\me\AppData\Roaming\MetaQuotes\Terminal\Common\Files\minutehand`,
  hasExchange: true,
  hasTask: true,
  sleepsAfterMinutes: null,
  keepsTime: true,
};

describe('the checklist on Windows', () => {
  const ofWindows = (windows: GoLiveFacts['windows']): string[] =>
    goLiveChecks({ ...READY, ...(windows === undefined ? {} : { windows }) })
      .filter(({ id }) => (WINDOWS_IDS as readonly string[]).includes(id))
      .map(({ id, verdict, code }) => `${id} ${verdict} ${code}`);

  it('has lines of its own, which other systems do not have', () => {
    expect(ofWindows(undefined)).toEqual([]);
    expect(ofWindows(WINDOWS)).toEqual([
      'folders ok folders_right',
      'exchange ok exchange_common',
      'service ok service_task',
      'sleep ok sleep_never',
      'time ok time_kept',
    ]);
    expect(isReadyForPaper(goLiveChecks({ ...READY, windows: WINDOWS }))).toBe(true);
  });

  it.each<[string, Partial<typeof WINDOWS>]>([
    ['folders todo folders_wrong', { folderWarnings: ['The home is in OneDrive.'] }],
    ['exchange todo exchange_absent', { hasExchange: false }],
    ['exchange ask exchange_elsewhere', { exchange: String.raw`C:\minutehand_home` }],
    ['service ask service_none', { hasTask: false }],
    ['sleep todo sleep_after', { sleepsAfterMinutes: 30 }],
    ['sleep ask sleep_unknown', { sleepsAfterMinutes: 'unknown' }],
    ['time ask time_free', { keepsTime: false }],
    ['time ask time_unknown', { keepsTime: 'unknown' }],
  ])('says %s', (line, change) => {
    expect(ofWindows({ ...WINDOWS, ...change })).toContain(line);
    const checks = goLiveChecks({ ...READY, windows: { ...WINDOWS, ...change } });
    expect(isReadyForPaper(checks)).toBe(!line.includes(' todo '));
  });
});
