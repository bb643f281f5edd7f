import { expect, it } from 'vitest';
import { formulaFindings } from './formula_findings.ts';

it('a faulty formula is a problem with its place and the next step, and no formula none', () => {
  const problem = { code: 'FORMULA_INVALID', where: 'features.yaml:3:5', key: 'my_z', text: 'unknown function "zz"' };
  expect(formulaFindings([problem as never])).toMatchObject([
    { weight: 'problem', about: 'features.yaml', text: expect.stringContaining('features.yaml:3:5') as string },
  ]);
  expect(formulaFindings([])).toEqual([]);
});
