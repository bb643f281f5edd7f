import { describe, expect, it } from 'vitest';
import { parseTimeZone } from '../time_zone.ts';
import { createBarInspection, sampleOf, type SampledCloses } from './bar_inspection.ts';
import type { InspectedBar } from './inspected_bar.ts';
import { columnsOf } from '../bar_file.ts';
import type { OpenTime } from '../../bar.ts';
import { verdictOf, type Finding, type Verdict } from './finding.ts';
import { findingText } from './finding_text.ts';
import { compareWithKnown } from './known_closes.ts';

const NEW_YORK = parseTimeZone('America/New_York');
const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
/** Sunday, January 6, 2019, 00:00 UTC. */
const SUNDAY = Date.UTC(2019, 0, 6) / 1000;

/** A repeatable stream of numbers in 0…1. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

interface MarketShape {
  readonly symbol?: string;
  readonly weeks?: number;
  readonly barSeconds?: number;
  readonly price?: number;
  readonly seed?: number;
  /** From minute to minute, the same for every market of a seed. */
  readonly common?: (time: number) => number;
}

/** Bars of a market that is open from Sunday 17:00 (gold: 18:00, with a daily pause from 17:00) to Friday 17:00. */
function marketBars(shape: MarketShape = {}): InspectedBar[] {
  const { symbol = 'EURUSD', weeks = 4, barSeconds = 300, price = 1.14, seed = 1, common } = shape;
  const isMetal = symbol.startsWith('XA');
  const next = numbers(seed);
  const bars: InspectedBar[] = [];
  let close = price;
  for (let time = SUNDAY; time < SUNDAY + weeks * 7 * DAY_S; time += barSeconds) {
    const local = time + NEW_YORK.offsetAt(time);
    const weekday = (Math.floor(local / DAY_S) + 4) % 7;
    const hour = Math.floor((local % DAY_S) / HOUR_S);
    const opening = isMetal ? 18 : 17;
    const isOpen =
      weekday === 0 ? hour >= opening : weekday === 5 ? hour < 17 : weekday !== 6 && !(isMetal && hour === 17);
    if (!isOpen) continue;
    const size = common === undefined ? 2e-4 * next() : common(time);
    const open = close;
    close = open * (1 + (next() < 0.5 ? -size : size));
    const reach = 1e-4 * next();
    bars.push({
      time,
      open,
      high: Math.max(open, close) * (1 + reach),
      low: Math.min(open, close) * (1 - reach),
      close,
      volume: 1 + Math.floor(100 * next()),
    });
  }
  return bars;
}

function inspect(bars: readonly InspectedBar[], symbol = 'EURUSD', barSeconds = 300): Verdict {
  const inspection = createBarInspection(symbol, barSeconds);
  for (const bar of bars) inspection.add(bar);
  return verdictOf(inspection.findings());
}

function shifted(bars: readonly InspectedBar[], seconds: number): InspectedBar[] {
  return bars.map((bar) => ({ ...bar, time: bar.time + seconds }));
}

async function samplesOf(symbol: string, bars: readonly InspectedBar[]): Promise<SampledCloses> {
  return sampleOf(symbol, 300, [
    columnsOf(
      symbol,
      bars.map((bar) => ({ ...bar, symbol, time: bar.time as OpenTime })),
    ),
  ]);
}

describe('the verdict on sound bars is OK', () => {
  it.each([
    ['EURUSD', 1.14],
    ['XAUUSD', 1300],
    ['BTCUSDT', 7000],
  ])('of %s, in ascending and in descending order', (symbol, price) => {
    const bars = marketBars({ symbol, price });
    expect(inspect(bars, symbol)).toEqual({ verdict: 'OK', findings: [] });
    expect(inspect([...bars].reverse(), symbol)).toEqual({ verdict: 'OK', findings: [] });
  });

  it('of bars of one minute, five minutes and an hour', () => {
    for (const barSeconds of [60, 300, HOUR_S])
      expect(inspect(marketBars({ barSeconds, weeks: 3 }), 'EURUSD', barSeconds).verdict).toBe('OK');
  });
});

