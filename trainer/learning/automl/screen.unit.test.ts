import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { quantileGroups } from './quantile_groups.ts';
import { scoreCandidate, type Unexplained } from './screen.ts';
import { selectCandidates } from './select.ts';
import { unexplainedOf } from './unexplained.ts';

const DAYS = 60;
const PER_DAY = 40;
const ROWS = DAYS * PER_DAY;

/** Labels whose days have an effect of their own, as days of a market have. */
function rowsOf(seed: string, effectOf: (row: number) => number = () => 0): Unexplained {
  const rng = createRng(seed);
  const time = Float64Array.from(
    { length: ROWS },
    (_, row) => Math.floor(row / PER_DAY) * 86_400 + (row % PER_DAY) * 60,
  );
  const ofDay = Array.from({ length: DAYS }, () => 0.3 * rng.normal());
  const y = Float64Array.from({ length: ROWS }, (_, row) => {
    const logit = ofDay[Math.floor(row / PER_DAY)]! + effectOf(row);
    return rng.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
  });
  const weights = Float64Array.from({ length: ROWS }, () => 0.5 + rng.uniform());
  return unexplainedOf({ y, weights, time }, new Float64Array(ROWS).fill(0.5));
}

/** Values that change slowly, so that those of a day are alike. */
function slowValues(seed: string): Float64Array {
  const rng = createRng(seed);
  let value = rng.normal();
  return Float64Array.from({ length: ROWS }, () => (value = 0.98 * value + 0.2 * rng.normal()));
}

describe('scoreCandidate', () => {
  it('has p values that are uniform for candidates without an effect, also where days are alike', () => {
    const p: number[] = [];
    for (let study = 0; study < 200; study++) {
      const own = scoreCandidate(slowValues(`values ${study}`), rowsOf(`rows ${study}`), {
        parts: 5,
        seed: `${study}`,
      });
      p.push(own.p);
    }
    for (const level of [0.05, 0.2, 0.5]) {
      const share = p.filter((value) => value <= level).length / p.length;
      expect(Math.abs(share - level), `${level}`).toBeLessThan(3.5 * Math.sqrt((level * (1 - level)) / p.length));
    }
  }, 120_000);

  it('finds an effect that is no line, and says in which parts of the time it holds', () => {
    const values = slowValues('effect');
    const always = rowsOf('always', (row) => (Math.abs(values[row]!) > 1 ? 0.8 : -0.4));
    const own = scoreCandidate(values, always, { parts: 5, seed: 'always' });
    expect(own.p).toBeLessThan(1e-4);
    expect(own.gains.filter((gain) => gain > 0).length).toBeGreaterThanOrEqual(4);
    // Within the first fifth alone, strongly.
    const once = rowsOf('once', (row) => (row < ROWS / 5 ? 3 * Math.sign(values[row]!) : 0));
    const { gains } = scoreCandidate(values, once, { parts: 5, seed: 'once' });
    expect(gains.filter((gain) => gain > 0).length).toBeLessThan(4);
  });

  it('counts the observed signs among all that are tried: p is never 0', () => {
    const values = slowValues('certain');
    const rows = rowsOf('certain', (row) => 6 * Math.sign(values[row]!));
    expect(scoreCandidate(values, rows, { parts: 5, seed: 'certain' }).p).toBeCloseTo(1 / 200_001, 12);
  });

  it('has, for each part, the squares that the group means of the other parts explain', () => {
    const values = slowValues('gains');
    const rows = rowsOf('gains', (row) => (row % 3 === 0 ? 1.5 * Math.sign(values[row]!) : 0));
    const { residual, weights } = rows;
    const { group } = quantileGroups(values, 8);
    const PARTS = 4;
    const partOf = (row: number): number => Math.floor((Math.floor(row / PER_DAY) * PARTS) / DAYS);
    const all = [...residual.keys()];
    const expected = Array.from({ length: PARTS }, (_, part) => {
      let gain = 0;
      let squares = 0;
      for (const row of all.filter((one) => partOf(one) === part)) {
        const others = all.filter((one) => partOf(one) !== part && group[one] === group[row]);
        const total = others.reduce((sum, one) => sum + weights[one]!, 0);
        const mean = others.reduce((sum, one) => sum + weights[one]! * residual[one]!, 0) / total;
        squares += weights[row]! * residual[row]! ** 2;
        gain += weights[row]! * (residual[row]! ** 2 - (residual[row]! - mean) ** 2);
      }
      return gain / squares;
    });
    const { gains } = scoreCandidate(values, rows, { parts: PARTS, seed: 'gains' });
    gains.forEach((gain, part) => expect(gain).toBeCloseTo(expected[part]!, 9));
  });

  it('says nothing of a constant, and repeats itself', () => {
    const rows = rowsOf('constant');
    expect(scoreCandidate(new Float64Array(ROWS).fill(3), rows, { parts: 5, seed: '1' }).p).toBe(1);
    expect(scoreCandidate(new Float64Array(ROWS).fill(NaN), rows, { parts: 5, seed: '1' }).p).toBe(1);
    const values = slowValues('again');
    const score = (): unknown => scoreCandidate(values, rows, { parts: 5, seed: '1' });
    expect(score()).toEqual(score());
  });
});

