import { expect, it } from 'vitest';
import { NO_SYMBOL_NAMES } from '../../shared/symbol/symbol.ts';
import { symbolReader } from './intake.ts';

const sink = { hasSymbol: (symbol: string): boolean => ['BTCUSDT', 'EURUSD'].includes(symbol) };

it('a bar of another spelling is a bar of the configured symbol, and of a broker’s name where it is mapped', () => {
  const plain = symbolReader({ sink });
  expect(['BTCUSDT', 'btcusdt', 'BTC/USDT', 'BTC-USDT', 'BTC/USDT'].map(plain)).toEqual(Array(5).fill('BTCUSDT'));
  const mapped = symbolReader({ sink, names: { ...NO_SYMBOL_NAMES, suffixes: ['.m'], aliases: { EURO: 'EURUSD' } } });
  expect(['EURUSD.m', 'euro', 'eur/usd'].map(mapped)).toEqual(['EURUSD', 'EURUSD', 'EURUSD']);
});

it('what is not mapped is unknown, and a dated contract is not its perpetual', () => {
  const plain = symbolReader({ sink });
  expect(() => plain('EURUSD.m')).toThrow(/EURUSD\.m.*perhaps EURUSD/);
  for (const name of ['BTCUSDT_250328', 'BTC-USDT-250328', '../EURUSD', 'GBPUSD', ''])
    expect(() => plain(name), name).toThrow(expect.objectContaining({ code: 'BAR_UNKNOWN_SYMBOL' }) as Error);
});

it('an unknown symbol that is a slip away from a configured one is told its name', () => {
  const reader = symbolReader({ sink, names: { ...NO_SYMBOL_NAMES, known: new Set(['BTCUSDT', 'EURUSD']) } });
  for (const name of ['EURSUD', 'ERUUSD']) expect(() => reader(name), name).toThrow(/perhaps EURUSD/);
  expect(() => reader('AUDUSD')).toThrow(expect.objectContaining({ expected: undefined }) as Error);
});

it('a symbol of another shard is skipped in every spelling', () => {
  const reader = symbolReader({ sink, isElsewhere: (symbol) => symbol === 'XAUUSD' });
  expect(['XAUUSD', 'xau/usd'].map(reader)).toEqual([null, null]);
});
