import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Liquidation } from './exchange.ts';
import { LiquidationBars } from './liquidation_bars.ts';
import { Outbox, type Outgoing } from './outbox.ts';

const BAR_MS = 300_000;
const START_MS = Date.parse('2026-11-20T12:00:00Z');

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'minutehand-collect-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Stream {
  bars: LiquidationBars;
  readonly exchange: { isStreaming: boolean };
  restart(): void;
}

function openStream(name: string): Stream {
  const exchange = { isStreaming: true };
  const open = (): LiquidationBars =>
    new LiquidationBars({ exchange, outbox: new Outbox(join(folder, name)), symbols: ['A'], liquidationBarMs: BAR_MS });
  const stream: Stream = { bars: open(), exchange, restart: () => void (stream.bars = open()) };
  return stream;
}

/** A tick at the start, then every two seconds up to two bars; `at` is called before each. */
function run(stream: Stream, at: (second: number) => void = () => undefined): Outgoing[] {
  const sums: Outgoing[] = stream.bars.tick(START_MS + 2000);
  for (let second = 2; second <= (2 * BAR_MS) / 1000 + 4; second += 2) {
    at(second);
    sums.push(...stream.bars.tick(START_MS + second * 1000));
  }
  return sums;
}

const liquidation = (second: number, coins: number, side: 'buy' | 'sell'): Liquidation => ({
  symbol: 'A',
  atMs: START_MS + second * 1000,
  side,
  coins,
  price: 2,
});

describe('liquidations', () => {
  it('are summed by bar and side, each once however often it is received, late and through a kill', () => {
    let files = 0;
    const received = fc.array(
      fc.record({
        second: fc.integer({ min: 2, max: 599 }),
        coins: fc.integer({ min: 1, max: 9 }),
        delay: fc.constantFrom(0, 1),
        repeated: fc.boolean(),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(received, fc.integer({ min: 4, max: 599 }), (all, killed) => {
        const stream = openStream(`${files++}.json`);
        const unique = new Map(all.map((own) => [`${own.second} ${own.coins}`, own]));
        const sums = run(stream, (now) => {
          const due = all.filter(
            ({ second, delay, repeated }) => now - 2 < second + delay && (second + delay <= now || repeated),
          );
          const came = due.filter(({ second, delay }) => second + delay <= now);
          stream.bars.take([...came, ...came].map(({ second, coins }) => liquidation(second, coins, 'sell')));
          if (now - 2 < killed && killed <= now) stream.restart();
        });
        const sumOf = (from: number): number =>
          [...unique.values()].reduce(
            (sum, { second, coins }) => sum + (second >= from && second < from + 300 ? coins : 0),
            0,
          );
        expect(sums).toEqual(
          [0, 300].flatMap((from) => [
            { symbol: 'A', series: 'buy_liquidations', event_time: START_MS + (from + 300) * 1000, value: 0 },
            {
              symbol: 'A',
              series: 'sell_liquidations',
              event_time: START_MS + (from + 300) * 1000,
              value: sumOf(from),
            },
          ]),
        );
      }),
      { numRuns: 5 },
    );
  });

  it('have no value in a bar in which they were not received for a minute, in parts or at its end', () => {
    const times = (sums: readonly Outgoing[]): number[] => sums.map(({ event_time }) => (event_time - START_MS) / 1000);
    const parts = openStream('parts.json');
    const isDown = (second: number): boolean => second % 100 < 40 && second < 300;
    expect(times(run(parts, (second) => (parts.exchange.isStreaming = !isDown(second))))).toEqual([600, 600]);
    const end = openStream('end.json');
    expect(times(run(end, (second) => (end.exchange.isStreaming = second < 220 || second > 320)))).toEqual([600, 600]);
    const short = openStream('short.json');
    expect(times(run(short, (second) => (short.exchange.isStreaming = second < 50 || second > 90)))).toEqual([
      300, 300, 600, 600,
    ]);
    const begun = openStream('begun.json');
    expect(begun.bars.tick(START_MS + 120_000)).toEqual([]);
    expect(times(run(begun).slice(0, 2))).toEqual([600, 600]);
  });
});

describe('an outbox', () => {
  it('keeps unremoved values through a kill, and none that no bar can use', () => {
    const path = join(folder, 'outbox.json');
    const value = (event_time: number): Outgoing => ({ symbol: 'A', series: 'sentiment', event_time, value: 1 });
    const outbox = new Outbox(path);
    outbox.add([value(START_MS - 49 * 3_600_000), value(START_MS - 1), value(START_MS)], START_MS);
    outbox.remove(1);
    const again = new Outbox(path);
    expect(again.outgoing).toEqual([value(START_MS)]);
    expect([again.newest('A', 'sentiment'), again.newest('B', 'sentiment')]).toEqual([START_MS, null]);
  });
});
