import { describe, expect, it } from 'vitest';
import { spelledCommand } from './strategy_option.ts';

const spelled = (line: string): string => spelledCommand(line.split(' ')).argv.join(' ');

describe('--strategy', () => {
  it('direction of train is done by direction train, wherever it stands', () => {
    expect(spelled('train --strategy direction --symbols BTCUSDT')).toBe('direction train --symbols BTCUSDT');
    expect(spelled('train --adopt --strategy=direction --json')).toBe('direction train --adopt --json');
    expect(spelled('--json train --help --strategy direction')).toBe('--json direction train --help');
  });

  it('direction of league is done by direction league', () => {
    expect(spelled('league --strategy direction --coins 1')).toBe('direction league --coins 1');
    expect(spelled('league --strategy pair_reversion')).toBe('league --strategy pair_reversion');
  });

  it('leaves pairs, other commands and unknown names to their commands', () => {
    for (const line of [
      'train --strategy pair_reversion',
      'train --strategy directions',
      'train --strategy dip',
      'train --strategy',
      'backtest --strategy direction',
      'models show train --strategy direction',
    ])
      expect(spelled(line)).toBe(line);
  });

  it('is named to who uses the former spelling', () => {
    expect(spelledCommand(['direction', 'train', '--adopt'])).toEqual({
      argv: ['direction', 'train', '--adopt'],
      note: '`direction train` is `train --strategy direction` now; both do the same.',
    });
    expect(spelledCommand(['train', '--strategy', 'direction']).note).toBeNull();
    expect(spelledCommand(['direction', 'evaluate']).note).toBeNull();
    expect(spelledCommand(['direction', 'train', '--help']).note).toBeNull();
  });
});
