import { expect, it } from 'vitest';
import { RESULT_CLIP, resultOfShare, shareOfResult } from './expected_net.ts';

it('a result is what its share stands for, and one out of range its end', () => {
  for (const sigmas of [-RESULT_CLIP, -1.5, 0, 0.25, RESULT_CLIP])
    expect(resultOfShare(shareOfResult(sigmas))).toBe(sigmas);
  expect([shareOfResult(-9), shareOfResult(9)]).toEqual([0, 1]);
});
