import { Command } from 'commander';
import { expect, it } from 'vitest';
import { timeframeOption } from './timeframe_option.ts';

const parsed = (value: string): unknown => {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  command.addOption(timeframeOption('--timeframe <timeframe>', 'of the bars').default('1h'));
  return command.parse(['node', 'minutehand', '--timeframe', value]).opts()['timeframe'];
};

it('takes a timeframe in any common spelling, and names the timeframes otherwise', () => {
  expect(['4h', 'H4', '240m', '1D'].map(parsed)).toEqual(['4h', '4h', '4h', '1d']);
  expect(() => parsed('7m')).toThrow(/ 1m, 5m, .* 30m, 1h, .* 12h, 1d/);
  expect(timeframeOption('--timeframe <timeframe>', '').argChoices).toContain('1h');
});
