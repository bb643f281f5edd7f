import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePair } from '../../pair.ts';
import { randomPair, SMALL } from '../features/features.fixture.ts';
import { featureDefinitions, handWrittenDefinitions, PairFeatures } from '../features/features.ts';
import type { Windows } from '../features/windows.ts';
import { pairInputs, type PairReading } from './bar_inputs.ts';
import { FormulaBlock } from './formula_block.ts';
import { FormulaColumns } from './formula_columns.ts';
import { MAX_SUBJECT_DOUBLES } from './limits.ts';
import { checkTogether, formulasOf, formulasText } from './named_formulas.ts';

const PAIRS = ['XAUUSD_XAGUSD', 'AUDUSD_USDCAD', 'EURUSD_GBPUSD', 'EURUSD_GBPUSD@1h'].map(parsePair);
const IDS = PAIRS.map(({ id }) => id);
const TEXTS = ['mean(a.close, 7) / b.close', 'rank(z_score, 30)', 'delay(beta, 12)', 'hour()', 'std(log(b.close), 20)'];
const written = handWrittenDefinitions(SMALL);

/** Windows whose formulas are each for these subjects; null = for all. */
function windowsOf(subjects: readonly (readonly string[] | null)[]): Windows {
  const formulas = subjects.map((own, i) => ({ name: `x${i}`, text: TEXTS[i % TEXTS.length]!, subjects: own }));
  return { ...SMALL, formulas: formulasText(formulas) };
}

describe('formulas for some subjects', () => {
  const LENGTH = 90;
  const histories = PAIRS.map(({ id }) => randomPair(`subjects ${id}`, LENGTH, { gaps: true, quoted: true }));
  /** What formulas read of each bar of each pair. */
  const readings = PAIRS.map((pair, index): PairReading[] => {
    const features = new PairFeatures(SMALL, pair);
    const { a, b } = histories[index]!;
    return a.map((bar, t) => {
      // Of hourly bars, each minute is an hour.
      const scale = pair.barSeconds === undefined ? 1 : 60;
      const at = <T extends { readonly time: number }>(one: T): T => ({ ...one, time: one.time * scale });
      const own = { a: at(bar), b: at(b[t]!) };
      features.step(own.a, own.b);
      return { ...own, features: features.values.slice(), series: null };
    });
  });

  it('have the same bits in blocks, live with other subjects, and after a restart, and are missing for others', () => {
    const subjectsOf = fc.oneof(fc.constant(null), fc.subarray(IDS, { minLength: 1 }));
    fc.assert(
      fc.property(
        fc.array(subjectsOf, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 25 }),
        (subjects, first, blockLength) => {
          const formulas = formulasOf(windowsOf(subjects), written);
          const live = new FormulaColumns(formulas, PAIRS, pairInputs(written));
          const restarted = new FormulaColumns(formulas, PAIRS, pairInputs(written));
          const blocks = PAIRS.map((pair) => new FormulaBlock(formulas, pair, pairInputs(written)));
          const inBlocks = PAIRS.map((): number[][] => []);
          const out = new Float64Array(formulas.length);
          for (let t = 0; t < LENGTH; t++) {
            for (const pair of PAIRS.keys()) {
              live.add(pair, readings[pair]![t]!);
              if (t >= first) restarted.add(pair, readings[pair]![t]!);
              blocks[pair]!.add(readings[pair]![t]!);
            }
            live.run();
            restarted.run();
            if ((t + 1) % blockLength === 0 || t === LENGTH - 1)
              for (const [pair, block] of blocks.entries()) {
                block.run();
                const count = t + 1 - inBlocks[pair]!.length;
                for (let place = 0; place < count; place++) {
                  block.read(place, out);
                  inBlocks[pair]!.push([...out]);
                }
              }
            for (const [pair, { id }] of PAIRS.entries()) {
              const values = [...live.values(pair)];
              values.forEach((value, i) => {
                if (subjects[i] !== null && !subjects[i]!.includes(id)) expect(value).toBeNaN();
              });
              if (t - first + 1 >= restarted.warmupBarsOf(pair)) expect([...restarted.values(pair)]).toEqual(values);
              if (inBlocks[pair]!.length === t + 1) expect(inBlocks[pair]![t]).toEqual(values);
            }
          }
          for (const [pair, { id }] of PAIRS.entries()) {
            expect(live.isFor(pair)).toBe(subjects.some((own) => own === null || own.includes(id)));
            expect(live.warmupBarsOf(pair)).toBe(blocks[pair]!.warmupBars);
          }
          expect(live.warmupBars).toBe(Math.max(...PAIRS.map((_, pair) => live.warmupBarsOf(pair))));
        },
      ),
      { numRuns: 12 },
    );
  });

  it('are columns of one pair with the warm-up of its own ones', () => {
    const windows = windowsOf([['XAUUSD_XAGUSD'], ['AUDUSD_USDCAD'], null]);
    const definitions = featureDefinitions(windows);
    const own = new PairFeatures(windows, PAIRS[2]);
    const other = new PairFeatures(windows, PAIRS[1]);
    const longest = Math.max(...written.map(({ warmup_bars }) => warmup_bars));
    const z = written.find(({ name }) => name === 'z_score')!.warmup_bars;
    expect([own.warmupBars, other.warmupBars]).toEqual([Math.max(longest, own.warmupBars), z + 29]);
    expect(own.warmupBars).toBeLessThan(other.warmupBars);
    expect(definitions.at(-3)!.missing).toBe('where the formula has no value, and for all but XAUUSD_XAGUSD');
    for (const { a, b } of readings[0]!) own.step(a, b);
    expect([...own.values.subarray(-3)].map(Number.isNaN)).toEqual([true, true, false]);
  });

  it('are written down and read again, in whatever order their subjects stand', () => {
    const windows = windowsOf([['XAUUSD_XAGUSD', 'AUDUSD_USDCAD'], null]);
    expect(windows.formulas).toBe(`x0 for AUDUSD_USDCAD,XAUUSD_XAGUSD = ${TEXTS[0]}\nx1 = ${TEXTS[1]}`);
    expect(formulasOf(windows, written).map(({ subjects }) => subjects)).toEqual([
      ['AUDUSD_USDCAD', 'XAUUSD_XAGUSD'],
      null,
    ]);
    for (const left of ['x for', 'x for ', 'x for xau', 'x for XAUUSD_XAGUSD,', 'x for A_B C_D', ' for A_B'])
      expect(() => featureDefinitions({ ...SMALL, formulas: `${left} = beta` })).toThrow(
        expect.objectContaining({ code: 'FORMULA_NAME' }),
      );
  });

  it('count for the memory of the subjects that they are for', () => {
    const [one] = formulasOf(windowsOf([null]), written);
    const half = { ...one!.formula, doubles: MAX_SUBJECT_DOUBLES / 2 };
    const of = (subjects: readonly string[] | null) => ({ name: 'x', formula: half, subjects });
    checkTogether([of(['XAUUSD_XAGUSD']), of(['AUDUSD_USDCAD']), of(null)]);
    expect(() => checkTogether([of(['XAUUSD_XAGUSD']), of(['XAUUSD_XAGUSD']), of(null)])).toThrow(
      /numbers per subject/,
    );
  });
});
