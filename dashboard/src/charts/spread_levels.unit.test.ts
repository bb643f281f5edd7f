import { expect, it } from 'vitest';
import { spreadLevels } from './spread_levels.ts';

it('a chart of z shows entry, exit and stop on both sides, and the mean', () => {
  const { band, lines } = spreadLevels({ z_entry: 2, z_exit: 0.5, z_stop: 3.5 });
  expect(band).toEqual({ from: -2, to: 2 });
  const of = (tone: string) => lines.filter((line) => line.tone === tone).map(({ value }) => value);
  expect([of('green'), of('amber'), of('red'), of('muted')]).toEqual([[0.5, -0.5], [2, -2], [3.5, -3.5], [0]]);
  expect(spreadLevels(null).lines.map(({ value }) => value)).toEqual([0, 2, -2]);
});
