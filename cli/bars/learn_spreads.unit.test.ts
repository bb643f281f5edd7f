import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { realData, skipNote } from '../../shared/bar_file/real_data.fixture.ts';
import { newYorkMinuteOfWeek } from '../../shared/core/cost/new_york_time.ts';
import { defaultProfile, multipleAt, profileOfSteps } from '../../shared/core/cost/spread_profile.ts';
import { createRng } from '../../shared/rng.ts';
import { learnSpreads, parseSpreads, spreadsYaml } from './learn_spreads.ts';

const fallback = new Float64Array(10_080).fill(1);
const MONDAY = Date.UTC(2024, 0, 8) / 1000;

describe('learned spreads', () => {
  it('find a planted profile and base through a change of clocks, days of other levels and noise', () => {
    const planted = defaultProfile('currency');
    const rng = createRng('quotes');
    const quoted: { time: number[]; bps: number[] } = { time: [], bps: [] };
    for (let minute = 0; minute < 70 * 1440; minute++) {
      const time = MONDAY + (minute + 40 * 1440) * 60;
      const week = newYorkMinuteOfWeek(time);
      if (week < 1020 || week >= 5 * 1440 + 1020) continue;
      const level = 0.4 * (1 + 0.3 * Math.sin(Math.floor(minute / 1440)));
      quoted.time.push(time);
      quoted.bps.push(level * multipleAt(planted, time) * Math.exp(0.2 * rng.normal()));
    }
    const { steps, spread_bps, covered } = learnSpreads(quoted, fallback)!;
    const profile = profileOfSteps(steps);
    for (let minute = 1020; minute < 5 * 1440 + 1020; minute += 30) {
      const ratio = profile[minute]! / planted[Math.min(minute + 2, 10_079)]!;
      expect([minute, Math.max(ratio, 1 / ratio) < 1.25]).toEqual([minute, true]);
    }
    expect(spread_bps).toBeGreaterThan(0.3);
    expect(spread_bps).toBeLessThan(0.5);
    expect(covered).toBeGreaterThan(0.7);
    expect(covered).toBeLessThan(0.75);
    expect(steps.length).toBeLessThan(300);
  });

  it('need a day of quotes, and keep the fallback where there are none', () => {
    expect(learnSpreads({ time: [MONDAY], bps: [1] }, fallback)).toBeNull();
    const time = Array.from({ length: 400 }, (_, i) => MONDAY + 54_000 + i * 60);
    const learned = learnSpreads(
      { time, bps: time.map(() => 2) },
      fallback.map((_, minute) => (minute < 1000 ? 9 : 1)),
    )!;
    expect(learned).toMatchObject({ spread_bps: 2, quotes: 400, days: 1 });
    expect(profileOfSteps(learned.steps)[999]).toBe(9);
    expect(spreadsYaml('EURUSD', learned)).toMatch(
      /^ {2}EURUSD:\n {4}spread_bps: 2\n {4}spread_profile: \[\[0, 9\], \[1000, 1\]\]$/,
    );
  });

  it('are read from bids and asks or from basis points', () => {
    expect(parseSpreads('time,bid,ask\n60,0.9999,1.0001\n')).toEqual({ time: [60], bps: [expect.closeTo(2, 6)] });
    expect(parseSpreads('time,spread_bps\n60,0.5\n')).toEqual({ time: [60], bps: [0.5] });
    expect(parseSpreads('time,open\n60,1\n')).toBeNull();
  });

  it('have times in any unit or with their zone, and no ask below its bid', () => {
    const times = ['1736150400', '1736150400000', '1736150400000000', '2025-01-06T08:00:00Z'];
    for (const time of times)
      expect(parseSpreads(`time,spread_bps\n${time},0.5\n`)).toEqual({ time: [1_736_150_400], bps: [0.5] });
    for (const row of ['2025-01-06 08:00,1,1.1', '1e30,1,1.1', '60,1.1,1', '60,1,x'])
      expect(() => parseSpreads(`time,bid,ask\n${row}\n`)).toThrow(
        expect.objectContaining({ code: 'DATA_FORMAT', seen: `line 2: ${row}` }) as Error,
      );
  });
});

const spreads = realData('spreads');

describe.skipIf(spreads === null)(`learned from real quotes${skipNote(spreads)}`, () => {
  it('the multiples of seven currency pairs are their own within 12 %, the delivered ones within 3, and their median within 1.6', () => {
    const rows = readFileSync(join(spreads!, 'profile.csv'), 'utf8')
      .split('\n')
      .map((line) => line.split(','));
    const delivered = defaultProfile('currency');
    const learned = new Map<number, number[]>();
    const factor = (ratio: number): number => Math.max(ratio, 1 / ratio);
    for (const symbol of ['EURUSD', 'GBPUSD', 'USDJPY', 'USDCHF', 'NZDUSD', 'USDCAD', 'EURGBP']) {
      const text = gunzipSync(readFileSync(join(spreads!, `${symbol}.csv.gz`))).toString();
      const profile = profileOfSteps(learnSpreads(parseSpreads(text)!, delivered)!.steps);
      const buckets = rows.filter(([name, , kind]) => name === symbol && kind === 'm5_ny_mon_thu');
      expect(buckets.length).toBeGreaterThan(30);
      for (const [, , , bucket, , , , , , multiple] of buckets) {
        const [hour, minute] = bucket!.split(':').map(Number);
        const at = 2 * 1440 + hour! * 60 + minute!;
        learned.set(at, [...(learned.get(at) ?? []), profile[at]!]);
        expect([symbol, bucket, factor(profile[at]! / Number(multiple)) < 1.12]).toEqual([symbol, bucket, true]);
        expect([symbol, bucket, factor(profile[at]! / delivered[at + 2]!) < 3]).toEqual([symbol, bucket, true]);
      }
    }
    for (const [at, multiples] of learned)
      expect([at, factor(multiples.sort((a, b) => a - b)[3]! / delivered[at + 2]!) < 1.6]).toEqual([at, true]);
  });
});
