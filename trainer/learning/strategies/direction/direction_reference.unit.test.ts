import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DIRECTION_REPORT } from '../../../../shared/bundle/direction/direction_manifest.ts';
import { INSTRUMENT_WINDOWS } from '../../../../shared/core/features/instrument/definitions.ts';
import { createRng } from '../../../../shared/rng.ts';
import { EVALUATION_LABEL } from './label/direction.ts';
import type { Trade } from '../../trades/backtest.ts';
import { directionDrift, directionReference, readDirectionReference } from './direction_reference.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';
import { instrumentRows, type InstrumentRows } from './instrument_rows.ts';
import { NO_SERIES } from '../../instruments/series_files.ts';

const HOUR = 3600;
const SYMBOLS = ['BTCUSDT'];
const TRAINED = 2000;
const LIVE = 700;

/** A random walk whose hourly move has this standard deviation. */
function walk(symbol: string, hours: number, sigma: number): InstrumentBars {
  const rng = createRng(`${symbol} ${hours} ${sigma}`);
  let price = 100;
  const close = Float64Array.from({ length: hours }, () => (price *= Math.exp(sigma * rng.normal())));
  const time = close.map((_, t) => 1_599_998_400 + t * HOUR);
  const unknown = close.map(() => NaN);
  const volume = close.map(() => 1 + rng.uniform());
  return {
    symbol,
    timeframe: HOUR,
    length: hours,
    time,
    open: close,
    high: close.map((own) => own * 1.001),
    low: close.map((own) => own * 0.999),
    close,
    volume,
    takerBuyVolume: unknown,
  };
}

const rowsOf = (hours: number, sigma: number): InstrumentRows =>
  instrumentRows(
    SYMBOLS.map((symbol) => ({ bars: walk(symbol, hours, sigma), series: NO_SERIES })),
    { windows: INSTRUMENT_WINDOWS, label: EVALUATION_LABEL },
  );

const trades = [3, -2, 0].map((netBps) => ({ netBps }) as Trade);
const reference = directionReference({
  rows: rowsOf(TRAINED, 0.006),
  symbols: SYMBOLS,
  windows: INSTRUMENT_WINDOWS,
  timeframe: HOUR,
  trades,
});

it('counts the trades that earned after costs, and goes through the report of the bundle', () => {
  expect(reference.backtest).toEqual({ trades: 3, wins: 1 });
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-reference-'));
  try {
    const path = join(folder, DIRECTION_REPORT);
    writeFileSync(path, JSON.stringify({ reference }));
    expect(readDirectionReference(folder)).toEqual(reference);
    writeFileSync(path, '{}');
    expect(readDirectionReference(folder)).toEqual({
      skipped: 'the bundle has no reference: it was made before there was one',
    });
    writeFileSync(path, '{"reference": {"profile": 1}}');
    expect(readDirectionReference(folder)).toEqual({ skipped: 'the reference of the bundle cannot be read' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('finds a market that moves three times as much, and nothing in one that moves alike', () => {
  const drifted = (sigma: number): string[] => {
    const drift = directionDrift(reference, rowsOf(LIVE, sigma), SYMBOLS, {
      timeframe: HOUR,
      windows: INSTRUMENT_WINDOWS,
    });
    if ('skipped' in drift) throw new Error(drift.skipped);
    const names = drift.features.map(({ name }) => name);
    // Neither hours nor series that are not read here.
    expect(names).toContain('rsi');
    for (const name of ['day_sin', 'funding_rate', 'volume_imbalance']) expect(names).not.toContain(name);
    return drift.features.filter(({ psi, psi_noise }) => psi > 0.25 && psi > psi_noise).map(({ name }) => name);
  };
  expect(drifted(0.006)).toEqual([]);
  expect(drifted(0.018)).toContain('atr');
});

it('says why there is nothing to compare', () => {
  const skipped = { skipped: 'none' };
  expect(directionDrift(skipped, rowsOf(300, 0.006), SYMBOLS, { timeframe: HOUR, windows: INSTRUMENT_WINDOWS })).toBe(
    skipped,
  );
  expect(
    directionDrift(reference, rowsOf(240, 0.006), SYMBOLS, { timeframe: HOUR, windows: INSTRUMENT_WINDOWS }),
  ).toEqual({
    skipped: 'too few bars yet to separate drift from chance',
  });
});
