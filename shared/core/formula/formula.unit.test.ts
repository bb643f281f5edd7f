import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { IS_WEEKLY } from '../../../test/weekly.ts';
import {
  bits,
  expectClose,
  formulaText,
  marketBars,
  partsOf,
  RANDOM_SOURCES,
  run,
  runTogether,
} from './formula.fixture.ts';
import { FormulaError } from './formula_error.ts';
import { oracleOf, oracleValues, type OracleBar } from './formula.oracle.ts';
import { parseFormula, type Formula, type Node } from './formula.ts';
import { OPERATORS } from './operators.ts';

const SOURCES = RANDOM_SOURCES;
/** `npm run test:weekly` runs many more. */
const RUNS = IS_WEEKLY ? 10_000 : 150;

vi.setConfig({ testTimeout: IS_WEEKLY ? 900_000 : 60_000 });

function parsed(text: string): Formula | null {
  try {
    return parseFormula(text, SOURCES);
  } catch (error) {
    if (error instanceof FormulaError) return null;
    throw error;
  }
}

/** Random formulas that keep the rules of the language. */
const validText = (): fc.Arbitrary<string> => formulaText(3, 24).filter((text) => parsed(text) !== null);

/** A part as a formula whose values are shown from the first bar on. */
const shown = (formula: Formula, root: Node): Formula => ({ ...formula, root, bars: 1 });

describe('a formula', () => {
  it('has the same bits in blocks of any sizes', () => {
    fc.assert(
      fc.property(
        validText(),
        marketBars(220),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
        (text, bars, blocks) => {
          const formula = parsed(text)!;
          expect(bits(run([formula], bars, blocks)[0]!)).toEqual(bits(run([formula], bars, [1])[0]!));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('has the same bits wherever the stream began, and beside any other formulas', () => {
    fc.assert(
      fc.property(
        validText(),
        validText(),
        marketBars(220),
        fc.integer({ min: 0, max: 150 }),
        (text, otherText, bars, start) => {
          const formula = parsed(text)!;
          const other = parsed(otherText)!;
          const whole = run([formula], bars)[0]!;
          const late = run([other, formula], bars.slice(start))[1]!;
          const ready = start + formula.bars - 1;
          expect(bits(late.slice(formula.bars - 1))).toEqual(bits(whole.slice(ready)));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('has the same bits beside other subjects, whichever of them have a bar', () => {
    fc.assert(
      fc.property(
        validText(),
        fc.array(marketBars(160), { minLength: 2, maxLength: 19 }),
        fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 40 }),
        (text, subjects, absent) => {
          const formula = parsed(text)!;
          // In every other turn all have one.
          const isAbsent = (turn: number, subject: number): boolean =>
            turn % 2 === 0 && absent[(turn / 2) % absent.length] === subject;
          const together = runTogether([formula], subjects, isAbsent);
          subjects.forEach((bars, i) => expect(bits(together[i]![0]!)).toEqual(bits(run([formula], bars)[0]!)));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('keeps its past values when bars are appended', () => {
    fc.assert(
      fc.property(validText(), marketBars(160), fc.integer({ min: 1, max: 159 }), (text, bars, length) => {
        const formula = parsed(text)!;
        const before = run([formula], bars.slice(0, length))[0]!;
        expect(bits(run([formula], bars)[0]!.slice(0, length))).toEqual(bits(before));
      }),
      { numRuns: RUNS },
    );
  });

  it('is what the slow definitions of its operators say, within 1e-9', () => {
    fc.assert(
      fc.property(validText(), marketBars(160), (text, bars) => {
        const formula = parsed(text)!;
        const all = partsOf(formula);
        const columns = run(
          all.map((part) => shown(formula, part)),
          bars,
        );
        all.forEach((part, i) => {
          if (part.kind !== 'operation') return;
          const inputs = part.inputs.map((input) => columns[all.findIndex(({ text }) => text === input.text)]!);
          expectClose(columns[i]!, oracleOf(part, inputs), inputs, part);
        });
      }),
      { numRuns: RUNS },
    );
  });
});

/** A walk of prices with 1,440-bar days, long gaps and rare bars. */
function walk(length: number, gap: (i: number) => number): OracleBar[] {
  let number = 20_000_000;
  let price = 100;
  let seed = 7;
  return Array.from({ length }, (_, i) => {
    number += gap(i);
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    const open = price;
    price *= 1 + (seed / 2_147_483_648 - 0.5) / 500;
    const high = Math.max(open, price) * 1.0001;
    const low = Math.min(open, price) * 0.9999;
    const values = { open, high, low, close: price, volume: 1 + (seed % 1000), spread: price / 1e4 };
    return { number, values };
  });
}

describe('each operator of a window', () => {
  const windowed = OPERATORS.filter(({ family }) => family !== 'pointwise');
  const texts = windowed.map(({ name, parameters }) => {
    const series = ['close', 'volume'];
    const parts = parameters.map(({ kind, name: parameter }) => {
      if (kind === 'window') return ['wilder', 'rsi', 'atr'].includes(name) ? '13' : name === 'ema' ? '25' : '101';
      if (kind === 'constant') return '0.3';
      if (kind === 'boolean') return 'close > open';
      return ['high', 'low', 'close'].includes(parameter) ? parameter : series.shift()!;
    });
    return name === 'cross' ? 'cross(close, open)' : `${name}(${parts.join(', ')})`;
  });

  it.each([
    ['dense bars', () => 1],
    ['a bar every 37 minutes', () => 37],
    ['bars so rare that each is a block of its own', (i: number) => 800 + (i % 5) * 1000],
    ['bars with nights and weekends', (i: number) => (i % 400 === 399 ? 2880 : i % 90 === 0 ? 12 : 1)],
  ])('is what its slow definition says, with %s', (_, gap) => {
    const bars = walk(700, gap);
    const formulas = texts.map((text) => parseFormula(text, SOURCES));
    const seen = run(formulas, bars, [97]);
    const together = runTogether(formulas, [bars, bars.slice(200), bars], (turn, subject) => turn % 7 === subject);
    for (const [subject, first] of [0, 200, 0].entries()) {
      const own = run(formulas, bars.slice(first), [1]);
      together[subject]!.forEach((values, j) => expect(bits(values), formulas[j]!.text).toEqual(bits(own[j]!)));
    }
    formulas.forEach((formula, j) => {
      const expected = oracleValues(formula, bars);
      expected.forEach((value, i) => {
        if (Number.isNaN(value)) expect([formula.text, i, seen[j]![i]]).toEqual([formula.text, i, NaN]);
        else
          expect(Math.abs(seen[j]![i]! - value), `${formula.text} at ${i}`).toBeLessThanOrEqual(
            1e-9 * Math.abs(value) + 1e-12,
          );
      });
      expect(expected.filter((value) => !Number.isNaN(value)).length).toBeGreaterThan(300);
    });
  });
});
