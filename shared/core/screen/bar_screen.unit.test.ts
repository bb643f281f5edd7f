import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../bar.ts';
import { createRng } from '../../rng.ts';
import { BarScreen, SCREEN_LOOK_BACK_BARS, type ScreenPolicy } from './bar_screen.ts';
import { screenSlowly, type Screened } from './bar_screen.oracle.ts';

const POLICY: ScreenPolicy = { sigmas: 60, min_move_bps: 50 };
const START = 1_551_400_020;

/** A walk of about one basis point a minute around 1.1, with a hole now and then. */
function walk(seed: string, count: number, bps = 1): Bar[] {
  const rng = createRng(seed);
  let time = START;
  let close = 1.1;
  return Array.from({ length: count }, (): Bar => {
    time += rng.uniform() < 0.02 ? 60 * (2 + rng.integer(60)) : 60;
    const open = close;
    close *= 1 + rng.normal() * bps * 1e-4;
    const wick = 1 + Math.abs(rng.normal()) * bps * 3e-5;
    const high = Math.max(open, close) * wick;
    const low = Math.min(open, close) / wick;
    return { symbol: 'EURUSD', time: time as OpenTime, open, high, low, close, volume: 1 };
  });
}

function times(bar: Bar, factor: number): Bar {
  const { open, high, low, close } = bar;
  return { ...bar, open: open * factor, high: high * factor, low: low * factor, close: close * factor };
}

function screen(bars: readonly Bar[], policy = POLICY): Screened[] {
  const screening = new BarScreen(policy);
  return bars.map((bar) => {
    const isSuspect = screening.take(bar);
    expect(screening.isSuspect).toBe(isSuspect);
    return { isSuspect, verdict: screening.verdict };
  });
}

/** The indices of suspect bars with their verdicts, as `300 refuted`. */
function suspects(bars: readonly Bar[], policy = POLICY): string[] {
  const answers = screen(bars, policy);
  return answers.flatMap(({ isSuspect }, i) => (isSuspect ? [`${i} ${answers[i + 1]?.verdict ?? 'open'}`] : []));
}

/** A walk of 400 bars, changed from bar 300 on. */
function changed(change: (bar: Bar, i: number) => Bar, bps = 1): Bar[] {
  return walk('changed', 400, bps).map((bar, i) => (i < 300 ? bar : change(bar, i)));
}

