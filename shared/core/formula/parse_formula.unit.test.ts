import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { IS_WEEKLY } from '../../../test/weekly.ts';
import { ERRORS } from '../../errors.ts';
import { formulaText } from './formula.fixture.ts';
import { FormulaError, type FormulaFault } from './formula_error.ts';
import { parseFormula, type Formula } from './formula.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../features/instrument/definitions.ts';
import { instrumentSources, pairSources, symbolSources } from './sources.ts';

vi.setConfig({ testTimeout: IS_WEEKLY ? 900_000 : 60_000 });

const SYMBOL = symbolSources();
const INSTRUMENT = instrumentSources(instrumentDefinitions(INSTRUMENT_WINDOWS));
const PAIR = pairSources([
  { name: 'z_score', formula: 'z', window: 120, ddof: 1, warmup_bars: 359, unit: 'sd', models: [] },
]);

function fault(text: string, sources = SYMBOL): FormulaError {
  try {
    parseFormula(text, sources);
  } catch (error) {
    if (error instanceof FormulaError) return error;
    throw error;
  }
  throw new Error(`${text} has no fault`);
}

describe('parseFormula', () => {
  it.each<[text: string, code: FormulaFault, message: string]>([
    ['', 'FORMULA_SYNTAX', 'column 1: the formula ends here: a number, a source or an operator is missing'],
    ['close +', 'FORMULA_SYNTAX', 'column 8: the formula ends here: a number, a source or an operator is missing'],
    ['close open', 'FORMULA_SYNTAX', 'column 7: unexpected open: an operator is missing before it'],
    ['(close', 'FORMULA_SYNTAX', 'column 7: the formula ends here: the ( of column 1 is not closed'],
    ['close)', 'FORMULA_SYNTAX', 'column 6: unexpected ): no ( is open'],
    ['mean(close, 5', 'FORMULA_SYNTAX', 'column 14: the formula ends here: the ( of column 5 is not closed'],
    ['close = open', 'FORMULA_SYNTAX', 'column 7: = is not a comparison; write =='],
    ['close ^ 2', 'FORMULA_SYNTAX', 'column 7: ^ is not an operator; write pow(x, 2)'],
    ['close 😀', 'FORMULA_SYNTAX', 'column 7: "😀" has no meaning here'],
    [
      '1 < close < 2',
      'FORMULA_SYNTAX',
      'column 11: a comparison of a comparison; write a < b and b < c with and between',
    ],
    ['clse / open', 'FORMULA_NAME', 'column 1: a symbol has no source clse'],
    ['meen(close, 5)', 'FORMULA_NAME', 'column 1: there is no operator meen'],
    ['open() + 1', 'FORMULA_ARGUMENTS', 'column 1: open is a source: write it without brackets'],
    [
      'close + series(funding_rate)',
      'FORMULA_ARGUMENTS',
      'column 9: series takes the name of a series in quotation marks, such as series("funding_rate")',
    ],
    [
      'series("sentiment")',
      'FORMULA_NAME',
      'column 1: a symbol has no auxiliary series; pairs and instruments have them',
    ],
    ['series("sentiment)', 'FORMULA_SYNTAX', 'column 8: "\\"" has no meaning here'],
    [
      'close / symbol("BTCUSDT").trades',
      'FORMULA_NAME',
      'column 9: another symbol has no trades, but open, high, low, close, volume, spread',
    ],
    ['symbol("btc").close', 'FORMULA_NAME', 'column 1: "btc" is no symbol; write it as symbol("BTCUSDT")'],
    [
      'symbol("BTCUSDT@1h").close',
      'FORMULA_NAME',
      'column 1: "BTCUSDT@1h" is no symbol; write it as symbol("BTCUSDT")',
    ],
    [
      'symbol("BTCUSDT") / close',
      'FORMULA_ARGUMENTS',
      'column 1: symbol takes the name of a symbol in quotation marks, and a field behind it, such as symbol("BTCUSDT").close',
    ],
    [
      'close + symbol(BTCUSDT).close',
      'FORMULA_ARGUMENTS',
      'column 9: symbol takes the name of a symbol in quotation marks, and a field behind it, such as symbol("BTCUSDT").close',
    ],
    ['rsi + 1', 'FORMULA_ARGUMENTS', 'column 1: rsi is an operator: write rsi(x = close, n)'],
    ['mean(close)', 'FORMULA_ARGUMENTS', 'column 1: n is missing; write mean(x, n)'],
    ['mean(close, 5, 6)', 'FORMULA_ARGUMENTS', 'column 16: too many arguments; write mean(x, n)'],
    ['hour(close)', 'FORMULA_ARGUMENTS', 'column 6: too many arguments; write hour()'],
    ['delta(close) + rank(close, 1)', 'FORMULA_WINDOW', 'column 28: rank needs a window of at least 2, not 1'],
    ['rank(close, 5000)', 'FORMULA_WINDOW', 'column 13: rank takes a window of at most 4096, not 5000'],
    ['mean(close, 2.5)', 'FORMULA_WINDOW', 'column 13: n of mean must be a whole number, not 2.5'],
    ['mean(close, open)', 'FORMULA_WINDOW', 'column 13: n of mean must be a number that is written out'],
    ['quantile(close, 9, 1.5)', 'FORMULA_ARGUMENTS', 'column 20: q of quantile is at most 1, not 1.5'],
    [
      'mean(close > open, 5)',
      'FORMULA_TYPE',
      'column 12: x of mean needs a number, not a condition; where(condition, 1, 0) makes one',
    ],
    ['close and open', 'FORMULA_TYPE', 'column 1: and needs a condition, such as close > open, not a number'],
    ['close + volume', 'FORMULA_UNIT', 'column 7: + of price and volume: their units differ'],
    ['1 / (2 - 2) * close', 'FORMULA_CONSTANT', 'column 3: this has no value for any bar'],
    ['1 + 2', 'FORMULA_CONSTANT', 'column 3: the formula reads no source, so its value never changes'],
    ['mean(3, 5)', 'FORMULA_CONSTANT', 'column 1: the formula reads no source, so its value never changes'],
    ['1e999 * close', 'FORMULA_CONSTANT', 'column 1: this number is too large for a double'],
    [
      `close${' '.repeat(2044)}`,
      'FORMULA_LENGTH',
      'column 2049: the formula has 2049 characters; at most 2048 are allowed',
    ],
    [
      `${'('.repeat(33)}close${')'.repeat(33)}`,
      'FORMULA_DEPTH',
      'column 33: brackets and signs are 33 deep; at most 32 are allowed',
    ],
    [
      Array.from({ length: 129 }, () => 'close').join('+'),
      'FORMULA_NODES',
      'column 768: the formula has more than 256 numbers, sources and operators',
    ],
    [
      'mean(mean(close, 40000), 40000)',
      'FORMULA_LOOK_BACK',
      'column 1: the formula looks back over 79999 bars here; at most 65536 are allowed',
    ],
    [
      'corr(close, volume, 60000)',
      'FORMULA_MEMORY',
      'column 1: the windows keep 300215 numbers per subject; at most 262144 are allowed',
    ],
  ])('refuses %s', (text, code, message) => {
    const error = fault(text);
    expect([error.code, error.message]).toEqual([code, message]);
    expect(ERRORS[code].next).not.toBe('');
  });

  it('says how a pair names its legs', () => {
    expect(fault('close', PAIR).message).toBe('column 1: a pair has two of close; write a.close or b.close');
    expect(fault('rsi(14)', PAIR).message).toBe('column 1: a pair has two of close; write a.close or b.close');
    expect(fault('series("sentiment")', PAIR).message).toBe(
      'column 1: a pair has two of series("sentiment"); write a.series("sentiment") or b.series("sentiment")',
    );
    expect(fault('a.series("sentimental")', PAIR).unknown).toMatchObject({
      name: 'a.series("sentimental")',
      known: expect.arrayContaining(['a.series("sentiment")']),
    });
    expect(fault('z_scor', PAIR).unknown).toMatchObject({ name: 'z_scor', known: expect.arrayContaining(['z_score']) });
  });

  const facts = ({ text, type, unit, bars, sources }: Formula): unknown => ({ text, type, unit, bars, sources });
  it.each([
    ['ema(close, 24) / close - 1', SYMBOL, '(ema(close, 24) / close) - 1', 'number', 'number', 96, ['close']],
    ['rsi(14)', SYMBOL, 'rsi(close, 14)', 'number', 'number', 113, ['close']],
    ['atr(14)', SYMBOL, 'atr(high, low, close, 14)', 'number', 'price', 113, ['high', 'low', 'close']],
    [
      'zscore(a.close / b.close, 4 * 60)',
      PAIR,
      'zscore(a.close / b.close, 240)',
      'number',
      'number',
      240,
      ['a.close', 'b.close'],
    ],
    [
      'delta( b.series( "open_interest" ))',
      PAIR,
      'delta(b.series("open_interest"), 1)',
      'number',
      'volume',
      2,
      ['b.series("open_interest")'],
    ],
    ['delta(z_score, 5)', PAIR, 'delta(z_score, 5)', 'number', 'number', 364, ['z_score']],
    ['delta(log(close))', SYMBOL, 'delta(log(close), 1)', 'number', 'number', 2, ['close']],
    [
      'hour() >= 8 and close > open',
      SYMBOL,
      '(8 <= hour()) and (open < close)',
      'boolean',
      'yes or no',
      1,
      ['open', 'close'],
    ],
    [
      'corr(delta(log(close)), series ( "funding_rate" ), 168)',
      INSTRUMENT,
      'corr(delta(log(close), 1), series("funding_rate"), 168)',
      'number',
      'number',
      169,
      ['close', 'series("funding_rate")'],
    ],
    [
      'series("open_interest") / volume',
      INSTRUMENT,
      'series("open_interest") / volume',
      'number',
      'number',
      1,
      ['series("open_interest")', 'volume'],
    ],
    ['not close != open', SYMBOL, 'not (not (close == open))', 'boolean', 'yes or no', 1, ['close', 'open']],
    ['-close * 2 - -0.5', SYMBOL, '((-close) * 2) - -0.5', 'number', 'price', 1, ['close']],
    [
      'mean(var(close, 5) * volume, 3)',
      SYMBOL,
      'mean(var(close, 5) * volume, 3)',
      'number',
      'price^2 · volume',
      7,
      ['volume', 'close'],
    ],
  ])('understands %s', (text, sources, canonical, type, unit, bars, reads) => {
    const formula = parseFormula(text, sources);
    expect(facts(formula)).toEqual({ text: canonical, type, unit, bars, sources: expect.arrayContaining(reads) });
    expect(formula.sources).toHaveLength(reads.length);
  });

  it.each([
    ['close + open', 'open + close'],
    ['mean((close)*2,5)', 'mean(2 * close, 3 + 2)'],
    ['close > open', 'open < close'],
    ['(open < close) or (low < open)', 'open > low or close > open'],
    ['least(high, close)', 'least(close, high)'],
    ['corr(close, volume, 20)', 'corr(volume, close, 20)'],
  ])('takes %s and %s as one', (text, other) => {
    expect(parseFormula(text, SYMBOL).text).toBe(parseFormula(other, SYMBOL).text);
  });

  it.each([
    ['close - open', 'open - close'],
    ['close + open + low', 'close + (open + low)'],
    ['beta_of(close, volume, 20)', 'beta_of(volume, close, 20)'],
  ])('keeps %s and %s apart, whose bits may differ', (text, other) => {
    expect(parseFormula(text, SYMBOL).text).not.toBe(parseFormula(other, SYMBOL).text);
  });

  it('prints what it reads again as the same', () => {
    fc.assert(
      fc.property(formulaText(4, 50), (text) => {
        let formula: Formula;
        try {
          formula = parseFormula(text, SYMBOL);
        } catch {
          return;
        }
        expect(facts(parseFormula(formula.text, SYMBOL))).toEqual(facts(formula));
      }),
      { numRuns: 500 },
    );
  });

  it('answers any text with a formula or a fault, in time', () => {
    const tokens = [
      'close',
      'mean',
      'rsi',
      '(',
      ')',
      ',',
      '5',
      '1e400',
      '.',
      'and',
      'not',
      '-',
      '*',
      '<',
      '==',
      ' ',
      '"',
      'a.',
      '\u0000',
    ];
    const text = fc.oneof(
      fc.string({ maxLength: 3000 }),
      fc.array(fc.constantFrom(...tokens), { maxLength: 700 }).map((parts) => parts.join('')),
      fc.array(fc.constantFrom(...tokens), { maxLength: 60 }).map((parts) => parts.join(' ')),
      formulaText(4, 5000),
    );
    /** Milliseconds of one answer. */
    const answer = (formula: string): number => {
      const begun = performance.now();
      try {
        parseFormula(formula, SYMBOL);
      } catch (error) {
        expect(error).toBeInstanceOf(FormulaError);
      }
      return performance.now() - begun;
    };
    fc.assert(
      fc.property(text, (formula) => {
        // A collection of garbage, or another process, may stop one answer.
        const repeated = answer(formula) > 10 ? Array.from({ length: 20 }, () => answer(formula)) : [0];
        expect(Math.min(...repeated)).toBeLessThan(10);
      }),
      { numRuns: IS_WEEKLY ? 100_000 : 3000 },
    );
  });

  it('stays fast for the largest formula that the limits allow', () => {
    const chain = `rsi(${'delta('.repeat(28)}close${')'.repeat(28)}, 5)`;
    const wide = Array.from({ length: 42 }, (_, i) => `mean(close, ${i + 1000})`).join('*');
    for (const text of [chain, wide.slice(0, 2048)]) {
      let best = Infinity;
      for (let i = 0; i < 20; i++) {
        const begun = performance.now();
        parseFormula(text, SYMBOL);
        best = Math.min(best, performance.now() - begun);
      }
      expect(best).toBeLessThan(10);
    }
  });
});
