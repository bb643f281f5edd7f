import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { parsePair } from '../../../shared/pair.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_settings.ts';
import { train } from '../training/pipeline.ts';
import { findLaggingLegs, refuseLaggingLegs } from './lagging_legs.ts';

const settings = tinySettings();
const bars = tinyBars(settings);
const pairs = settings.minutehand.pairs.map(parsePair);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-lagging-legs-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function later({ time, ...bars }: BarColumns, seconds: number, symbol: string): BarColumns {
  return { ...bars, symbol, time: time.map((at) => at + seconds) };
}

function withBars(changed: BarColumns): Map<string, BarColumns> {
  return new Map(bars).set(changed.symbol, changed);
}

const training = (own: ReadonlyMap<string, BarColumns>): Promise<unknown> =>
  train({
    settings,
    bars: own,
    market: 'live',
    seed: 7,
    gitCommit: null,
    out: folder,
    counts: folder,
    cache: null,
    workers: 0,
    created: new Date('2024-01-05T12:00:00Z'),
    trials: 0,
    searchFolder: null,
    holdoutFrom: null,
    onProgress: () => undefined,
  });

it('pairs of a market have none', () => {
  expect(findLaggingLegs(pairs, bars)).toEqual([]);
});

it('a leg that is the other one ten minutes late is refused before anything is learned, with the lag', async () => {
  await expect(training(withBars(later(bars.get('EURUSD')!, 600, 'GBPUSD')))).rejects.toMatchObject({
    code: 'LEG_LAGS',
    seen: expect.stringMatching(
      /^EURUSD_GBPUSD: GBPUSD repeats EURUSD 10 min later \(correlation of returns (1|0\.9\d+)/,
    ),
  });
  expect(readdirSync(folder)).toEqual([]);
});

it('a leg whose clock is five hours off is refused, in pairs of any timeframe', () => {
  const shifted = withBars(later(bars.get('XAGUSD')!, -18_000, 'XAGUSD'));
  for (const id of ['XAUUSD_XAGUSD', 'XAUUSD_XAGUSD@1h'])
    expect(() => refuseLaggingLegs([parsePair(id)], shifted)).toThrow(
      expect.objectContaining({ code: 'LEG_LAGS', seen: expect.stringContaining('XAUUSD repeats XAGUSD 5 h later') }),
    );
});

it('a third symbol tells which leg is off', () => {
  const a = bars.get('XAUUSD')!;
  const b = bars.get('XAGUSD')!;
  const witness = { ...a, symbol: 'XPTUSD' };
  const three = new Map([a, later(b, 7200, 'XAGUSD'), witness].map((own) => [own.symbol, own]));
  expect(findLaggingLegs([{ a: 'XAUUSD', b: 'XAGUSD' }], three)).toMatchObject([
    { lagSeconds: 7200, culprit: 'XAGUSD' },
  ]);
  expect(() => refuseLaggingLegs([{ a: 'XAUUSD', b: 'XAGUSD' }], three)).toThrow(
    expect.objectContaining({ next: expect.stringMatching(/^XAGUSD: Its clock is probably 2 h late\./) }),
  );
  const early = new Map([later(a, -7200, 'XAUUSD'), b, { ...b, symbol: 'XPTUSD' }].map((own) => [own.symbol, own]));
  expect(() => refuseLaggingLegs([{ a: 'XAUUSD', b: 'XAGUSD' }], early)).toThrow(
    expect.objectContaining({ next: expect.stringMatching(/^XAUUSD: Its clock is probably 2 h early\./) }),
  );
});
