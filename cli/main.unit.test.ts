import { describe, expect, it } from 'vitest';
import { createProgram, wantedCommands } from './main.ts';

const loadedFor = (args: string): readonly string[] => wantedCommands(args.split(' ')).loaded;

describe('the list of commands', () => {
  it('is the same whether they are loaded or not', async () => {
    const { names, loaded } = wantedCommands(['--help']);
    expect(loaded).toEqual([]);
    const listed = await createProgram({ names, loaded });
    expect(listed.helpInformation()).toBe((await createProgram()).helpInformation());
  });

  it('loads the command that is run or described, and none for help, the version or a misspelled one', () => {
    expect(loadedFor('--json config check')).toEqual(['config']);
    expect(wantedCommands(['bars', 'check', 'models'])).toEqual({ names: ['bars'], loaded: ['bars'] });
    expect(loadedFor('help config')).toEqual(['config']);
    expect(loadedFor('-- config check')).toEqual(['check', 'config']);
    for (const args of ['', '--help', '--version', 'help', 'confg', '--jsn', 'toString'])
      expect(loadedFor(args)).toEqual([]);
  });
});
