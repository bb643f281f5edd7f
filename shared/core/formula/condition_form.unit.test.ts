import { describe, expect, it } from 'vitest';
import { instrumentDefinitions, INSTRUMENT_WINDOWS } from '../features/instrument/definitions.ts';
import { conditionForm, formText, joinedForm, questionsOf, type ConditionForm } from './condition_form.ts';
import { parseFormula } from './formula.ts';
import { ruleSources } from './sources.ts';

const SOURCES = ruleSources(instrumentDefinitions(INSTRUMENT_WINDOWS));
const formOf = (formula: string): ConditionForm => conditionForm(parseFormula(formula, SOURCES).root);
const textOf = (formula: string): string => formText(formOf(formula));

describe('the form of a condition', () => {
  it.each([
    ['another threshold', 'rsi(14) < 30', 'rsi(14) < 31.5'],
    ['another window', 'rsi(14) < 30', 'rsi(21) < 30'],
    ['or equal', 'rsi(14) < 30', 'rsi(14) <= 30'],
    ['the sides exchanged', 'rsi(14) < 30', '30 > rsi(14)'],
    ['a negation', 'rsi(14) < 30', 'not (rsi(14) >= 30)'],
    ['two negations', 'rsi(14) < 30', 'not (not (rsi(14) < 30))'],
    ['the parts exchanged', 'rsi(14) < 30 and hour() > 6', 'hour() > 6 and rsi(14) < 30'],
    ['a part twice', 'rsi(14) < 30 and hour() > 6', 'rsi(14) < 30 and (rsi(14) < 35 and hour() > 6)'],
    ['other brackets', '(rsi(14) < 30 and hour() > 6) and volume > 1', 'rsi(14) < 30 and (hour() > 6 and volume > 1)'],
    ['the law of De Morgan', 'rsi(14) < 30 and hour() > 6', 'not (rsi(14) >= 30 or hour() <= 6)'],
    ['a term on the other side', 'close / delay(close, 3) - 1 < -0.01', 'close / delay(close, 3) < 0.99'],
    ['a factor on the other side', 'close / delay(close, 3) < 0.99', 'close < delay(close, 3) * 0.99'],
    ['a difference for a ratio', 'close / delay(close, 3) < 0.99', 'close - delay(close, 3) < -1'],
    ['a scale', 'rsi(14) < 30', 'rsi(14) / 100 < 0.3'],
    ['a mirrored scale', 'rsi(14) < 30', '-2 * rsi(14) + 5 > -55'],
    ['a complement', 'rsi(14) < 30', '100 - rsi(14) > 70'],
    ['a commutative operator', 'greatest(open, close) < 30 + low', 'greatest(close, open) - low < 30'],
  ])('is kept by %s', (_, written, rewritten) => {
    expect(textOf(rewritten)).toBe(textOf(written));
  });

  it.each([
    ['the other direction', 'rsi(14) < 30', 'rsi(14) > 70'],
    ['another source', 'rsi(14) < 30', 'rsi(volume, 14) < 30'],
    ['another operator', 'mean(close, 14) < close', 'median(close, 14) < close'],
    ['or for and', 'rsi(14) < 30 and hour() > 6', 'rsi(14) < 30 or hour() > 6'],
    ['a further part', 'rsi(14) < 30', 'rsi(14) < 30 and hour() > 6'],
    ['the mirrored ratio', 'close / delay(close, 3) < 0.99', 'delay(close, 3) / close < 0.99'],
    ['equal for not equal', 'hour() == 6', 'hour() != 6'],
    ['a number over a value', '1 / close < 0.1', 'close < 0.1'],
  ])('is changed by %s', (_, written, rewritten) => {
    expect(textOf(rewritten)).not.toBe(textOf(written));
  });

  it('names its different questions', () => {
    const form = formOf('(rsi(14) < 30 or rsi(7) > 70) and rsi(21) < 40 and hour() == 6');
    expect(questionsOf(form).sort()).toEqual(['# < rsi(close, #)', 'equal(#, hour(#minute))', 'rsi(close, #) < #']);
    expect(questionsOf(formOf('volume > 1'))).toEqual(['# < volume']);
  });

  it('joins forms as the formula that joins their conditions', () => {
    const parts = ['rsi(14) < 30', 'hour() > 6', 'volume > 1 or close > open'];
    expect(joinedForm('and', parts.map(formOf))).toEqual(formOf(parts.map((part) => `(${part})`).join(' and ')));
    expect(joinedForm('or', [formOf(parts[0]!), formOf('rsi(9) < 20')])).toBe(formOf(parts[0]!));
  });
});
