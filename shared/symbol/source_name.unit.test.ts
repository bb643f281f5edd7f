import { describe, expect, it } from 'vitest';
import { readSourceName } from './source_name.ts';
import { NO_SYMBOL_NAMES } from './symbol.ts';

describe('The name of a file', () => {
  it('shows symbol and timeframe where one of its parts is a symbol', () => {
    const names = {
      'FTMO_EURUSD_M1.csv': ['EURUSD', 60],
      'ICMarkets-Live_XAUUSD_M1.csv': ['XAUUSD', 60],
      'BTCUSDT-1m-2025-01-06.csv': ['BTCUSDT', 60],
      'BTCUSDT_250328-1m-2025-01-06.csv': ['BTCUSDT.250328', 60],
      'BTC-USDT-1m.csv': ['BTCUSDT', 60],
      'EUR_USD_M1.csv': ['EURUSD', 60],
      'eurusd_h4.csv.gz': ['EURUSD', 14_400],
      'DAT_ASCII_EURUSD_M1_200101.csv': ['EURUSD', 60],
      'EURUSD_M1_202501020000_202501312359.csv': ['EURUSD', 60],
      'US30_5min.txt': ['US30', 300],
      'BTC-27JUN25.csv': ['BTC.250627', null],
      'deribit_BTC-27JUN25_1m.csv': ['BTC.250627', 60],
      'BTCUSDT-27JUN25-1m.csv': ['BTCUSDT.250627', 60],
      'ESZ5.csv': ['ESZ5', null],
      'EURUSD_M30_2019.csv': ['EURUSD', 1800],
      'BTCUSDT_H1.csv': ['BTCUSDT', 3600],
      'data/../AAPL_1d.csv': ['AAPL', 86_400],
      // TradingView: exchange, symbol, and the minutes of a bar behind a comma.
      'FX_EURUSD, 1.csv': ['EURUSD', null],
      'BINANCE_BTCUSDT, 60_3f2a1.csv': ['BTCUSDT', null],
      'OANDA_XAUUSD, 1D.csv': ['XAUUSD', 86_400],
    } as const;
    for (const [name, [symbol, barSeconds]] of Object.entries(names))
      expect(readSourceName(name), name).toMatchObject({ symbol, barSeconds });
  });

  it('is not decided where several symbols, a broker’s suffix or the end of a contract are possible', () => {
    const names = {
      'EURUSD_GBPUSD_M1.csv': ['EURUSD', 'GBPUSD'],
      'EURUSD.m.csv': ['EURUSD', 'EURUSD.M'],
      'EURUSDm_M1_202501.csv': ['EURUSD', 'EURUSDM'],
      'EURUSDM_M1.csv': ['EURUSD', 'EURUSDM'],
      'GBPUSD-ECN.csv': ['GBPUSD'],
      'BTCUSDT_250328.csv': ['BTCUSDT', 'BTCUSDT.250328'],
      'BTCUSD_PERP-1m-2025-01-06.csv': ['BTCUSD'],
      'BTCUSDT-Q1-1m.csv': ['BTCUSDT'],
      'BTCUSDT_NEXT_QUARTER.csv': ['BTCUSDT'],
      'BTCUSDT_CQ.csv': ['BTCUSDT'],
      'BTCUSDT-0925.csv': ['BTCUSDT'],
      'BTCUSDT_Z24.csv': ['BTCUSDT'],
      'EURUSD_H2025-1m.csv': ['EURUSD'],
      'BTCUSDT_MAR25.csv': ['BTCUSDT'],
      'EURUSD_H24.csv': ['EURUSD'],
      'FTMO.EURUSD.csv': ['EURUSD', 'FTMO.EURUSD'],
      'mEURUSD_M1.csv': ['EURUSD', 'MEURUSD'],
      'tBTCUSD.csv': ['BTCUSD', 'TBTCUSD'],
      'BTC-27JUN25-100000-C.csv': [],
      'FTMO_US30_M1.csv': ['FTMO', 'US30'],
      'prices.csv': [],
    };
    for (const [name, candidates] of Object.entries(names)) {
      const read = readSourceName(name);
      expect(read, name).toMatchObject({ symbol: null, candidates });
      expect(read.reason, name).not.toBeNull();
    }
  });

  it('is decided by the configuration first', () => {
    const names = {
      ...NO_SYMBOL_NAMES,
      suffixes: ['.m', 'm', '-ECN', '.cash'],
      prefixes: ['FTMO_'],
      aliases: { GOLD: 'XAUUSD' },
    };
    const files = ['EURUSD.m.csv', 'EURUSDm_M1_202501.csv', 'GBPUSD-ECN.csv', 'FTMO_US30.cash_M1.csv', 'gold_M1.csv'];
    expect(files.map((file) => readSourceName(file, names).symbol)).toEqual([
      ...['EURUSD', 'EURUSD', 'GBPUSD', 'US30', 'XAUUSD'],
    ]);
  });
});
