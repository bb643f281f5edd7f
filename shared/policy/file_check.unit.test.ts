import { describe, expect, it } from 'vitest';
import { checkFile, type KeyPath } from './file_check.ts';
import { loadSettings } from './policy.ts';

const { sources: _sources, policyHash: _hash, ...parts } = loadSettings({ env: {} });
const where = (path: KeyPath): string => `at ${path.join('.')}`;
const check = (value: unknown): ReturnType<typeof checkFile> => checkFile('minutehand', { value, where });
const { minutehand } = parts;
const LEVELS = expect.stringMatching(/^is missing, expected one of "/) as string;

describe('checkFile', () => {
  it('finds no problem in the delivered values', () => {
    expect(check(minutehand)).toEqual({ problems: [], faulty: [] });
  });

  it.each([null, 7, 'text', [1]])('reports %j for the whole file', (value) => {
    const { problems, faulty } = check(value);
    expect(faulty).toEqual([[]]);
    expect(problems).toEqual([
      {
        code: 'CONFIG_INVALID',
        where: 'at ',
        key: 'the file',
        text: expect.stringMatching(/, expected a map with the keys market, pairs, /),
      },
    ]);
  });

  it('refuses texts of any length, and says why a table is not allowed', () => {
    const long = check({ ...minutehand, pairs: [...minutehand.pairs, 'X'.repeat(4097)] });
    const at = minutehand.pairs.length;
    expect(long).toEqual({
      problems: [
        {
          code: 'CONFIG_INVALID',
          where: `at pairs.${at}`,
          key: `pairs[${at}]`,
          text: 'has 4097 characters, expected at most 4096',
        },
      ],
      faulty: [['pairs', at]],
    });
    const runs = { value: 'core.training_runs', note: 'x' };
    const ofTable = checkFile('retrain', { value: { retrain_runs_table: runs }, where }).problems;
    expect(ofTable.map(({ text }) => text).join('; ')).toContain(
      'is "core.training_runs", expected a table of your own: this one belongs to the store',
    );
  });

  it('names the key of another file that is meant', () => {
    const { problems } = checkFile('retrain', { value: { retrain_learner: { value: 'gbdt' } }, where });
    expect(problems.map(({ text }) => text)).toContain(
      'is not a key of this file: it is train.engine of minutehand.yaml',
    );
  });

  it('names a missing value, and one in a section that is no map', () => {
    expect(check({ ...minutehand, log: {} })).toEqual({
      problems: [{ code: 'CONFIG_INVALID', where: 'at log.level', key: 'log.level', text: LEVELS }],
      faulty: [['log', 'level']],
    });
    for (const value of ['x', null, 5])
      expect(check({ ...minutehand, log: value }).problems).toEqual([
        expect.objectContaining({
          key: 'log',
          text: `is ${JSON.stringify(value)}, expected a map with the keys level`,
        }),
      ]);
  });

  it('reports an unknown key with the right one, and does not report the right one as missing', () => {
    expect(check({ ...minutehand, log: { levle: 'info' } })).toEqual({
      problems: [
        {
          code: 'CONFIG_UNKNOWN_KEY',
          where: 'at log.levle',
          key: 'log.levle',
          text: 'is not a key of this file (did you mean "log.level"?)',
        },
      ],
      faulty: [
        ['log', 'levle'],
        ['log', 'level'],
      ],
    });
    // A wrong value is wrong even where an unknown key means it.
    const both = check({ ...minutehand, log: { level: 'loud', levle: 'info' } }).problems;
    expect(both.map(({ key }) => key)).toEqual(['log.levle', 'log.level']);
  });

  it('prefers a slip for a present key of the section to the same word elsewhere', () => {
    // `ports` is two edits from `port`, which is there; no other section has it.
    const daemon = { ...minutehand.transports.daemon, ports: 1 };
    const value = { ...minutehand, transports: { ...minutehand.transports, daemon } };
    expect(check(value).problems.map(({ text }) => text)).toEqual([
      'is not a key of this file (did you mean "transports.daemon.port"?)',
    ]);
  });

  it('reports a wrong name of a shard', () => {
    expect(check({ ...minutehand, shards: { '../main': 'all' } }).problems).toEqual([
      {
        code: 'CONFIG_INVALID',
        where: 'at shards.../main',
        key: 'shards.../main',
        text: 'has a wrong name, expected text such as "main"',
      },
    ]);
  });

  it('takes the steps of a spread profile from the first minute of the week on, in ascending order', () => {
    const problemsOf = (spread_profile: unknown) => {
      const { symbols } = minutehand;
      const XAUUSD = { ...symbols['XAUUSD'], spread_profile };
      return check({ ...minutehand, symbols: { ...symbols, XAUUSD } }).problems.map(({ key }) => key);
    };
    const key = 'symbols.XAUUSD.spread_profile';
    expect(
      problemsOf([
        [0, 1],
        [600, 4],
        [601, 0.5],
      ]),
    ).toEqual([]);
    expect(
      problemsOf([
        [1, 1],
        [600, 4],
      ]),
    ).toEqual([key]);
    expect(
      problemsOf([
        [0, 1],
        [600, 4],
        [600, 1],
      ]),
    ).toEqual([key]);
    expect(
      problemsOf([
        [0, 1],
        [600, 4],
        [599, 1],
      ]),
    ).toEqual([key]);
  });
});
