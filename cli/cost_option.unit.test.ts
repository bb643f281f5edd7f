import { expect, it } from 'vitest';
import { parseCostBps } from './cost_option.ts';

it('takes basis points, and refuses a share of the price, which would make trading nearly free', () => {
  expect(['0', '0.001', '5', '1e1'].map((text) => parseCostBps(text, '--fee-bps'))).toEqual([0, 0.001, 5, 10]);
  for (const text of ['0.0005', '1e-9', '-1', '', ' ', 'five', 'Infinity', 'NaN'])
    expect(() => parseCostBps(text, '--fee-bps')).toThrow(expect.objectContaining({ code: 'USAGE' }));
});
