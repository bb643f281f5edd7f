import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MinutehandError } from '../errors.ts';
import { idOf } from '../signal/signal.fixture.ts';
import { closeFill, openFill, refusedFill } from './fill.fixture.ts';
import { encodeFill, fillKey, firstOwnTicket, latencyMs, parseFill, slippageBps, type Fill } from './fill.ts';

/** As the expert advisor for MetaTrader 5 writes them (mt5/Include/Minutehand/Fill.mqh). */
const MT5_OPEN =
  '{"schema":"minutehand.fill/1","kind":"open","signal_id":"17c135b63dd38e8661430cf72b33a68c","position_id":"17c135b63dd38e8661430cf72b33a68c","pair_id":"XAUUSD_XAGUSD","market":"live","account":"demo","reason":"ENTRY","leg":"B","symbol":"XAGUSD","broker_symbol":"XAGUSD.m","side":"BUY","ticket":123456789,"lots":0.35,"requested_price":22.839,"filled_price":22.841,"slippage_bps":0.8757,"time_ms":1795163536120,"signal_ms":1795163535912,"latency_ms":208,"pnl":null,"currency":"EUR","error":""}';
const MT5_REFUSED =
  '{"schema":"minutehand.fill/1","kind":"refused","signal_id":"17c135b63dd38e8661430cf72b33a68c","position_id":"17c135b63dd38e8661430cf72b33a68c","pair_id":"XAUUSD_XAGUSD","market":"live","account":"real","reason":"","leg":"","symbol":"","broker_symbol":"","side":"","ticket":0,"lots":0,"requested_price":null,"filled_price":null,"slippage_bps":null,"time_ms":1795163536120,"signal_ms":1795163535912,"latency_ms":208,"pnl":null,"currency":"EUR","error":"CAP_SPREAD XAUUSD 9.12 bps"}';