describe('BarScreen', () => {
  it('suspects nothing of an ordinary walk', () => {
    expect(suspects(walk('calm', 3000))).toEqual([]);
  });

  it.each([1000, 1 / 1000, 10, 1.01, 1 / 1.01])(
    'holds back one minute of prices × %d, and its successor refutes it',
    (factor) => {
      expect(suspects(changed((bar, i) => (i === 300 ? times(bar, factor) : bar)))).toEqual(['300 refuted']);
    },
  );

  it('holds back a spike in the high alone, or in the low alone', () => {
    expect(suspects(changed((bar, i) => (i === 300 ? { ...bar, high: bar.high * 1000 } : bar)))).toEqual([
      '300 refuted',
    ]);
    expect(suspects(changed((bar, i) => (i === 300 ? { ...bar, low: bar.low / 2 } : bar)))).toEqual(['300 refuted']);
  });

  it('is confirmed by a second bar of the same level, and suspects the return in turn', () => {
    expect(suspects(changed((bar, i) => (i < 302 ? times(bar, 4) : bar)))).toEqual(['300 confirmed', '302 confirmed']);
  });

  it.each([6, 1000, 1e300, 1 / 6, 1e-300])(
    'takes no number of agreeing bars of prices × %d for a level, until they are half of the last 240',
    (factor) => {
      const answers = screen(changed((bar, i) => (i < 310 ? times(bar, factor) : bar)));
      expect(answers.map(({ isSuspect }, i) => (isSuspect ? i : -1)).filter((i) => i >= 0)).toEqual(
        Array.from({ length: 10 }, (_, i) => 300 + i),
      );
      expect(answers.slice(301, 311).map(({ verdict }) => verdict)).toEqual(Array(10).fill('refuted'));
      const lasting = screen(walk('lasting', 700).map((bar, i) => (i < 300 ? bar : times(bar, factor))));
      const held = lasting.filter(({ isSuspect }) => isSuspect).length;
      expect(held).toBeGreaterThanOrEqual(119);
      expect(held).toBeLessThanOrEqual(121);
      expect(lasting.slice(425).some(({ isSuspect }) => isSuspect)).toBe(false);
    },
  );

  it('follows a price that falls by degrees to a hundredth', () => {
    const fall = walk('fall', 900).map((bar, i) => (i < 300 ? bar : times(bar, 0.99 ** Math.min(i - 300, 460))));
    expect(suspects(fall, { sigmas: 1000, min_move_bps: 200 })).toEqual([]);
  });

  it('confirms any level in journals of the first rules', () => {
    const bars = changed((bar, i) => (i < 302 ? times(bar, 1000) : bar));
    expect(suspects(bars, { ...POLICY, max_jump: Infinity })).toEqual(['300 confirmed', '302 confirmed']);
  });

  it('accepts a real level shift after one minute', () => {
    expect(suspects(changed((bar) => times(bar, 1 / 4)))).toEqual(['300 confirmed']);
  });

  it('refutes two bad bars of different levels, one after the other', () => {
    const factors = new Map([
      [300, 1000],
      [301, 7],
    ]);
    expect(suspects(changed((bar, i) => times(bar, factors.get(i) ?? 1)))).toEqual(['300 refuted', '301 refuted']);
  });

  it('refutes every other bar of a feed that is bad every other minute, as long as it can identify it', () => {
    const bars = changed((bar, i) => (i === 300 || i === 302 ? times(bar, 1000) : bar));
    expect(suspects(bars)).toEqual(['300 refuted', '302 refuted']);
  });

  it('accepts bars when each of five disagrees with the one before, and continues from two that agree', () => {
    const answers = suspects(changed((bar, i) => times(bar, i < 310 ? 1.2 ** (i - 299) : 1)));
    expect(answers).toEqual(['300 refuted', '301 refuted', '302 refuted', '303 refuted']);
  });

  it('is not desensitized by past outliers', () => {
    const bars = changed((bar, i) => (i % 3 === 0 ? times(bar, 1000) : bar));
    const expected = Array.from({ length: 34 }, (_, i) => `${300 + 3 * i} ${i === 33 ? 'open' : 'refuted'}`);
    expect(suspects(bars)).toEqual(expected);
  });

  it('allows a gap a move in proportion to its length, and no more', () => {
    const gap = (minutes: number, factor: number): Bar[] =>
      changed((bar) => ({ ...times(bar, factor), time: (bar.time + minutes * 60) as OpenTime }));
    expect(suspects(gap(2880, 1.05))).toEqual([]);
    expect(suspects(gap(2880, 4))).toEqual(['300 confirmed']);
    expect(suspects(gap(1, 1.05))).toEqual(['300 confirmed']);
  });

  it('scales with the symbol: a move that is extreme for one is normal for another', () => {
    const jump = (bar: Bar, i: number): Bar => (i === 300 ? times(bar, 1.03) : bar);
    expect(suspects(changed(jump, 1))).toEqual(['300 refuted']);
    expect(suspects(changed(jump, 20))).toEqual([]);
  });

  it('keeps the smallest move for a symbol without movement', () => {
    const flat = (bar: Bar, i: number): Bar => {
      const close = i < 300 ? 15 : 15 * 1.0049;
      return { ...bar, open: close, high: close, low: close, close };
    };
    const bars = walk('flat', 400).map(flat);
    expect(suspects(bars)).toEqual([]);
    expect(suspects(bars, { sigmas: 60, min_move_bps: 40 })).toEqual(['300 confirmed']);
  });

  it('suspects nothing before thirty moves', () => {
    const spike = (at: number): Bar[] => walk('young', 60).map((bar, i) => (i === at ? times(bar, 1000) : bar));
    expect(suspects(spike(29))).toEqual([]);
    expect(suspects(spike(31))).toEqual(['31 refuted']);
  });

  describe('at a limit of exactly one half', () => {
    const HALF: ScreenPolicy = { sigmas: 60, min_move_bps: 5000 };
    /** Forty bars at 1, then the given ones: minutes after the last of them, and prices. */
    const then = (...next: [minutes: number, low: number, high: number, close: number][]): Bar[] => {
      const still = walk('still', 40).map((bar, i) => ({
        ...bar,
        time: (START + 60 * i) as OpenTime,
        open: 1,
        high: 1,
        low: 1,
        close: 1,
      }));
      const last = still.at(-1)!;
      return [
        ...still,
        ...next.map(([minutes, low, high, close]) => ({
          ...last,
          time: (last.time + 60 * minutes) as OpenTime,
          open: close,
          high,
          low,
          close,
        })),
      ];
    };

    it('accepts a bar at the limit, and suspects one above it', () => {
      expect(suspects(then([1, 1, 1.5, 1]), HALF)).toEqual([]);
      expect(suspects(then([1, 1, 1.5 + 2 ** -52, 1]), HALF)).toEqual(['40 open']);
      expect(suspects(then([4, 0.5, 1, 1]), HALF)).toEqual([]);
      expect(suspects(then([4, 0.5 - 2 ** -54, 1, 1]), HALF)).toEqual(['40 open']);
    });

    it('accepts a bar after a suspect that reaches the limit from the last trusted close', () => {
      expect(suspects(then([1, 9, 9, 9], [4, 2, 2, 2]), HALF)).toEqual(['40 refuted']);
      expect(suspects(then([1, 9, 9, 9], [4, 2, 2 + 2 ** -51, 2]), HALF)).toEqual(['40 refuted', '41 open']);
    });

    it('confirms a suspect by a close that is nearer to its farthest price, of two equal ones the high', () => {
      const wide: ScreenPolicy = { sigmas: 60, min_move_bps: 25_000 };
      const both = (close: number): Bar[] => then([1, 0.25, 4, 1.5], [2, 1.5, 2.5, close]);
      expect(suspects(both(2.5), wide)).toEqual(['40 confirmed']);
      expect(suspects(both(2), wide)).toEqual(['40 refuted']);
      expect(suspects(both(1.5), wide)).toEqual(['40 refuted']);
    });

    it('gives the last trusted close and the limit', () => {
      const screening = new BarScreen(HALF);
      const seen = then([1, 2, 2, 2], [2, 1, 1.25, 1.25]).map((bar) => {
        screening.take(bar);
        return [screening.level, screening.limit];
      });
      expect(seen.slice(0, 31)).toEqual(Array(31).fill([1, Infinity]));
      expect(seen.slice(31)).toEqual([...Array(10).fill([1, 0.5]), [1.25, 0.5]]);
    });
  });

  const weather = fc.record({
    /** Prices of currencies, of metals and of coins. */
    price: fc.constantFrom(0.004, 1, 1300),
    seed: fc.string(),
    share: fc.constantFrom(0, 0.01, 0.1, 0.4, 0.9),
    size: fc.constantFrom(0.004, 0.02, 3),
  });
  /** A walk with bad bars, level shifts, and long stretches in which nothing fits anything. */
  function wild(
    { seed, price, share, size }: { seed: string; price: number; share: number; size: number },
    bars = 320,
  ): Bar[] {
    const rng = createRng(seed);
    let level = price;
    return walk(seed, bars).map((bar) => {
      const kind = rng.uniform();
      if (kind < share / 4) level *= 1 + size * rng.uniform();
      if (kind < share / 2) return times(bar, level);
      const jump = 1 + size * rng.uniform();
      if (kind < (share * 3) / 4) return times(bar, price * (rng.integer(2) === 0 ? jump : 1 / jump));
      return kind < share ? { ...times(bar, level), high: bar.high * level * jump } : times(bar, level);
    });
  }
  const SHARP: ScreenPolicy = { sigmas: 12, min_move_bps: 5 };

  it('answers by its definition, bar by bar', () => {
    fc.assert(
      fc.property(weather, (given) => {
        const bars = wild(given);
        expect(screen(bars, SHARP)).toEqual(screenSlowly(bars, SHARP));
      }),
      { numRuns: 40 },
    );
  });

  it('is a function of its look-back: a screen that begins there answers like one with the whole history', () => {
    fc.assert(
      fc.property(weather, fc.integer({ min: 1, max: 70 }), (given, begin) => {
        const bars = wild(given, 600);
        const whole = screen(bars, SHARP).slice(begin + SCREEN_LOOK_BACK_BARS);
        const part = screen(bars.slice(begin), SHARP).slice(SCREEN_LOOK_BACK_BARS);
        expect(part.map(({ isSuspect }) => isSuspect)).toEqual(whole.map(({ isSuspect }) => isSuspect));
      }),
      { numRuns: 60 },
    );
  });
});
