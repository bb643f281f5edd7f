import { describe, expect, it } from 'vitest';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { parseMessage } from '../daemon/feed/message.ts';
import { latestClosedOpenMs } from '../shared/bar_rules.ts';
import { parseWireMinute } from '../daemon/feed/wire.ts';
import { benchSettings } from './settings.ts';
import { barsMessage, benchMarket, benchPairs, daysAgo } from './market.ts';

const CONFIGURED = ['XAUUSD_XAGUSD', 'AUDUSD_NZDUSD'];

describe('the market of the bench', () => {
  it('has the configured pairs first, then distinct made-up pairs up to the requested number', () => {
    expect(benchPairs(1, CONFIGURED)).toEqual(['XAUUSD_XAGUSD']);
    for (const count of [3, 10, 100, 1000, 1035]) {
      const pairs = benchPairs(count, CONFIGURED);
      expect(new Set(pairs).size).toBe(count);
      const legs = pairs.map(parsePair);
      // No pair appears in both orders.
      expect(new Set(legs.map(({ a, b }) => [a, b].sort().join())).size).toBe(count);
      // The fewest symbols that form this many pairs.
      const symbols = symbolsOf(legs).length;
      expect(((symbols - 1) * (symbols - 2)) / 2).toBeLessThan(count);
    }
    expect(() => benchPairs(1036, CONFIGURED)).toThrow(RangeError);
  });

  it('has costs for every symbol, made-up ones included, so that a daemon of 1,000 pairs starts', () => {
    const base = loadSettings({ env: {} });
    const pairs = benchPairs(1000, base.minutehand.pairs);
    const { symbols } = benchSettings({ base, pairs, redisUrl: 'redis://127.0.0.1:1' }).minutehand;
    expect(symbolsOf(pairs.map(parsePair)).filter((symbol) => symbols[symbol] === undefined)).toEqual([]);
    expect(symbols).toMatchObject(base.minutehand.symbols);
  });

  it('sends messages a live daemon takes: past minutes, ascending, with new prices every minute', () => {
    const market = benchMarket(benchPairs(100, CONFIGURED), 'test', daysAgo(400));
    const latestMs = latestClosedOpenMs(Date.now(), 0);
    let before: { time: number; close: number } | null = null;
    let moved = 0;
    for (let i = 0; i < 50; i++) {
      const minutes = (parseMessage(barsMessage(market.next().bars)) as unknown[]).map((one) =>
        parseWireMinute(one, latestMs),
      );
      expect(minutes).toHaveLength(15);
      const [first] = minutes;
      if (first?.kind !== 'bar') throw new Error('not a bar');
      expect(first.bar.time).toBeGreaterThan(before?.time ?? 0);
      if (first.bar.close !== before?.close) moved++;
      before = first.bar;
    }
    expect(moved).toBeGreaterThan(40);
  });
});
