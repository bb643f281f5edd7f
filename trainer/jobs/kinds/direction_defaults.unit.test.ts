import { expect, it } from 'vitest';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { defaultSymbols, DIRECTION_SYMBOLS } from './direction_defaults.ts';

it('a training that names no instruments takes the configured ones of its timeframe, else five coins', () => {
  const settings = tinySettings({ minutehand: { instruments: ['SOLUSDT@1h', 'XAUUSD@5m', 'BTCUSDT@1h'] } });
  expect(defaultSymbols(settings, '1h')).toEqual(['SOLUSDT', 'BTCUSDT']);
  expect(defaultSymbols(settings, '5m')).toEqual(['XAUUSD']);
  expect(defaultSymbols(settings, '4h')).toEqual(DIRECTION_SYMBOLS);
  expect(DIRECTION_SYMBOLS).toEqual(['BTCUSDT', 'ETHUSDT', 'ICPUSDT', 'SOLUSDT', 'AVAXUSDT']);
});
