import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSection, type SectionOperator } from './cross_section.ts';
import { bits } from './formula.fixture.ts';
import { FormulaError } from './formula_error.ts';
import { parseFormula } from './formula.ts';
import { FormulaEngine } from './engine.ts';
import { pairInputs } from './bar_inputs.ts';
import { checkTogether, type NamedFormula } from './named_formulas.ts';
import { OPERATORS } from './operators.ts';
import { groupsOf, isSectionSource, outsideSourcesOf, readSections, sectionSourcesOf } from './sections.ts';
import { instrumentSources, pairRuleSources, pairSources, symbolSources } from './sources.ts';

const PAIR = pairSources([]);
const RETURN = 'delta(log(a.close), 1)';
const named = (name: string, text: string, subjects: readonly string[] | null): NamedFormula => ({
  name,
  formula: parseFormula(text, PAIR),
  subjects,
});

const operators = OPERATORS.filter(isSection);
const operatorOf = (name: string): SectionOperator => operators.find((one) => one.name === name)!;

/** The value of the first of these pairs, as the two passes of a training compute it. */
function across(name: string, members: readonly number[]): number {
  const known = Float64Array.from(members.filter((value) => !Number.isNaN(value))).sort();
  const values = Float64Array.of(NaN, members[0]!);
  operatorOf(name).across(known, known.length, values, 1);
  return values[1]!;
}

describe('cross-sections', () => {
  it.each(operators.map(({ name }) => name))('%s has the bits of its slow definition, whatever the order', (name) => {
    const value = fc.oneof(fc.constantFrom(0, 1, 1, NaN), fc.double({ min: -1e6, max: 1e6, noNaN: true }));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 12 }), fc.nat(), (given, turn) => {
        const members = [given[0] === 0 ? 0 : (given[0]! + 0) * 1, ...given.slice(1).map((one) => one + 0)];
        const slow = operatorOf(name).oracle([members], []);
        const others = members.slice(1);
        const turned = [
          members[0]!,
          ...others.slice(turn % (others.length + 1)),
          ...others.slice(0, turn % (others.length + 1)),
        ];
        expect(bits([operatorOf(name).oracle([turned], [])])).toEqual(bits([slow]));
        const known = members.filter((one) => !Number.isNaN(one));
        if (Number.isNaN(members[0]!) || known.length < 2) expect(slow).toBe(NaN);
        else expect(bits([across(name, turned)])).toEqual(bits([slow]));
      }),
    );
  });

  it('include the pair itself, count equal ones half, and leave out what is missing', () => {
    expect(across('cs_mean', [1, 2, 6])).toBe(3);
    expect(across('cs_rank', [1, 0, 1, 2, NaN])).toBe(0.5);
    expect([across('cs_rank', [3, 1, 2]), across('cs_rank', [0, 1, 2])]).toEqual([1, 0]);
    expect(across('cs_zscore', [3, 1, 2])).toBe(1);
    expect(across('cs_zscore', [2, 2, 2])).toBe(NaN);
    expect(operatorOf('cs_mean').oracle([[NaN, 1, 2]], [])).toBe(NaN);
  });

  it('are sources of a plan, which computes what stands around them', () => {
    const formula = parseFormula(`mean(cs_rank(${RETURN}), 3) + cs_mean(${RETURN})`, PAIR);
    expect(parseFormula(formula.text, PAIR).text).toBe(formula.text);
    expect(formula.bars).toBe(4);
    const sources = sectionSourcesOf([{ formula }]);
    expect(sources).toEqual([`cs_mean(${RETURN})`, `cs_rank(${RETURN})`]);
    const engine = new FormulaEngine([formula]);
    expect([...engine.inputs.keys()].toSorted()).toEqual(sources);
    expect(sources.every(isSectionSource)).toBe(true);
    expect(() => pairInputs([])(engine, 60)).toThrow(`formulas read cs_`);
    const nested = parseFormula('cs_mean(log(symbol("EURUSD").close / delay(symbol("EURUSD").close)))', PAIR);
    expect(outsideSourcesOf([{ formula: nested }])).toEqual(['symbol("EURUSD").close', nested.text]);
  });

  it.each([
    ['cs_rank(cs_mean(a.close / b.close))', /cs_rank of a cross-section/, 'FORMULA_GROUP'],
    ['cs_rank(log(1 + cs_mean(a.close / b.close)))', /cs_rank of a cross-section/, 'FORMULA_GROUP'],
    ['cs_mean(a.close)', /cs_mean of price: their units differ/, 'FORMULA_UNIT'],
    ['cs_mean(2)', /reads no source/, 'FORMULA_CONSTANT'],
    ['cs_mean(a.close > b.close)', /needs a number/, 'FORMULA_TYPE'],
    ['cs_mean()', /x is missing/, 'FORMULA_ARGUMENTS'],
  ])('%s is refused', (text, reason, code) => {
    expect(() => parseFormula(text, PAIR)).toThrow(reason);
    expect(codeOf(() => parseFormula(text, PAIR))).toBe(code);
  });

  it('are of pairs alone, and not of their rules', () => {
    for (const [sources, text] of [
      [symbolSources(), 'cs_mean(close / open)'],
      [instrumentSources([]), 'cs_mean(close / open)'],
      [pairRuleSources([]), 'cs_mean(a.close / a.open)'],
    ] as const)
      expect(codeOf(() => parseFormula(text, sources))).toBe('FORMULA_GROUP');
  });

  it('are over the pairs of their formula, of which each is in one group', () => {
    const metals = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'];
    const others = ['AUDUSD_NZDUSD', 'USDJPY_USDCHF'];
    const one = named('one', `cs_rank(${RETURN})`, metals);
    const same = named('same', `cs_mean(${RETURN})`, metals.toReversed());
    const apart = named('apart', `cs_rank(${RETURN})`, others);
    const plain = named('plain', RETURN, null);
    expect(() => checkTogether([one, same, apart, plain])).not.toThrow();
    expect(
      groupsOf([one, same, apart, plain]).map(({ members, sections }) => [members.length, sections.length]),
    ).toEqual([
      [2, 2],
      [2, 1],
    ]);
    const refused = (formulas: readonly NamedFormula[]): string => codeOf(() => checkTogether(formulas));
    expect(refused([named('all', `cs_rank(${RETURN})`, null)])).toBe('FORMULA_GROUP');
    expect(refused([named('alone', `cs_rank(${RETURN})`, ['XAUUSD_XAGUSD'])])).toBe('FORMULA_GROUP');
    const wider = named('wider', `cs_mean(${RETURN})`, [...metals, ...others]);
    expect(() => checkTogether([one, wider])).toThrow(/is in two groups/);
  });

  it('are found in the text of a schema', () => {
    expect(readSections('x for A_B,C_D = 1 + cs_mean(z_score)')).toBe(true);
    expect(readSections('cs_mean = z_score\ny = delay(cs_mean_of, 2)')).toBe(false);
    expect(readSections(undefined)).toBe(false);
  });
});

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof FormulaError) return error.code;
    throw error;
  }
  return 'none';
}
