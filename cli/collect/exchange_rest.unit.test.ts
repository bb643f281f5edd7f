import { expect, it } from 'vitest';
import { restAfter, saidBy } from './exchange_rest.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

it.each([
  ['RateLimitExceeded: binanceusdm 418 {"code":-1003,"msg":"banned until 1800000090000."}', null, 91_000],
  ['DDoSProtection: 429 Too Many Requests', 5000, 6000],
  ['DDoSProtection: 429 Too Many Requests', null, MINUTE + 1000],
  ['ExchangeNotAvailable: 451 {"msg":"Service unavailable from a restricted location"}', null, 10 * MINUTE + 1000],
  ['PermissionDenied: 403 Forbidden <html>', null, 10 * MINUTE + 1000],
  ['RateLimitExceeded: binanceusdm 418', 7_200_000, 7_201_000],
  ['ExchangeNotAvailable: binanceusdm 503 Service Unavailable', 900_000, 901_000],
  // A time in the past, and one beyond the longest ban.
  ['418 banned until 1700000000000', null, 1000],
  ['418 banned until 9999999999999', null, 3 * 86_400_000],
])('after “%s” (header %s) the exchange rests for %d ms', (refusal, header, ms) => {
  expect(restAfter(refusal, header, NOW)!.untilMs - NOW).toBe(ms);
  expect(restAfter(refusal, header, NOW)!.next).toContain(new Date(NOW + ms).toISOString());
});

it('a block by region or address concerns what was asked, and is named; a limit of requests concerns all', () => {
  const page =
    'PermissionDenied: binanceusdm 403 <!DOCTYPE html><html><head><title>ERROR: The request\n could not be satisfied</title>';
  for (const refusal of ['ExchangeNotAvailable: 451 {"msg":"restricted location"}', page]) {
    const rest = restAfter(refusal, null, NOW)!;
    expect([rest.isOfAsked, rest.next]).toEqual([true, expect.stringContaining('blocked in this region')]);
  }
  expect(restAfter('DDoSProtection: 429 Too Many Requests', null, NOW)!.isOfAsked).toBe(false);
  expect(saidBy(page)).toBe('PermissionDenied: binanceusdm 403 a page: ERROR: The request could not be satisfied');
  const asked = page.replace(
    ' 403',
    ' GET https://fapi.example.com/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=99 403',
  );
  expect(saidBy(asked)).toBe(saidBy(page));
  expect(saidBy('BadSymbol: ETH')).toBe('BadSymbol: ETH');
});

it.each(['RequestTimeout: no answer', 'BadSymbol: ETH4290', 'ExchangeNotAvailable: 503', 'a malformed answer: 14180'])(
  'after “%s” it may be asked again at any time',
  (refusal) => {
    expect(restAfter(refusal, null, NOW)).toBeNull();
  },
);