describe('a clock', () => {
  it('that is hours ahead or behind is SHIFTED by as many hours', () => {
    for (const symbol of ['EURUSD', 'XAUUSD'])
      for (const hours of [-5, -1, 1, 2, 3, 7]) {
        const bars = shifted(marketBars({ symbol, price: symbol === 'EURUSD' ? 1.14 : 1300 }), hours * HOUR_S);
        expect(inspect(bars, symbol), `${symbol} ${hours}`).toMatchObject({
          verdict: 'SHIFTED',
          findings: [{ by: 'week_edges', values: { hours } }],
        });
      }
  });

  it('that is off says when weeks or pauses begin and end by their stamps, and when they must', () => {
    const textOf = (bars: readonly InspectedBar[], symbol = 'EURUSD'): string =>
      findingText(inspect(bars, symbol).findings[0]!);
    expect(textOf(shifted(marketBars(), 2 * HOUR_S))).toBe(
      'by +2 h: 3 of 3 weeks run from Sunday 19:00 to Friday 19:00 in New York, where Sunday 17:00 to Friday 17:00 was expected',
    );
    const gold = { symbol: 'XAUUSD', price: 1300 };
    expect(textOf(shifted(marketBars(gold), 7 * HOUR_S), 'XAUUSD')).toContain(
      'run from Monday 01:00 to Saturday 00:00 in New York, where Sunday 18:00 to Friday 17:00 was expected',
    );
    expect(textOf(shifted(marketBars({ ...gold, weeks: 1 }), 3 * HOUR_S), 'XAUUSD')).toContain(
      'daily pauses run from 20:00 to 21:00 in New York, where 17:00 to 18:00 was expected',
    );
    const off = marketBars().map((bar) => (bar.time < SUNDAY + 7 * DAY_S ? { ...bar, time: bar.time - HOUR_S } : bar));
    expect(textOf(off)).toMatch(/which runs from Sunday 16:00 to Friday 16:00 in New York, where/);
  });

  it('that is ahead is noticed in a single week by its two edges, and in the days of gold by their pauses', () => {
    const oneWeekend = shifted(marketBars({ weeks: 2 }), 2 * HOUR_S).slice(100, -100);
    expect(inspect(oneWeekend)).toMatchObject({ verdict: 'SHIFTED', findings: [{ values: { hours: 2 } }] });
    const days = marketBars({ symbol: 'XAUUSD', price: 1300, weeks: 1 });
    expect(inspect(shifted(days, 3 * HOUR_S), 'XAUUSD')).toMatchObject({
      findings: [{ code: 'SHIFTED', by: 'daily_pause', values: { hours: 3 } }],
    });
    expect(inspect(days, 'XAUUSD').verdict).toBe('OK');
  });

  it('of two weeks across a change of clocks is SHIFTED to the clock with daylight saving', () => {
    // New York changes its clock on March 10.
    const weeks = marketBars({ weeks: 10 }).filter(({ time }) => time >= SUNDAY + 8 * 7 * DAY_S);
    for (const name of ['+02:00/US', '-05:00/US', '+03:00/US']) {
      const zone = parseTimeZone(name);
      const stamped = weeks.map((bar) => ({ ...bar, time: bar.time + zone.offsetAt(bar.time) }));
      const { verdict, findings } = inspect(stamped);
      expect({ name, verdict, findings }).toMatchObject({
        verdict: 'SHIFTED',
        findings: [{ by: 'single_weeks', values: { zone: name, weeks: 2, of: 2 } }],
      });
      expect(findingText(findings[0]!)).toContain(`to the clock ${name} in 2 of 2 weeks`);
    }
  });

  it('of one week among others, or of the only one, is SHIFTED with its hours and its begin', () => {
    for (const barSeconds of [300, HOUR_S]) {
      const sound = marketBars({ barSeconds, weeks: 4 });
      const begin = (week: number): number => SUNDAY + week * 7 * DAY_S;
      const off = (weeks: readonly number[], seconds: number): InspectedBar[] =>
        sound.map((bar) => {
          const week = Math.floor((bar.time - SUNDAY) / (7 * DAY_S));
          return weeks.includes(week) ? { ...bar, time: bar.time + seconds } : bar;
        });
      for (const [weeks, hours] of [[[0], 2] as const, [[1], -2] as const, [[3], 2] as const, [[0, 2], 3] as const]) {
        const text = `weeks ${weeks.join()} by ${hours} h, bars of ${barSeconds} s`;
        const from = begin(weeks[0]!) + (22 + hours) * HOUR_S;
        const bars = off(weeks, hours * HOUR_S);
        for (const own of barSeconds === HOUR_S ? [bars, bars.toReversed()] : [bars])
          expect(inspect(own, 'EURUSD', barSeconds), text).toMatchObject({
            verdict: 'SHIFTED',
            findings: [{ by: 'single_weeks', values: { hours, weeks: weeks.length, of: 4, from } }],
          });
      }
      const only = sound.filter(({ time }) => time < begin(1));
      expect(inspect(shifted(only, 2 * HOUR_S), 'EURUSD', barSeconds).findings).toMatchObject([
        { code: 'SHIFTED', by: 'single_weeks', values: { hours: 2, weeks: 1, of: 1 } },
      ]);
      expect(inspect(only, 'EURUSD', barSeconds).verdict).toBe('OK');
    }
  });

  it('of less than a week is SUSPECT by bars that move while the market is closed; a stray bar is not', () => {
    const days = marketBars({ barSeconds: 60, weeks: 1 }).slice(0, 2000);
    const early = inspect(shifted(days, -2 * HOUR_S), 'EURUSD', 60);
    expect(early.findings).toMatchObject([
      { code: 'SUSPECT', by: 'closed_edges', values: { bars: 120, weekends: 1, from: days[0]!.time - 2 * HOUR_S } },
    ]);
    expect(findingText(early.findings[0]!)).toMatch(/^120 bars move on 1 weekend after .* first at 2019-01-06T20:00Z/);
    const friday = marketBars({ barSeconds: 60, weeks: 1 }).slice(-2000);
    expect(inspect(shifted(friday, HOUR_S), 'EURUSD', 60).findings).toMatchObject([{ by: 'closed_edges' }]);
    expect(inspect([...friday, ...shifted(friday.slice(-20), 20 * 60)], 'EURUSD', 60).verdict).toBe('OK');
    expect(inspect(shifted(days, -2 * HOUR_S), 'EURUSDT', 60).verdict).toBe('OK');
  });

  it('without daylight-saving time is named as such', () => {
    const bars = marketBars({ weeks: 40, barSeconds: HOUR_S }).map((bar) => {
      const isSummer = NEW_YORK.offsetAt(bar.time) === -4 * HOUR_S;
      return { ...bar, time: bar.time + (isSummer ? HOUR_S : 0) };
    });
    expect(inspect(bars, 'EURUSD', HOUR_S)).toMatchObject({ verdict: 'SHIFTED', findings: [{ by: 'week_edges' }] });
  });

  it('is not accused where a broker opens late and closes early', () => {
    const bars = marketBars({ weeks: 6 }).filter(({ time }) => {
      const local = time + NEW_YORK.offsetAt(time);
      const weekday = (Math.floor(local / DAY_S) + 4) % 7;
      const hour = (local % DAY_S) / HOUR_S;
      return !(weekday === 0 && hour < 18.1) && !(weekday === 5 && hour >= 15.5);
    });
    expect(inspect(bars).verdict).toBe('OK');
  });

  it('that names the close of bars is CLOSE_STAMPED; of hours it may be a shift as well', () => {
    for (const barSeconds of [60, 300, 900])
      expect(inspect(shifted(marketBars({ barSeconds, weeks: 3 }), barSeconds), 'EURUSD', barSeconds)).toMatchObject({
        verdict: 'CLOSE_STAMPED',
      });
    const hourly = shifted(marketBars({ barSeconds: HOUR_S }), HOUR_S);
    const [finding] = inspect(hourly, 'EURUSD', HOUR_S).findings;
    expect(finding).toMatchObject({ code: 'SHIFTED', values: { hours: 1, or_close_stamped: 1 } });
    expect(findingText(finding!)).toContain('stamped with their close');
  });
});

