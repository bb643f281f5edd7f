import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SECONDS_PER_BAR, type Bar, type OpenTime } from '../../shared/bar.ts';
import { verdictOf } from '../../shared/bar_file/verdict/finding.ts';
import { createRng } from '../../shared/rng.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { createFeedJudge } from '../../trainer/jobs/bars/feed_judge.ts';
import { receivedDecisions } from '../../trainer/jobs/bars/received_decisions.ts';
import { receivedVerdicts, refusedFeeds } from '../../trainer/jobs/bars/received_verdicts.ts';
import { folderSink } from './folder_sink.ts';
import { importBars } from './import.ts';

const SYMBOL = 'EURUSD';
/** A Monday, 00:00 UTC. */
const MONDAY_S = Date.parse('2025-03-03T00:00:00Z') / 1000;
const DAY_BARS = 1440;
const DAYS = 2;

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'received-verdicts-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Minutes of two days of a market that moves; `change` makes of each what a feeder would send. */
function sent(change: (bar: Bar, index: number, all: readonly Bar[]) => Bar): Bar[] {
  const rng = createRng('two days of minutes');
  let price = 1.08;
  const bars = Array.from({ length: DAYS * DAY_BARS }, (_, i): Bar => {
    const open = price;
    price *= 1 + (rng.uniform() - 0.5) * 4e-4;
    const high = Math.max(open, price) * 1.00003;
    const low = Math.min(open, price) * 0.99997;
    const time = (MONDAY_S + i * SECONDS_PER_BAR) as OpenTime;
    return { symbol: SYMBOL, time, open, high, low, close: price, volume: Math.round(rng.uniform() * 100) + 1 };
  });
  return bars.map(change);
}

const times = (bar: Bar, factor: number): Bar => ({
  ...bar,
  open: bar.open * factor,
  high: bar.high * factor,
  low: bar.low * factor,
  close: bar.close * factor,
});

/** A journal as a daemon leaves it that took these bars, whichever door they came through. */
function journalOf(bars: readonly Bar[]): string {
  const path = join(folder, 'live_main.db');
  const journal = openJournal(path);
  const inputs = bars.map((bar) => ({ kind: 'bar', subject: SYMBOL, time: bar.time, bar, backfill: true }) as const);
  journal.append(inputs, []);
  journal.close();
  return path;
}

async function importOf(bars: readonly Bar[]) {
  const source = join(folder, 'in');
  mkdirSync(source);
  const rows = bars.map(({ time, open, high, low, close, volume }) => [time, open, high, low, close, volume].join(','));
  writeFileSync(join(source, `${SYMBOL}.csv`), ['time,open,high,low,close,volume', ...rows, ''].join('\n'));
  const { symbols } = await importBars({ source, into: await folderSink(join(folder, 'out')) });
  return symbols[0]!;
}

describe('bars that a daemon received', () => {
  it.each<[string, (bar: Bar, index: number, all: readonly Bar[]) => Bar]>([
    ['OK', (bar) => bar],
    ['SWAPPED', (bar) => ({ ...bar, open: bar.close, close: bar.open })],
    ['SCALED', (bar, index) => (index < DAY_BARS ? bar : times(bar, 100))],
    ['FROZEN', (bar, index, all) => (index > 1000 && index < 1200 ? { ...all[1000]!, time: bar.time } : bar)],
    ['FROZEN', (bar, index, all) => (index < 2200 ? bar : { ...all[index - DAY_BARS]!, time: bar.time })],
    ['SUSPECT', (bar) => ({ ...bar, time: (bar.time + 4 * 86_400) as OpenTime })],
  ])('get the verdict of an import of the same bars: %s', async (code, change) => {
    const bars = sent(change);
    const [judged] = await receivedVerdicts({ journals: [journalOf(bars)], symbols: [SYMBOL, 'XAUUSD'] });
    const { verdict } = await importOf(bars);
    expect(judged).toEqual({ symbol: SYMBOL, bars: bars.length, verdict });
    expect(verdict.verdict).toBe(code);
    expect(refusedFeeds([judged!]).map(({ symbol }) => symbol)).toEqual(code === 'OK' ? [] : [SYMBOL]);
  });

  it('are judged by the two weeks up to the newest of them', async () => {
    const before = sent((bar) => ({ ...times(bar, 10), time: (bar.time - 20 * 86_400) as OpenTime }));
    const bars = sent((bar) => bar);
    const [judged] = await receivedVerdicts({ journals: [journalOf([...before, ...bars])], symbols: [SYMBOL] });
    expect(judged).toMatchObject({ bars: bars.length, verdict: { verdict: 'OK' } });
  });

  it('are wrong for certain where no market looks like that, and for a person to judge where a quiet one does', () => {
    const judged = (['SWAPPED', 'FROZEN', 'STALE'] as const).map((verdict) => ({
      symbol: verdict,
      bars: 1,
      verdict: verdictOf([
        { code: 'STALE', by: 'age', values: {} },
        { code: verdict, by: 'a test', values: {} },
      ]),
    }));
    expect(refusedFeeds(judged).map(({ symbol, isCertain }) => [symbol, isCertain])).toEqual([
      ['SWAPPED', true],
      ['FROZEN', false],
    ]);
  });

  it('are judged in parts of two weeks where something learns from them, unless a person accepts or leaves out', () => {
    const swapped = sent((bar) => ({ ...bar, open: bar.close, close: bar.open }));
    const months = [0, 20, 40, 60].flatMap((days) =>
      (days === 20 ? swapped : sent((bar) => bar)).map((bar) => ({
        ...bar,
        time: (bar.time + days * 86_400) as OpenTime,
      })),
    );
    const judged = (...verdicts: readonly object[]) => {
      const runs = verdicts.map((own) => ({ verdicts: JSON.stringify(own), undone_ms: null, finished_ms: 1 }));
      const judge = createFeedJudge(receivedDecisions(runs));
      judge.take(SYMBOL, months);
      return judge;
    };
    expect(judged().fault()).toMatchObject({ code: 'FEED_REFUSED' });
    expect(judged().fault()!.message).toMatch(/EURUSD, received 2025-03-2\d.*SWAPPED/);
    const { finding } = judged()
      .findings()
      .find(({ finding: { code } }) => code === 'SWAPPED')!;
    const accepted = { symbols: { EURUSD: { verdict: 'SWAPPED', findings: [finding] } }, accepted: ['SWAPPED'] };
    expect(judged(accepted).fault()).toBeNull();
    const from = swapped[0]!.time + 20 * 86_400;
    const leftOut = { symbol: SYMBOL, from, to: from + DAYS * 86_400 };
    expect(judged({ left_out: leftOut }).fault()).toBeNull();
    expect(judged({ left_out: { ...leftOut, symbol: 'GBPUSD' } }).fault()).not.toBeNull();
    expect(judged({ left_out: { ...leftOut, to: from + 86_400 } }).fault()).not.toBeNull();
  });
});
