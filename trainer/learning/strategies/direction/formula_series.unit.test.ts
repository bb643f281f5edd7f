import { expect, it } from 'vitest';
import { INSTRUMENT_WINDOWS } from '../../../../shared/core/features/instrument/definitions.ts';
import type { SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import { refuseMissingSeries } from './formula_series.ts';
import type { Instrument } from './instrument_rows.ts';
import { NO_SERIES } from '../../instruments/series_files.ts';

const instrument = (symbol: string, series: Partial<Instrument['series']> = {}): Instrument => ({
  bars: { symbol, timeframe: 3600 } as Instrument['bars'],
  series: { ...NO_SERIES, ...series },
});
const one = Float64Array.of(1);
const known: SeriesHistory = { length: 1, eventTime: one, arrivalTime: one, value: one };
const check = (formulas: string, ...instruments: readonly Instrument[]): void =>
  refuseMissingSeries(instruments, { ...INSTRUMENT_WINDOWS, formulas });

it('a series that a formula reads must be known of an instrument that it is for', () => {
  const btc = instrument('BTCUSDT', { sentiment: known });
  const eth = instrument('ETHUSDT');
  check('mood = delta(series("sentiment"))\nsteep = close / open', btc, eth);
  check('mood for SOLUSDT@1h = delta(series("sentiment"))', eth);
  for (const own of ['mood for ETHUSDT@1h', 'mood for ETHUSDT@1h,SOLUSDT@1h'])
    expect(() => check(`${own} = delta(series("sentiment"))`, btc, eth)).toThrow(
      expect.objectContaining({
        code: 'DATA_MISSING',
        seen: 'series("sentiment") of the formula mood: no sentiment of ETHUSDT',
      }),
    );
  refuseMissingSeries([eth], INSTRUMENT_WINDOWS);
});
