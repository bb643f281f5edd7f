import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWorkplace, type Workplace } from './cli_process.ts';

/** Every command that takes pairs, with other arguments required before pairs are checked. */
const COMMANDS = [
  ['backtest', '--data', '.'],
  ['replay', '--data', '.'],
  ['ea'],
  ['trades', 'list'],
  ['trades', 'export'],
  ['trades', 'check'],
] as const;

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
});
afterAll(() => place.remove());

describe('--pairs', () => {
  it('accepts commas, several words and repetition in every command with pairs; --pair is an alias', async () => {
    const spellings = [
      ['--pairs', 'XAUUSD_XAGUSD,AAA_BBB'],
      ['--pairs', 'XAUUSD_XAGUSD', 'AAA_BBB'],
      ['--pair', 'XAUUSD_XAGUSD,AAA_BBB'],
      ['--pair', 'XAUUSD_XAGUSD', '--pairs', 'AAA_BBB'],
    ];
    const commands = COMMANDS.flatMap((command) => spellings.map((spelling) => [...command, ...spelling]));
    const answers = await place.runEach(commands);
    for (const [index, { code, stderr }] of answers.entries()) {
      expect([commands[index], code, stderr]).toEqual([
        commands[index],
        1,
        expect.stringMatching(/^PAIR_UNKNOWN.*AAA_BBB/),
      ]);
    }
  });

  it('is one pair for the feature matrix, whose columns are of one', async () => {
    const [two, one, none] = await place.runEach([
      ['features', '--data', '.', '--pairs', 'XAUUSD_XAGUSD,EURUSD_GBPUSD'],
      ['features', '--data', '.', '--pairs', 'XAUUSD_XAGUSD'],
      ['features', '--data', '.'],
    ]);
    expect(two!.stderr).toMatch(/^USAGE.*--pairs XAUUSD_XAGUSD,EURUSD_GBPUSD.*one pair/s);
    expect(one!.stderr).toMatch(/^DATA_MISSING/);
    expect(none!.stderr).toMatch(/^USAGE.*neither --pairs nor --instrument/);
  });

  it('needs a pair', async () => {
    const [answer] = await place.runEach([['trades', 'list', '--pairs', ',']]);
    expect([answer!.code, answer!.stderr]).toEqual([2, expect.stringMatching(/^USAGE.*--pairs ,/)]);
  });

  it('is in the help, and its alias is not', async () => {
    const answers = await place.runEach(
      [...COMMANDS, ['features'], ['signals', 'list']].map(([...words]) => [...words, '--help']),
    );
    for (const { stdout } of answers) {
      expect(stdout).toContain('--pairs <ids...>');
      expect(stdout).not.toMatch(/--pair /);
    }
  });
});
