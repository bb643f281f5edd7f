import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT } from '../core/features/features.fixture.ts';
import { MinutehandError } from '../errors.ts';
import { packageRoot } from '../root.ts';
import { NO_LIMITS } from '../strategies/formula_rule/formula_rule.ts';
import { readStrategyFile, type FormulaStrategy } from './strategy_file.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-strategy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(lines: readonly string[]): FormulaStrategy {
  const file = join(folder, 'rule.yaml');
  writeFileSync(file, lines.join('\n'));
  return readStrategyFile(file, DEFAULT);
}

/** The code, and the text without the folder. */
function refused(lines: readonly string[]): readonly [string, string] {
  try {
    read(lines);
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
    return [error.code, error.message.replaceAll(`${folder}/`, '')];
  }
  throw new Error('it was read');
}

const HEAD = ['name: a_rule', 'description: text', 'subject: instrument', 'max_age: 12'];

describe('a strategy file', () => {
  it('has formulas whose thresholds are numbers of the file', () => {
    const rule = read([
      ...HEAD,
      'thresholds: { hot: 70, bottom: -0.5 }',
      'entry_short: rsi(14) > hot and close / open - 1 > bottom',
      'stop: { bps: 50 }',
    ]);
    expect(rule.entryShort!.text).toBe('(-0.5 < ((close / open) - 1)) and (70 < rsi(close, 14))');
    expect([rule.entryLong, rule.exit]).toEqual([null, null]);
    expect(rule.limits).toEqual({ ...NO_LIMITS, stopBps: 50, maxAgeBars: 12 });
  });

  it('of a pair reads both legs, and measures in standard deviations of the spread', () => {
    const rule = read([
      'name: a_rule',
      'description: text',
      'subject: pair',
      'max_age: 12',
      'entry_long: z_score < -2 and a.close > mean(a.close, 8)',
      'target: { sigmas: 1.5 }',
    ]);
    expect(rule.limits.targetSigmas).toBe(1.5);
    expect(rule.entryLong!.sources).toEqual(expect.arrayContaining(['z_score', 'a.close']));
  });

  it.each([
    [['entry_long: rsi(14) > 70'], 'CONFIG_INVALID', ':1:1: name is missing, expected lower-case letters'],
    [[...HEAD, 'entry_long: rsi(14)'], 'CONFIG_INVALID', ':5:1: entry_long yields a number, expected yes or no'],
    [
      [...HEAD, 'entry_long: rsi(14) > hot'],
      'CONFIG_INVALID',
      ':5:1: entry_long is no formula: column 11: an instrument has no source hot',
    ],
    [[...HEAD, 'entry_long: a.close > 1'], 'CONFIG_INVALID', 'an instrument has no source a.close'],
    [
      [...HEAD, 'entry_lnog: rsi(14) > 70'],
      'CONFIG_UNKNOWN_KEY',
      ':5:1: entry_lnog is no key of a strategy (did you mean "entry_long"?)',
    ],
    [HEAD, 'CONFIG_INVALID', 'has neither entry_long nor entry_short'],
    [
      [...HEAD, 'entry_long: rsi(14) > 70', 'stop: { sigmas: 1 }'],
      'CONFIG_INVALID',
      ':6:9: stop.sigmas is of the spread of a pair',
    ],
    [
      [...HEAD, 'entry_long: rsi(14) > 70', 'stop: { bps: -1 }'],
      'CONFIG_INVALID',
      ':6:9: stop.bps is -1, expected a distance above 0',
    ],
    [
      [...HEAD, 'entry_long: rsi(14) > 70', 'thresholds: { hot: 1 }'],
      'CONFIG_INVALID',
      'thresholds.hot is used by no formula',
    ],
    [
      [...HEAD, 'entry_long: close > 1', 'thresholds: { close: 1 }'],
      'CONFIG_INVALID',
      'thresholds.close is the name of a source or an operator',
    ],
    [['name: [', 'x'], 'CONFIG_SYNTAX', 'rule.yaml:'],
  ] as const)('%j is refused: %s', (lines, code, text) => {
    const [seenCode, seenText] = refused(lines);
    expect(seenCode).toBe(code);
    expect(seenText).toContain(text);
  });

  it('as delivered is valid', () => {
    for (const name of ['hourly_reversal', 'spread_reversion'])
      expect(readStrategyFile(join(packageRoot(), 'config', 'strategies', `${name}.yaml`), DEFAULT).name).toBe(name);
  });
});