describe('what probabilities leave unexplained', () => {
  it('has mean 0 at every level of the probability, so that the probability itself explains nothing', () => {
    const rng = createRng('unexplained');
    const probabilities = Float64Array.from({ length: ROWS }, () => rng.uniform());
    // Badly calibrated: the label follows the square.
    const y = probabilities.map((p) => (rng.uniform() < p * p ? 1 : 0));
    const weights = y.map(() => 0.5 + rng.uniform());
    const time = y.map((_, row) => Math.floor(row / PER_DAY) * 86_400 + (row % PER_DAY) * 60);
    const rows = unexplainedOf({ y, weights, time }, probabilities);
    const { group, groups } = quantileGroups(probabilities, 20);
    expect(groups).toBe(20);
    for (let level = 0; level < groups; level++) {
      const sum = rows.residual.reduce((all, own, row) => all + (group[row] === level ? weights[row]! * own : 0), 0);
      expect(sum).toBeCloseTo(0, 9);
    }
    const raw = { ...rows, residual: y.map((label, row) => label - probabilities[row]!) };
    const seed = { parts: 5, seed: 'unexplained' };
    expect(scoreCandidate(probabilities, raw, seed).p).toBeLessThan(0.001);
    expect(scoreCandidate(probabilities, rows, seed).p).toBeGreaterThan(0.05);
  });
});

describe('quantileGroups', () => {
  it('has about equal groups in order of the value, equal values in one, and one of missing values', () => {
    const values = [NaN, ...Array.from({ length: 800 }, (_, k) => k % 100)];
    const { group, groups } = quantileGroups(values, 8);
    expect(groups).toBe(9);
    expect(group[0]).toBe(8);
    const sizes = new Array<number>(groups).fill(0);
    for (const of of group) sizes[of]!++;
    expect(Math.min(...sizes.slice(0, 8))).toBeGreaterThan(80);
    for (let row = 1; row <= 700; row++) expect(group[row]).toBe(group[row + 100]);
    for (let row = 1; row < 100; row++) expect(group[row + 1]).toBeGreaterThanOrEqual(group[row]!);
  });
});

describe('selectCandidates', () => {
  const candidateOf = (name: string) => ({ name, text: name, generator: 'windows' as const, bars: 1 });

  it('chooses none of thirty candidates without an effect, in nearly every study', () => {
    let studies = 0;
    for (let study = 0; study < 20; study++) {
      const rows = rowsOf(`null ${study}`);
      const scored = Array.from({ length: 30 }, (_, index) => {
        const values = Float32Array.from(slowValues(`null ${study} ${index}`));
        const score = scoreCandidate(values, rows, { parts: 5, seed: `${study} ${index}` });
        return { candidate: candidateOf(`c${index}`), score, values };
      });
      const judged = selectCandidates(scored, { level: 0.05, most: 8, mostOf: {}, columns: new Map() });
      if (judged.some(({ refusal }) => refusal === null)) studies++;
    }
    // More than 4 of 20 are rarer than one in four hundred at the stated 5 %.
    expect(studies).toBeLessThanOrEqual(4);
  }, 120_000);

  it('refuses a copy of a column, a copy of a chosen candidate, an unstable one, and one too many', () => {
    const values = [1, 2, 3].map((k) => Float32Array.from(slowValues(`select ${k}`)));
    const sure = { p: 1e-6, gains: [1, 1, 1, 1, 1] };
    const scored = [
      { candidate: candidateOf('copy_of_column'), score: { ...sure, p: 1e-7 }, values: values[0]!.map((v) => -2 * v) },
      { candidate: candidateOf('first'), score: sure, values: values[1]! },
      { candidate: candidateOf('copy_of_first'), score: { ...sure, p: 2e-6 }, values: values[1]!.map((v) => v + 1) },
      { candidate: candidateOf('unstable'), score: { p: 3e-6, gains: [5, 5, 5, -1, -1] }, values: values[2]! },
      { candidate: candidateOf('too_many'), score: { ...sure, p: 4e-6 }, values: values[2]! },
      { candidate: candidateOf('chance'), score: { ...sure, p: 0.5 }, values: null },
    ];
    const judged = selectCandidates(scored, {
      level: 0.05,
      most: 1,
      mostOf: {},
      columns: new Map([['column', values[0]!]]),
    });
    expect(judged.map(({ candidate, refusal, repeats }) => [candidate.name, refusal, repeats])).toEqual([
      ['copy_of_column', 'redundant', 'column'],
      ['first', null, undefined],
      ['copy_of_first', 'redundant', 'first'],
      ['unstable', 'unstable', undefined],
      ['too_many', 'enough', undefined],
      ['chance', 'chance', undefined],
    ]);
  });
});