describe('columns', () => {
  const bars = marketBars();
  it('in any other order are SWAPPED', () => {
    const names = ['open', 'high', 'low', 'close'] as const;
    for (const order of permutations([0, 1, 2, 3])) {
      const isNamed = order.every((at, i) => at === i);
      const inspection = createBarInspection('EURUSD', 300);
      for (const bar of bars) {
        const values = order.map((at) => bar[names[at]!]);
        const [open, high, low, close] = values as [number, number, number, number];
        const read = { ...bar, open, high, low, close };
        // A row whose geometry is impossible is refused by the reader.
        if (low <= Math.min(open, close) && high >= Math.max(open, close)) inspection.add(read);
        else inspection.addRefused(read);
      }
      expect(verdictOf(inspection.findings()).verdict, order.join()).toBe(isNamed ? 'OK' : 'SWAPPED');
    }
  });

  it('of high and low are SWAPPED in a part as well, and a few rows or other faults are not', () => {
    const judge = (turn: (bar: InspectedBar, at: number) => InspectedBar): string => {
      const inspection = createBarInspection('EURUSD', 300);
      for (const [at, bar] of bars.entries()) {
        const read = turn(bar, at);
        if (read === bar) inspection.add(read);
        else inspection.addRefused(read);
      }
      return verdictOf(inspection.findings()).verdict;
    };
    const turned = (bar: InspectedBar): InspectedBar => ({ ...bar, high: bar.low, low: bar.high });
    expect(judge((bar, at) => (at < bars.length / 2 ? bar : turned(bar)))).toBe('SWAPPED');
    expect(judge((bar, at) => (at < bars.length - 100 ? bar : turned(bar)))).toBe('SWAPPED');
    expect(judge((bar, at) => (at < bars.length - 10 ? bar : turned(bar)))).toBe('OK');
    expect(judge((bar, at) => (at < bars.length - 100 ? bar : { ...bar, high: bar.low }))).toBe('OK');
  });

  it('of a volume in the place of a price are SWAPPED', () => {
    const read = bars.map((bar) => ({ ...bar, high: bar.volume + 50, volume: bar.high }));
    const inspection = createBarInspection('EURUSD', 300);
    for (const bar of read) inspection.addRefused(bar);
    expect(verdictOf(inspection.findings())).toMatchObject({
      verdict: 'SWAPPED',
      findings: [{ by: 'magnitude', values: { columns: 'high, volume' } }],
    });
  });
});

