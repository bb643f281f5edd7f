import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../../shared/errors.ts';
import { collectBars } from './collect_bars.ts';
import type { CollectorOptions } from './collector_options.ts';
import type { DaemonReport, WireMinute } from './daemon_client.ts';
import type { Candle } from './exchange.ts';
import { ExchangeRest } from './exchange_rest.ts';

const MINUTE_MS = 60_000;
const NOW_MS = Date.parse('2026-11-20T12:00:00.500Z');
const LAST_MS = Date.parse('2026-11-20T11:59:00Z');
const REPORT: DaemonReport = { boot_id: 'b', accepted: 1, duplicates: 0, rejected: [], stored: true };

const candle = (symbol: string, openMs: number, volume = 1): Candle => ({
  symbol,
  openMs,
  open: 2,
  high: 3,
  low: 1,
  close: 2,
  volume,
  takerBuyVolume: volume / 2,
  trades: 4,
});

interface Setup {
  /** Symbol, minutes before the last one, and whether it was sent as history. */
  readonly sent: string[];
  readonly refused: string[];
  collect(isPatient?: boolean): Promise<DaemonReport[]>;
}

/** @param behind minutes that the daemon lacks; null = it has none */
function setUp(
  behind: Record<string, number | null>,
  broken: readonly string[] = [],
  page = 1000,
  blocked: readonly string[] = [],
): Setup {
  const have = new Map(
    Object.entries(behind).flatMap(([symbol, lacks]) =>
      lacks === null ? [] : [[symbol, LAST_MS - lacks * MINUTE_MS] as const],
    ),
  );
  const sent: string[] = [];
  const options = {
    symbols: Object.keys(behind),
    historyMinutes: 5,
    exchange: {
      candles(symbol: string, fromMs: number) {
        if (blocked.includes(symbol))
          return Promise.reject(new ExchangeRest(symbol, { untilMs: NOW_MS + 1, next: '', isOfAsked: true }));
        if (broken.includes(symbol)) return Promise.reject(new MinutehandError('COLLECT_EXCHANGE', { seen: symbol }));
        const candles: Candle[] = [];
        // The open minute comes with the closed ones, and one of them twice.
        for (let at = fromMs; at <= LAST_MS + MINUTE_MS && candles.length < page; at += MINUTE_MS)
          candles.push(candle(symbol, at, at === LAST_MS ? 0 : 1));
        return Promise.resolve([...candles.slice(-1), ...candles]);
      },
    },
    daemon: {
      lastBars: () => Promise.resolve(have),
      bars(minutes: readonly WireMinute[], backfill: boolean) {
        for (const minute of minutes) {
          const ago = (LAST_MS - minute.time) / MINUTE_MS;
          sent.push(`${minute.symbol} ${ago}${'empty' in minute ? ' empty' : ''}${backfill ? ' history' : ''}`);
        }
        return Promise.resolve(REPORT);
      },
    },
  } as unknown as CollectorOptions;
  const refused: string[] = [];
  const note = ({ message }: ExchangeRest): void => void refused.push(message);
  return { sent, refused, collect: (isPatient = true) => collectBars(options, NOW_MS, isPatient, note) };
}

describe('collectBars', () => {
  it('sends closed minutes that the daemon lacks, once each, history first, all symbols in order of time', async () => {
    const { sent, collect } = setUp({ A: 3, B: 1, C: 0 });
    expect(await collect()).toHaveLength(2);
    expect(sent).toEqual(['A 2 history', 'A 1', 'A 0 empty', 'B 0 empty'].sort(byAgo));
  });

  it('sends a daemon without bars the requested history', async () => {
    const { sent, collect } = setUp({ A: null });
    await collect();
    expect(sent).toEqual(['A 4 history', 'A 3 history', 'A 2 history', 'A 1', 'A 0 empty']);
  });

  it('requests page by page, and sends no minute of one symbol before an older one of another', async () => {
    const { sent, collect } = setUp({ A: 1400, B: 700 }, [], 600);
    await collect();
    expect(sent).toHaveLength(2100);
    const ago = sent.map((text) => Number(text.split(' ')[1]));
    expect(ago).toEqual([...ago].sort((a, b) => b - a));
  });

  it('sends other symbols’ live minutes when the exchange lacks a symbol, and those that need history last', async () => {
    const patient = setUp({ A: 3, B: 3, C: 2 }, ['B']);
    await expect(patient.collect()).rejects.toMatchObject({ code: 'COLLECT_EXCHANGE' });
    expect(patient.sent).toEqual(['C 1', 'C 0 empty']);
    const impatient = setUp({ A: 3, B: 3 }, ['B']);
    await expect(impatient.collect(false)).rejects.toMatchObject({ code: 'COLLECT_EXCHANGE' });
    expect(impatient.sent).toEqual(['A 2 history', 'A 1', 'A 0 empty']);
  });

  it('sends all of other symbols, history too, where the exchange blocks one; nothing where it blocks all', async () => {
    const one = setUp({ A: 3, B: 3 }, [], 1000, ['B']);
    expect(await one.collect()).toHaveLength(2);
    expect(one.sent).toEqual(['A 2 history', 'A 1', 'A 0 empty']);
    expect(one.refused).toEqual([expect.stringContaining('B')]);
    await expect(setUp({ A: 3, B: 3 }, [], 1000, ['A', 'B']).collect()).rejects.toBeInstanceOf(ExchangeRest);
  });

  it('reports that the exchange gives no minute although one has closed', async () => {
    const { sent, collect } = setUp({ A: 1 }, [], 0);
    await expect(collect()).rejects.toThrow(/no minute of A from 2026-11-20T11:59/);
    expect(sent).toEqual([]);
  });
});

function byAgo(x: string, y: string): number {
  return Number(y.split(' ')[1]) - Number(x.split(' ')[1]);
}
