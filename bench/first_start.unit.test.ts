import { expect, it } from 'vitest';
import { stageDoneBy } from './first_start.ts';

it.each([
  ['installing dependencies: done after 34 s', 'packages'],
  ['installing dependencies … 30 s', null],
  ['building: done after 20 s', null],
  ['dashboard built in 0.3 s', 'build'],
  ['daemon  │ Simulated market: 5000 of 20160 minutes of history.', null],
  ['daemon  │ Simulated market: 20160 of 20160 minutes of history.', 'history'],
  ['trainer │ Training run 1: models 20261129_1539 adopted.', 'training'],
])('%s ends %s', (line, stage) => {
  expect(stageDoneBy(line)).toBe(stage);
});