describe('a scale', () => {
  it('that a known symbol never had is SCALED: powers of ten, and the inverse quote', () => {
    const scaled = (factor: (price: number) => number, symbol: string, price: number): Verdict =>
      inspect(
        marketBars({ symbol, price }).map((bar) => {
          const one = factor(bar.low);
          const other = factor(bar.high);
          return {
            ...bar,
            open: factor(bar.open),
            close: factor(bar.close),
            low: Math.min(one, other),
            high: Math.max(one, other),
          };
        }),
        symbol,
      );
    for (const power of [-2, -1, 1, 2, 5])
      expect(scaled((price) => price * 10 ** power, 'EURUSD', 1.14)).toMatchObject({
        verdict: 'SCALED',
        findings: [{ values: { factor: Number(`1e${power}`) } }],
      });
    expect(scaled((price) => 1 / price, 'USDJPY', 110)).toMatchObject({
      verdict: 'SCALED',
      findings: [{ by: 'usual_prices', values: { factor: '1/x' } }],
    });
  });

  it('that changes inside the bars is SCALED from there on', () => {
    const bars = marketBars({ symbol: 'ABCUSDT', price: 20 });
    const half = bars.map((bar, i) => (i < bars.length / 2 ? bar : times(bar, 10)));
    expect(inspect(half, 'ABCUSDT')).toMatchObject({
      verdict: 'SCALED',
      findings: [{ by: 'leap', values: { factor: 10, from: half[bars.length / 2]!.time } }],
    });
  });

  it('is compared with the symbol that is stored, and with the rate that two other pairs imply', async () => {
    const euro = marketBars({ weeks: 1 });
    const known = await samplesOf('ABCUSD', euro);
    const tenfold = await samplesOf(
      'ABCUSD',
      euro.map((bar) => times(bar, 10)),
    );
    expect(compareWithKnown(tenfold, [known])).toMatchObject([
      { code: 'SCALED', by: 'known_bars', values: { factor: 10 } },
    ]);
    // A neighbor under the name of this symbol costs some percent more in the same minutes; another broker does not.
    const priced = async (factor: number) =>
      samplesOf(
        'ABCUSD',
        euro.map((bar) => times(bar, factor)),
      );
    expect(compareWithKnown(await priced(1.04), [known])).toMatchObject([{ code: 'SUSPECT', by: 'known_bars' }]);
    expect(compareWithKnown(await priced(1.01), [known])).toEqual([]);
    const pound = await samplesOf('GBPUSD', marketBars({ weeks: 1, price: 1.3, seed: 2 }));
    const dollar = await samplesOf('EURUSD', euro);
    const cross = (factor: number) =>
      samplesOf(
        'EURGBP',
        euro.map((bar) => ({
          ...bar,
          close: (factor * bar.close) / pound.closes.get(Math.floor(bar.time / 300))!,
        })),
      );
    expect(compareWithKnown(await cross(1), [dollar, pound])).toEqual([]);
    expect(compareWithKnown(await cross(100), [dollar, pound])).toMatchObject([
      { code: 'SCALED', by: 'cross_rate', values: { factor: 100 } },
    ]);
  });
});

describe('names that were exchanged', () => {
  it.each([
    ['XAUUSD', 1300, 'XAGUSD', 15],
    ['AUDUSD', 0.7, 'NZDUSD', 0.67],
    ['EURUSD', 1.12, 'GBPUSD', 1.27],
    ['SPXUSD', 2800, 'NSXUSD', 7000],
    ['USDCAD', 1.33, 'BCOUSD', 65],
    ['BTCUSDT', 7000, 'ETHUSDT', 190],
  ])('of %s at %d and %s at %d are SUSPECT for both, and right ones are not', async (one, price, other, otherPrice) => {
    const bars = marketBars({ weeks: 1, price });
    const others = marketBars({ weeks: 1, price: otherPrice, seed: 2 });
    const by = async (symbol: string, of: typeof bars, known: string, knownBars: typeof bars) =>
      compareWithKnown(await samplesOf(symbol, of), [await samplesOf(known, knownBars)]).map(
        ({ code, by: test, values }) => [code, test, values['symbol']],
      );
    expect(await by(one, others, other, bars)).toContainEqual(['SUSPECT', 'exchanged', other]);
    expect(await by(other, bars, one, others)).toContainEqual(['SUSPECT', 'exchanged', one]);
    expect(await by(one, bars, other, others)).toEqual([]);
    expect(await by(other, others, one, bars)).toEqual([]);
  });
});

describe('longer bars among shorter ones', () => {
  const bars = marketBars({ barSeconds: 60, weeks: 8 });
  const from = SUNDAY + 6 * 7 * DAY_S;
  /** The bar of each day of these. */
  const daysOf = (minutes: readonly InspectedBar[]): InspectedBar[] =>
    [...Map.groupBy(minutes, ({ time }) => Math.floor(time / DAY_S))].map(([day, own]) => ({
      ...own[0]!,
      time: day * DAY_S,
      high: Math.max(...own.map(({ high }) => high)),
      low: Math.min(...own.map(({ low }) => low)),
      close: own.at(-1)!.close,
    }));
  const tests = (all: readonly InspectedBar[]): string[] =>
    inspect(all, 'EURUSD', 60).findings.map(({ code, by }) => `${code} ${by}`);

  it('are DERIVED as a history of days before the minutes, in both orders', () => {
    const both = [...daysOf(bars.filter(({ time }) => time < from)), ...bars.filter(({ time }) => time >= from)];
    for (const rows of [both, [...both].reverse()]) expect(tests(rows)).toContain('DERIVED longer_run');
    expect(inspect(both, 'EURUSD', 60).findings.find(({ by }) => by === 'longer_run')!.values).toMatchObject({
      seconds: DAY_S,
    });
  });

  it('are DERIVED as one week of days behind the minutes or between them, in both orders', () => {
    const week = (time: number): boolean => time >= from && time < from + 7 * DAY_S;
    const days = daysOf(bars.filter(({ time }) => week(time)));
    const behind = [...bars.filter(({ time }) => time < from), ...days];
    const between = [...behind, ...bars.filter(({ time }) => time >= from + 7 * DAY_S)];
    for (const some of [behind, between])
      for (const rows of [some, [...some].reverse()]) expect(tests(rows)).toContain('DERIVED longer_run');
  });

  it('are DERIVED where there are a few of them', () => {
    const few = daysOf(bars).slice(9, 12);
    const times = new Set(few.map(({ time }) => time));
    const all = [...bars.filter(({ time }) => !times.has(time)), ...few].sort((a, b) => a.time - b.time);
    const found = inspect(all, 'EURUSD', 60).findings;
    expect(found).toMatchObject([{ code: 'DERIVED', by: 'longer_bar' }]);
    expect(findingText(found[0]!)).toContain('has high, low and close of the day that follows it');
    expect(tests(bars)).toEqual([]);
  });
});

