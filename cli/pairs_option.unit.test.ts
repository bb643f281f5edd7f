import { expect, it } from 'vitest';
import { tinySettings } from '../test/tiny_settings.ts';
import { configuredPairs } from './pairs_option.ts';

it('Pairs of an option are spelled as the configuration maps names, and unknown ones are refused', () => {
  const tiny = tinySettings();
  const symbol_names = { aliases: { GOLD: 'XAUUSD' }, prefixes: [], suffixes: ['.m'] };
  const settings = { ...tiny, minutehand: { ...tiny.minutehand, symbol_names } };
  expect(configuredPairs({ pairs: ['GOLD_XAGUSD.m', 'XAUUSD_XAGUSD'] }, settings)).toEqual(['XAUUSD_XAGUSD']);
  expect(() => configuredPairs({ pairs: ['EURUSDx_GBPUSD'] }, settings)).toThrow('EURUSDx_GBPUSD');
});
