import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT } from '../../../shared/core/features/features.fixture.ts';
import { readStrategyFile } from '../../../shared/policy/strategy_file.ts';
import { packageRoot } from '../../../shared/root.ts';
import { ruleSentence } from './rule_sentence.ts';

describe('the sentence of a strategy', () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'sentence'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('names both entries, every exit and the side of each limit', () => {
    const delivered = join(packageRoot(), 'config', 'strategies', 'hourly_reversal.yaml');
    const strategy = readStrategyFile(delivered, DEFAULT);
    expect(ruleSentence(strategy, 'en')).toBe(
      'Buy the instrument when (close / mean(close, 24)) - 1 < -0.03 and rsi(close, 14) < 30; ' +
        'sell the instrument when (close / mean(close, 24)) - 1 > 0.03 and rsi(close, 14) > 70. ' +
        'Close it at a loss of 300 basis points, at a gain of 200 basis points or after 24 bars, whichever comes first.',
    );
    expect(ruleSentence(strategy, 'ja')).toBe(
      '(close / mean(close, 24)) - 1 < -0.03 かつ rsi(close, 14) < 30 のとき銘柄を買う。' +
        '(close / mean(close, 24)) - 1 > 0.03 かつ rsi(close, 14) > 70 のとき銘柄を売る。' +
        '損失が 300 ベーシスポイントに達したとき、または利益が 200 ベーシスポイントに達したとき、または24 本の足が経過したときの最も早い時点で決済する。',
    );
  });

  it('of a pair speaks of the spread, in standard deviations, and of one bar in singular', () => {
    const file = join(folder, 'short.yaml');
    writeFileSync(
      file,
      'name: short\ndescription: a test\nsubject: pair\nentry_short: z_score > 2\nexit: z_score < 0\nstop: { sigmas: 1.5 }\nmax_age: 1\n',
    );
    expect(ruleSentence(readStrategyFile(file, DEFAULT), 'en')).toBe(
      'Sell the spread when z_score > 2. Close it at a loss of 1.5 standard deviations of the spread, when z_score < 0 or after 1 bar, whichever comes first.',
    );
  });
});