describe('known bars of another symbol', () => {
  it('show a copy under another name, also at another scale and of half an hour, and nothing else', async () => {
    const bars = marketBars({ weeks: 1, price: 1.1 });
    const known = await samplesOf('EURUSD', bars);
    const copied = [{ code: 'SUSPECT', by: 'same_bars', values: { symbol: 'EURUSD' } }];
    expect(compareWithKnown(await samplesOf('ABCDEF', bars), [known])).toMatchObject(copied);
    const scaled = bars.map((bar) => times(bar, 3));
    expect(compareWithKnown(await samplesOf('ABCDEF', scaled), [known])).toMatchObject(copied);
    const few = bars.slice(0, 150);
    expect(compareWithKnown(await samplesOf('ABCDEF', few), [known])).toMatchObject(copied);

    // Another broker's quotes of the same market, and the same symbol again.
    const noise = numbers(3);
    const quoted = bars.map((bar) => times(bar, 1 + 1e-5 * (noise() - 0.5)));
    expect(compareWithKnown(await samplesOf('ABCDEF', quoted), [known])).toEqual([]);
    expect(compareWithKnown(await samplesOf('EURUSD', bars), [known])).toEqual([]);
    // Bars that never moved are alike in every market.
    const flat = bars.map((bar) => ({ ...bar, open: 1, high: 1, low: 1, close: 1 }));
    const still = await samplesOf('XYZ', flat);
    expect(compareWithKnown(await samplesOf('ABCDEF', flat), [still])).toEqual([]);
  });
});

describe('known bars show a shift', () => {
  it('of a market without weeks: by the symbol itself, and by the sizes of related moves', async () => {
    const next = numbers(7);
    const sizes = new Map<number, number>();
    const common = (time: number): number => {
      const hour = Math.floor(time / 1800);
      if (!sizes.has(hour)) sizes.set(hour, 2e-4 * (0.1 + 5 * next() ** 4));
      return sizes.get(hour)!;
    };
    const bars = marketBars({ symbol: 'BTCUSDT', price: 30_000, weeks: 2, common });
    const btc = await samplesOf('BTCUSDT', bars);
    const eth = marketBars({ symbol: 'ETHUSDT', price: 2000, weeks: 2, seed: 5, common });
    for (const hours of [-3, 2]) {
      const again = await samplesOf('BTCUSDT', shifted(bars, hours * HOUR_S));
      expect(compareWithKnown(again, [btc])).toMatchObject([{ code: 'SHIFTED', by: 'known_bars', values: { hours } }]);
      const other = await samplesOf('ETHUSDT', shifted(eth, hours * HOUR_S));
      expect(compareWithKnown(other, [btc])).toMatchObject([
        { code: 'SHIFTED', by: 'related_bars', values: { hours, symbol: 'BTCUSDT' } },
      ]);
    }
    expect(compareWithKnown(await samplesOf('ETHUSDT', eth), [btc])).toEqual([]);
  });

  it('but unrelated markets show none', async () => {
    const one = await samplesOf('ABC', marketBars({ weeks: 2, seed: 11 }));
    const other = await samplesOf('XYZ', marketBars({ weeks: 2, seed: 12 }));
    expect(compareWithKnown(one, [other])).toEqual([]);
  });
});

describe('a source', () => {
  it('that repeats one bar for hours is FROZEN, whether the bar is flat or not', () => {
    for (const isFlat of [false, true]) {
      const bars = marketBars({ barSeconds: 60, weeks: 1 });
      const stuck = isFlat ? { ...bars[999]!, open: 1.1, high: 1.1, low: 1.1, close: 1.1 } : bars[999]!;
      const frozen = bars.map((bar, i) => (i >= 1000 && i < 1300 ? { ...stuck, time: bar.time } : bar));
      expect(inspect(frozen, 'EURUSD', 60)).toMatchObject({
        verdict: 'FROZEN',
        findings: [{ values: { runs: 1, bars: isFlat ? 300 : 301 } }],
      });
    }
  });

  it('that fills weekends has FLAT_WEEKENDS, and its clock is still seen', () => {
    const filled = (bars: readonly InspectedBar[]): InspectedBar[] => {
      const all: InspectedBar[] = [];
      for (const bar of bars) {
        for (let time = (all.at(-1)?.time ?? bar.time) + HOUR_S; time < bar.time; time += HOUR_S) {
          const { close } = all.at(-1)!;
          all.push({ time, open: close, high: close, low: close, close, volume: 0 });
        }
        all.push(bar);
      }
      return all;
    };
    const bars = marketBars({ barSeconds: HOUR_S });
    expect(inspect(filled(bars), 'EURUSD', HOUR_S).findings.map(({ code }) => code)).toEqual(['FLAT_WEEKENDS']);
    const codes = inspect(shifted(filled(bars), 2 * HOUR_S), 'EURUSD', HOUR_S).findings.map(({ code }) => code);
    expect(codes).toEqual(['SHIFTED', 'FLAT_WEEKENDS']);
  });
});

