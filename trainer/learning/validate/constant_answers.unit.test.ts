import { expect, it } from 'vitest';
import { warningText } from '../../../shared/bundle/training_warning.ts';
import { constantAnswersWarnings } from './constant_answers.ts';

it('a model that gives all rows the same answer is named, one that tells two rows apart is not', () => {
  const [warning] = constantAnswersWarnings([0.3, 0.3, 0.3]);
  expect(warning).toEqual({ code: 'CONSTANT_ANSWERS' });
  expect(warningText(warning!)).toMatch(/^CONSTANT_ANSWERS: .*knows nothing of the market\. Give a longer period/);
  expect(constantAnswersWarnings([0.3, 0.3, 0.31])).toEqual([]);
  expect(constantAnswersWarnings([0.3])).toEqual([]);
  expect(constantAnswersWarnings([])).toEqual([]);
});

it('the answers of several classes are compared row by row', () => {
  expect(constantAnswersWarnings([0.2, 0.3, 0.5, 0.2, 0.3, 0.5], 3)).toEqual([{ code: 'CONSTANT_ANSWERS' }]);
  expect(constantAnswersWarnings([0.2, 0.3, 0.5, 0.3, 0.2, 0.5], 3)).toEqual([]);
  expect(constantAnswersWarnings([0.2, 0.3, 0.5], 3)).toEqual([]);
});