const codeOf = (line: string): string => {
  try {
    parseFill(line);
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
};
const changed = (change: Record<string, unknown>): string => JSON.stringify({ ...openFill(), ...change });

describe('a fill line', () => {
  it.each([openFill(), openFill({ leg: 'B' }), closeFill(), refusedFill()])(
    'is read as it was written: $kind',
    (fill) => {
      expect(parseFill(encodeFill(fill))).toEqual(fill);
    },
  );

  it.each([MT5_OPEN, MT5_REFUSED])('is byte for byte the one of the expert advisor for MetaTrader 5', (line) => {
    expect(encodeFill(parseFill(line))).toBe(line);
  });

  it('preserves every number to the bit', () => {
    const price = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(price, price, fc.nat(), (requested_price, filled_price, ticket) => {
        const fill: Fill = { ...openFill(), requested_price, filled_price, ticket };
        expect(parseFill(encodeFill(fill))).toEqual(fill);
      }),
    );
  });

  it.each([
    ['no JSON', 'hello', 'FILL_FORMAT'],
    ['half a line', encodeFill(openFill()).slice(0, 200), 'FILL_FORMAT'],
    ['a list', '[]', 'FILL_FORMAT'],
    ['a bare NaN', encodeFill(openFill()).replace('"lots":0.5', '"lots":NaN'), 'FILL_FORMAT'],
    ['a number that is infinite', encodeFill(openFill()).replace('"lots":0.5', '"lots":1e999'), 'FILL_FORMAT'],
    ['another contract', changed({ schema: 'minutehand.fill/2' }), 'FILL_SCHEMA'],
    ['no contract', changed({ schema: undefined }), 'FILL_FORMAT'],
    ['an unknown field', changed({ lot: 1 }), 'FILL_FORMAT'],
    ['a field that is missing', changed({ currency: undefined }), 'FILL_FORMAT'],
    ['lots of nothing', changed({ lots: 0 }), 'FILL_FORMAT'],
    ['lots below zero', changed({ lots: -0.5 }), 'FILL_FORMAT'],
    ['lots beyond any account', changed({ lots: 1e308 }), 'FILL_FORMAT'],
    ['a price beyond any market', changed({ filled_price: 1e300 }), 'FILL_FORMAT'],
    ['a slippage beyond any', changed({ slippage_bps: 1e300 }), 'FILL_FORMAT'],
    ['a profit beyond any account', JSON.stringify({ ...closeFill(), pnl: -1e300 }), 'FILL_FORMAT'],
    ['a bare Infinity', encodeFill(openFill()).replace('"lots":0.5', '"lots":Infinity'), 'FILL_FORMAT'],
    ['a decimal comma', encodeFill(openFill()).replace('"lots":0.5', '"lots":0,5'), 'FILL_FORMAT'],
    ['a time in seconds', changed({ time_ms: 1_795_163_536 }), 'FILL_FORMAT'],
    ['a time in microseconds', changed({ signal_ms: 1_795_163_535_912_000 }), 'FILL_FORMAT'],
    ['a price below zero', changed({ filled_price: -1 }), 'FILL_FORMAT'],
    ['a price as text', changed({ filled_price: '4100' }), 'FILL_FORMAT'],
    ['an open that earned', changed({ pnl: 1 }), 'FILL_FORMAT'],
    ['a close without its profit', JSON.stringify({ ...closeFill(), pnl: null }), 'FILL_FORMAT'],
    ['a refusal without a reason', JSON.stringify({ ...refusedFill(), error: '' }), 'FILL_FORMAT'],
    ['a leg that is not of its pair', changed({ symbol: 'EURUSD' }), 'FILL_FORMAT'],
    ['a pair of one symbol', changed({ pair_id: 'XAUUSD_XAUUSD' }), 'FILL_FORMAT'],
    ['an open of another position', changed({ position_id: idOf(9) }), 'FILL_FORMAT'],
    ['a line of four kilobytes', changed({ error: 'x'.repeat(5000) }), 'FILL_TOO_LONG'],
  ])('is refused with %s', (_what, line, code) => {
    expect(codeOf(line)).toBe(code);
  });

  it.each([
    [
      encodeFill(openFill()).replace('"lots":0.5', '"lots":0,5'),
      'lots is 0,5, with a decimal comma',
      '"lots":0.5, with a point',
    ],
    [
      encodeFill(closeFill()).replace('"pnl":4.5', '"pnl":-4,25'),
      'pnl is -4,25, with a decimal comma',
      '"pnl":-4.25, with a point',
    ],
    [changed({ lots: '0,5' }), 'lots is "0,5", with a decimal comma', '"lots":0.5, with a point'],
    [
      changed({ filled_price: '4100.5' }),
      'filled_price is the text "4100.5"',
      '"filled_price":4100.5, a number without quotes',
    ],
    [changed({ time_ms: 1_795_163_536 }), 'time_ms is 1795163536: ', ''],
    [changed({ currency: undefined }), 'currency is absent: ', ''],
    [changed({ lots: 'x'.repeat(900) }), 'lots is "xxx', ''],
  ])('is refused with its field, the value, and how it is written: %#', (line, seen, expected) => {
    try {
      parseFill(line);
      expect.unreachable();
    } catch (error) {
      const { message, next } = error as MinutehandError;
      expect(message).toContain(seen);
      expect(message).toContain(expected);
      expect(message.length).toBeLessThan(300);
      if (expected !== '') expect(next).toMatch(/^Write .* send the line again/);
    }
  });

  it('is recognized by account, signal, leg, ticket and kind, and by nothing else', () => {
    expect(fillKey(openFill({ time_ms: 1, filled_price: 1 }))).toBe(fillKey(openFill()));
    const others: Fill[] = [
      openFill({ leg: 'B' }),
      openFill({ ticket: 9 }),
      openFill({ account: 'real' }),
      closeFill(),
      refusedFill(),
    ];
    expect(new Set([openFill(), ...others].map(fillKey)).size).toBe(others.length + 1);
  });
});

describe('tickets of a program', () => {
  it('are whole numbers above those of any broker, and distinct for any two programs', () => {
    const range = 2 ** 20;
    const firsts = Array.from({ length: 2000 }, (_, program) => firstOwnTicket(`terminal ${program}`));
    for (const first of firsts) {
      expect(first).toBeGreaterThan(2 ** 51);
      expect(first + range).toBeLessThan(Number.MAX_SAFE_INTEGER);
      expect((first - 1) % range).toBe(0);
    }
    expect(new Set(firsts).size).toBe(firsts.length);
  });
});

describe('latency', () => {
  it('is never below zero, and zero without a signal', () => {
    expect(latencyMs(1000, 1250)).toBe(250);
    expect(latencyMs(1712, 1000)).toBe(0);
    expect(latencyMs(0, 1000)).toBe(0);
  });
});

describe('slippage', () => {
  it('is positive when worse: bought higher, sold lower', () => {
    expect(slippageBps('BUY', 100, 100.01)).toBeCloseTo(1, 9);
    expect(slippageBps('SELL', 100, 99.99)).toBeCloseTo(1, 9);
    expect(slippageBps('BUY', 100, 99.99)).toBeCloseTo(-1, 9);
  });
});