describe('copied and invented bars', () => {
  const minutes = marketBars({ barSeconds: 60, weeks: 2 });
  const from = minutes.findIndex(({ time }) => time >= SUNDAY + 2 * DAY_S);
  const codesOf = (bars: readonly InspectedBar[], symbol = 'EURUSD'): string[] =>
    inspect(bars, symbol, 60).findings.map(({ code, by }) => `${code} ${by}`);
  const changed = (count: number, change: (bar: InspectedBar, i: number) => Omit<InspectedBar, 'time'>) =>
    minutes.map((bar, i) => (i >= from && i < from + count ? { ...change(bar, i), time: bar.time } : bar));

  it('of a stuck price whose volume goes on counting are FROZEN, flat or not', () => {
    const stuck = changed(300, ({ volume }) => ({ ...minutes[from]!, volume }));
    expect(codesOf(stuck)).toEqual(['FROZEN repeated_bar']);
    const flat = changed(300, ({ volume }) => ({ open: 1.14, high: 1.14, low: 1.14, close: 1.14, volume }));
    expect(codesOf(flat)).toEqual(['FROZEN repeated_bar']);
    // Coins that are tied to others rest for hours.
    expect(codesOf(flat, 'USDCUSDT')).toEqual([]);
    const shorter = changed(25, ({ volume }) => ({ ...minutes[from]!, volume }));
    expect(codesOf(shorter)).toEqual([]);
  });

  it('of one price with counted volumes from beginning to end are made up, and not accused', () => {
    const bars = minutes.map(({ time }, i) => ({ time, open: 1.1, high: 1.3, low: 1, close: 1.2, volume: i }));
    expect(codesOf(bars, 'ABCDEF')).toEqual([]);
  });

  it('of one price through whole weeks are FROZEN, and no filled weekend', () => {
    const whole = minutes.map(({ time }) => ({ time, open: 1.14, high: 1.14, low: 1.14, close: 1.14, volume: 0 }));
    expect(codesOf(whole)).toEqual(['FROZEN repeated_bar']);
  });

  it('of a day before, or of a loop, are FROZEN with the distance to what they copy', () => {
    const day = changed(1000, (_, i) => minutes[i - 1440]!);
    expect(inspect(day, 'EURUSD', 60)).toMatchObject({
      findings: [{ code: 'FROZEN', by: 'copied_stretch', values: { stretches: 1, minutes: 1440 } }],
    });
    expect(findingText(inspect(day, 'EURUSD', 60).findings[0]!)).toContain('the prices of those 24 h before them');
    const loop = changed(200, (_, i) => minutes[from + (i % 3)]!);
    expect(inspect(loop, 'EURUSD', 60)).toMatchObject({ findings: [{ by: 'copied_stretch', values: { minutes: 3 } }] });
    expect(inspect([...day].reverse(), 'EURUSD', 60).verdict).toBe('FROZEN');
    expect(codesOf(minutes.map(({ time }, i) => ({ ...minutes[i % 50]!, time })))).toEqual([]);
    expect(
      inspect(
        changed(40, (_, i) => minutes[i - 1440]!),
        'EURUSD',
        60,
      ).verdict,
    ).not.toBe('FROZEN');
  });

  it('of a price that repeats on both sides of a pause are not FROZEN: over it a price may stay', () => {
    const stuck = changed(16, ({ volume: _ }) => minutes[from]!);
    expect(codesOf(stuck)).toEqual(['FROZEN repeated_bar']);
    expect(codesOf([...stuck.slice(0, from + 8), ...stuck.slice(from + 8 + 6)])).toEqual([]);
    // A few minutes without a bar are no pause.
    expect(codesOf([...stuck.slice(0, from + 8), ...stuck.slice(from + 8 + 3)])).toEqual(['FROZEN repeated_bar']);
  });

  it('of a source that stuck on a Friday and went on until Saturday are FROZEN: that is no whole weekend', () => {
    const friday = minutes.findIndex(({ time }, i) => time - (minutes[i - 1]?.time ?? time) > DAY_S) - 1;
    const { close } = minutes[friday - 240]!;
    const flat = { open: close, high: close, low: close, close, volume: 0 };
    const stuck = minutes.map((bar, i) => (i > friday - 240 && i <= friday ? { ...flat, time: bar.time } : bar));
    const fillUp = (hours: number): InspectedBar[] =>
      Array.from({ length: hours * 60 }, (_, i) => ({ ...flat, time: minutes[friday]!.time + 60 * (i + 1) }));
    const filled = [...stuck.slice(0, friday + 1), ...fillUp(12), ...stuck.slice(friday + 1)];
    expect(codesOf(filled)).toContain('FROZEN repeated_bar');
    expect(codesOf(filled)).not.toContain('FLAT_WEEKENDS');
  });

  it('whose closes alone repeat, or of which every other one does, are no copies; a few strays change nothing', () => {
    const closes = changed(400, ({ open, high, low, volume }, i) => {
      const { close } = minutes[i - 1440]!;
      return { open, high: Math.max(high, close), low: Math.min(low, close), close, volume };
    });
    expect(codesOf(closes)).not.toContain('FROZEN copied_stretch');
    const copied = (isStray: (i: number) => boolean): string[] =>
      codesOf(changed(400, (bar, i) => (isStray(i) ? bar : minutes[i - 1440]!)));
    expect(copied((i) => i % 2 === 0)).not.toContain('FROZEN copied_stretch');
    expect(copied((i) => i % 3 === 0)).not.toContain('FROZEN copied_stretch');
    expect(copied((i) => i % 10 === 0)).toContain('FROZEN copied_stretch');
  });

  it('of closed weekends are FLAT_WEEKENDS with any volume', () => {
    const hours = marketBars({ barSeconds: HOUR_S });
    const filled = (bar: (time: number, close: number) => InspectedBar): InspectedBar[] =>
      hours.flatMap((own, i) => {
        const before = hours[i - 1] ?? own;
        const count = Math.max(0, (own.time - before.time) / HOUR_S - 1);
        return [...Array.from({ length: count }, (_, k) => bar(before.time + (k + 1) * HOUR_S, before.close)), own];
      });
    const flat = filled((time, close) => ({ time, open: close, high: close, low: close, close, volume: 1 }));
    expect(inspect(flat, 'EURUSD', HOUR_S).findings.map(({ code }) => code)).toEqual(['FLAT_WEEKENDS']);
    // Bought with coins, a currency is traded on weekends.
    expect(codesOf(flat, 'EURUSDT')).toEqual([]);
  });

  it('on Saturdays are SUSPECT where the market rests, whatever their size, and no sign of another clock', () => {
    for (const [barSeconds, size] of [[60, 1e-6] as const, [300, 2e-4] as const, [HOUR_S, 1e-3] as const]) {
      const bars = marketBars({ barSeconds, weeks: 4 });
      const next = numbers(7);
      const noise = (from: InspectedBar, until: InspectedBar): InspectedBar[] => {
        let close = from.close;
        return Array.from({ length: (until.time - from.time) / barSeconds - 1 }, (_, i) => {
          const open = close;
          close = from.close * (1 + size * (next() - 0.5));
          const time = from.time + (i + 1) * barSeconds;
          return { time, open, high: Math.max(open, close), low: Math.min(open, close), close, volume: 1 + (i % 9) };
        });
      };
      const weekendOf = (i: number): InspectedBar[] =>
        bars[i]!.time - bars[i - 1]!.time > DAY_S ? noise(bars[i - 1]!, bars[i]!) : [];
      const all = bars.flatMap((bar, i) => [...(i === 0 ? [] : weekendOf(i)), bar]);
      const one = bars.findIndex((bar, i) => i > 0 && bar.time - bars[i - 1]!.time > DAY_S);
      const single = bars.flatMap((bar, i) => [...(i === one ? weekendOf(i) : []), bar]);
      expect(inspect(all, 'EURUSD', barSeconds), `${barSeconds} s`).toMatchObject({
        verdict: 'SUSPECT',
        findings: [{ code: 'SUSPECT', by: 'closed_hours', values: { days: 3, bars: (3 * DAY_S) / barSeconds } }],
      });
      expect(findingText(inspect(single, 'EURUSD', barSeconds).findings[0]!)).toBe(
        `${DAY_S / barSeconds} bars move on 1 Saturday, first 2019-01-12, when this market is closed: made up, or another market`,
      );
      // Coins are traded on Saturdays; of this symbol it is not known.
      for (const symbol of ['EURUSDT', 'GER40']) expect(codesOf(all, symbol), symbol).toEqual([]);
    }
    // A clock that is ahead puts a part of the Friday on Saturday: that is another finding.
    const ahead = inspect(shifted(marketBars(), 14 * HOUR_S)).findings.map(({ code }) => code);
    expect(ahead).toEqual(['SHIFTED']);
  });

  it('of a clock that is some minutes off are SHIFTED by these', () => {
    const weeks = marketBars({ barSeconds: 60, weeks: 4 });
    for (const offset of [7, -7, 13]) {
      expect(inspect(shifted(weeks, offset * 60), 'EURUSD', 60), `${offset} min`).toMatchObject({
        findings: [{ code: 'SHIFTED', by: 'week_edges', values: { hours: offset / 60 } }],
      });
    }
    expect(findingText(inspect(shifted(weeks, 420), 'EURUSD', 60).findings[0]!)).toMatch(/^by \+7 min: /);
  });

  it('of another symbol are SUSPECT by the prices of their year, and a leap of a half by itself', () => {
    const pound = minutes.map((bar) => times(bar, 1.3 / 1.14));
    expect(codesOf(pound)).toEqual(['SUSPECT year_prices']);
    expect(codesOf(pound, 'GBPUSD')).toEqual([]);
    const leaping = minutes.map((bar, i) => times(bar, i < from ? 0.96 : 1.6));
    expect(codesOf(leaping)).toContain('SUSPECT leap');
  });
});

