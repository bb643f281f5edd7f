import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT } from '../../shared/core/features/features.fixture.ts';
import {
  checkStrategy,
  strategySources,
  type FormulaStrategy,
  type StrategyDocument,
} from '../../shared/policy/strategy_file.ts';
import { RuleExplainer } from '../../trainer/learning/formula_rules/explain_rule.ts';
import { ruleColumns } from '../../trainer/learning/formula_rules/rule_columns.ts';
import { randomBars, subjectOfBars } from '../../trainer/learning/formula_rules/rule_subject.fixture.ts';
import { ruleTrades } from '../../trainer/learning/formula_rules/rule_trades.ts';
import { keepPaper, paperText } from './paper.ts';

const FROM = 200;
const BARS = 300;
const ALL = randomBars('paper', BARS);
const DOCUMENT: StrategyDocument = {
  name: 'reversal',
  description: 'As evolution writes rules.',
  subject: 'instrument',
  entry_long: '((close / delay(close, 3)) - 1) < -0.006 and rsi(close, 14) < 55',
  entry_short: '(0.006 < ((close / delay(close, 3)) - 1)) or (75 < rsi(close, 14))',
  stop: { bps: 60 },
  max_age: 4,
};
const HEADER = { strategy: DOCUMENT, subject: 'BTCUSDT@1h', from: '2023-11-23T07:00:00Z' };

/** What is decided when `length` bars have arrived. */
function textAfter(length: number, document = DOCUMENT): string {
  const cut = (column: Float64Array): Float64Array => column.slice(0, length);
  const bars = {
    ...ALL,
    length,
    time: cut(ALL.time),
    open: cut(ALL.open),
    high: cut(ALL.high),
    low: cut(ALL.low),
    close: cut(ALL.close),
    volume: cut(ALL.volume),
    takerBuyVolume: cut(ALL.takerBuyVolume),
  };
  const subject = subjectOfBars(bars);
  const strategy = checkStrategy(document, DEFAULT, () => '') as FormulaStrategy;
  const explainer = new RuleExplainer(subject, strategy, strategySources('instrument', DEFAULT), FROM);
  return paperText({ ...HEADER, strategy: document }, subject, explainer, FROM, length);
}

interface Line {
  readonly closed: string;
  readonly action: string;
  readonly reason: string;
  readonly target: number;
  readonly conditions: Readonly<Record<string, readonly { readonly name: string; readonly holds: boolean }[]>>;
}

describe('a paper account of a rule', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'paper'));
    path = join(folder, 'decisions.ndjson');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('has the same bytes bar by bar, at once, and recomputed, and decides as the backtest does', () => {
    for (let length = FROM + 1; length <= BARS; length++)
      expect(keepPaper(path, textAfter(length))).toEqual({
        kept: Math.max(0, length - 1 - FROM),
        added: 1,
      });
    const live = readFileSync(path, 'utf8');
    expect(live).toBe(textAfter(BARS));
    const lines = live
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => JSON.parse(line) as Line);
    const subject = subjectOfBars(ALL);
    const strategy = checkStrategy(DOCUMENT, DEFAULT, () => '') as FormulaStrategy;
    const trades = ruleTrades(subject, ruleColumns(subject, strategy), FROM, BARS);
    expect(trades.length).toBeGreaterThan(8);
    const ended = trades.filter(({ exitSignal }) => exitSignal >= 0);
    const bar = (line: Line): number => FROM + lines.indexOf(line);
    const entered = lines.filter(({ action }) => action === 'ENTER');
    expect(entered.slice(0, trades.length).map((line) => [bar(line), line.target])).toEqual(
      trades.map(({ entrySignal, side }) => [entrySignal, side]),
    );
    const left = lines.filter(({ action }) => action === 'EXIT');
    expect(left.slice(0, ended.length).map((line) => [bar(line), line.reason])).toEqual(
      ended.map(({ exitSignal, reason }) => [exitSignal, reason]),
    );
    // A bar that is held names what failed.
    for (const { reason, conditions } of lines.filter(({ reason: own }) => own === 'NO_ENTRY')) {
      expect(reason).toBe('NO_ENTRY');
      for (const states of Object.values(conditions)) expect(states.some(({ holds }) => !holds)).toBe(true);
    }
  });

  it('completes the line that a kill has cut', () => {
    keepPaper(path, textAfter(BARS - 20));
    truncateSync(path, readFileSync(path).length - 37);
    expect(keepPaper(path, textAfter(BARS))).toEqual({ kept: BARS - 21 - FROM, added: 21 });
    expect(readFileSync(path, 'utf8')).toBe(textAfter(BARS));
  });

  it('has nothing to add when fewer bars are known', () => {
    keepPaper(path, textAfter(BARS));
    expect(keepPaper(path, textAfter(BARS - 5))).toEqual({ kept: BARS - FROM, added: 0 });
    expect(readFileSync(path, 'utf8')).toBe(textAfter(BARS));
  });

  it('refuses to continue that of another rule, and one that was changed', () => {
    keepPaper(path, textAfter(BARS - 5));
    const other = textAfter(BARS, { ...DOCUMENT, max_age: 5 });
    expect(() => keepPaper(path, other)).toThrow(expect.objectContaining({ code: 'PAPER_DIFFERS' }) as Error);
    appendFileSync(path, '{"closed":"later"}\n');
    expect(() => keepPaper(path, textAfter(BARS))).toThrow(/line 97/);
  });
});
