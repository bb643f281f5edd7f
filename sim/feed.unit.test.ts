import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import { createRng } from '../shared/rng.ts';
import { startFeed, type FeedReply } from './feed.ts';
import { createPrices } from './market.ts';
import { drawWeather, peaceAfter } from './swarm.ts';
import { createTimeline } from './timeline.ts';

const START_MS = Date.parse('2025-10-14T12:00:30Z');

describe('the feeder', () => {
  it.each(['health', 'resend'] as const)(
    'accepts STOPPING as a valid reply and resends the same minutes (rule %s)',
    async (rule) => {
      const timeline = createTimeline(createRng(1));
      const wrong: string[] = [];
      const sent: string[][] = [];
      let stops = 0;
      const taken = (text: string): NonNullable<FeedReply> => {
        const bars = [JSON.parse(text) as object[]].flat();
        const body = JSON.stringify({ accepted: bars.length, duplicates: 0, late: 0, rejected: [] });
        return { status: 200, body, isJournaled: true, powerCuts: 0 };
      };
      const stopping = { status: 200, body: '{"error":{"code":"STOPPING"}}', isJournaled: true, powerCuts: 0 };
      const { feed: weather } = peaceAfter(drawWeather(createRng(2)));
      startFeed(
        {
          timeline,
          rng: createRng(3),
          prices: createPrices(1, ['XAUUSD', 'XAGUSD'], 0),
          symbols: ['XAUUSD', 'XAGUSD'],
          door: {
            line: () => 1,
            post(_line, text, _backfill, onAnswer) {
              sent.push([...text.matchAll(/"time":"([^"]+)"/g)].map(([, time]) => time!));
              onAnswer(sent.length === 1 ? stopping : taken(text));
            },
            getHealth: (onAnswer) =>
              onAnswer({ status: 200, body: '{"last_bars":{}}', isJournaled: true, powerCuts: 0 }),
          },
          weather: () => ({ ...weather, rule, apart: false }),
          trueMs: () => START_MS + timeline.nowMs,
          isClosed: () => false,
          onArrival: () => undefined,
          onAccepted: () => undefined,
          onStopping: () => stops++,
          onWrongAnswer: (what) => wrong.push(what),
          trace: () => undefined,
        },
        new Map(
          [3, 2, 1].map((minute) => [(START_MS / 1000 - 30 - minute * 60) as OpenTime, new Set(['XAUUSD', 'XAGUSD'])]),
        ),
      );
      await timeline.run(10_000);
      expect([wrong, stops]).toEqual([[], 1]);
      expect(sent[0]!.length).toBeGreaterThan(0);
      expect(sent[1]).toEqual(sent[0]);
    },
  );
});