describe('splits of shares', () => {
  const WEEK_DAYS = [1, 2, 3, 4, 5];
  /** Sessions of 390 minutes; `moves` are the nights’ factors, from the second session on. */
  const sessions = (moves: readonly number[]): InspectedBar[] => {
    const next = numbers(9);
    let close = 480;
    let day = SUNDAY;
    return moves.concat(1).flatMap((_, i) => {
      do day += DAY_S;
      while (!WEEK_DAYS.includes(new Date(day * 1000).getUTCDay()));
      if (i > 0) close *= moves[i - 1]!;
      return Array.from({ length: 390 }, (_, minute) => {
        const open = close;
        close = open * (1 + 8e-4 * (next() - 0.5));
        const low = Math.min(open, close);
        const high = Math.max(open, close);
        return { time: day + (870 + minute) * 60, open, high, low, close, volume: 9 };
      });
    });
  };
  const findings = (moves: readonly number[], symbol = 'AAPL') =>
    inspect(sessions(moves), symbol, 60).findings.filter(({ by }) => by === 'split' || by === 'leap');

  it.each([
    [1 / 2, '2:1'],
    [0.96 / 3, '3:1'],
    [1.04 / 4, '4:1'],
    [1 / 7, '7:1'],
    [0.97 / 20, '20:1'],
    [2, '1:2'],
    [8 * 1.03, '1:8'],
  ])('over a night, by %d, are SUSPECT and named', (factor, ratio) => {
    const found = findings([1.01, factor, 0.99]);
    expect(found).toMatchObject([{ code: 'SUSPECT', by: 'split', values: { ratio, splits: 1 } }]);
    expect(findingText(found[0]!)).toContain(`a split of ${ratio}: bars that are not adjusted`);
  });

  it.each([1.04, 0.96, 2 / 3, 0.6, 1.5])('are not a night’s move by %d', (factor) => {
    expect(findings([factor, 1.01])).toEqual([]);
  });

  it('by ten remain a change of the scale, and currencies have none', () => {
    expect(findings([0.1])).toMatchObject([{ code: 'SCALED', by: 'leap' }]);
    expect(findings([0.5], 'EURUSD')).toMatchObject([{ code: 'SUSPECT', by: 'leap' }]);
  });
});

describe('levels that were joined', () => {
  const codes = (all: readonly InspectedBar[]): string[] =>
    inspect(all, 'EURUSD', 60).findings.map(({ code, by }) => `${code} ${by}`);
  const bars = marketBars({ barSeconds: 60, weeks: 3 });
  const day = (bar: InspectedBar): number => Math.floor(bar.time / DAY_S);
  const from = 9000;

  it('once are SUSPECT with the place, in both orders, and taking turns by the day DERIVED', () => {
    for (const factor of [0.98, 1.01, 1.02]) {
      const joined = bars.map((bar, i) => (i < from ? bar : times(bar, factor)));
      for (const rows of [joined, [...joined].reverse()])
        expect(inspect(rows, 'EURUSD', 60), `${factor}`).toMatchObject({
          verdict: 'SUSPECT',
          findings: [{ by: 'joined_levels', values: { leaps: 1, from: bars[from]!.time } }],
        });
      const percent = findingText(inspect([...joined].reverse(), 'EURUSD', 60).findings[0]!);
      expect(percent).toMatch(factor > 1 ? /^the price leaps by [12]\.?\d* % / : /^the price leaps by -[12]\.?\d* % /);
    }
    const turning = bars.map((bar) => (day(bar) % 2 === 0 ? bar : times(bar, 1.004)));
    expect(inspect(turning, 'EURUSD', 60)).toMatchObject({ verdict: 'DERIVED', findings: [{ by: 'taking_turns' }] });
    expect(findingText(inspect(turning, 'EURUSD', 60).findings[0]!)).toMatch(
      /by about 0\.\d+ % up and down in turn, \d+ times/,
    );
  });

  it('over a pause of gold or a weekend are SUSPECT, and a weekend that moves less is not', () => {
    const leapAt = (symbol: string, price: number, at: number, factor: number) =>
      inspect(
        marketBars({ symbol, price, barSeconds: 60, weeks: 3 }).map((bar) =>
          bar.time < at ? bar : times(bar, factor),
        ),
        symbol,
        60,
      ).findings.map(({ by }) => by);
    expect(leapAt('XAUUSD', 1300, SUNDAY + 9 * DAY_S + 22 * HOUR_S, 1.02)).toEqual(['joined_levels']);
    expect(leapAt('EURUSD', 1.14, SUNDAY + 7 * DAY_S, 0.98)).toEqual(['joined_levels']);
    expect(leapAt('EURUSD', 1.14, SUNDAY + 7 * DAY_S, 0.99)).toEqual([]);
    // An index opens after a weekend where it will.
    expect(leapAt('SPXUSD', 2700, SUNDAY + 7 * DAY_S, 0.98)).toEqual([]);
  });

  it('are not a price that leaps in a storm, one that comes back, or one that stood still', () => {
    const storm = bars.map((bar, i) => (i < from ? bar : times(bar, 1.02)));
    for (let i = from; i < from + 5; i++) storm[i] = { ...storm[i]!, high: storm[i]!.high * 1.01 };
    expect(codes(storm)).toEqual([]);
    const back = bars.map((bar, i) => (i >= from && i < from + 4 ? times(bar, 1.01) : bar));
    expect(codes(back)).not.toContain('SUSPECT joined_levels');
    const still = bars.map((bar, i) => {
      const { open } = bars[from - 12]!;
      return i < from - 12 ? bar : i < from ? { ...bar, open, high: open, low: open, close: open } : times(bar, 1.02);
    });
    expect(codes(still)).not.toContain('SUSPECT joined_levels');
  });
});

describe('a finding', () => {
  it('has a text for each test that finds it', () => {
    const finding = (code: Finding['code'], by: string): Finding => ({ code, by, values: { from: 0, last: 0 } });
    expect(
      findingText({ ...finding('SHIFTED', 'week_edges'), values: { hours: 2, weeks: 3, of: 3, due: 'x' } }),
    ).toMatch(/^by \+2 h: 3 of 3 weeks/);
    expect(findingText(finding('FROZEN', 'repeated_bar'))).toContain('stuck');
  });
});

function times(bar: InspectedBar, factor: number): InspectedBar {
  return {
    ...bar,
    open: bar.open * factor,
    high: bar.high * factor,
    low: bar.low * factor,
    close: bar.close * factor,
  };
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) => permutations(items.filter((one) => one !== item)).map((rest) => [item, ...rest]));
}
