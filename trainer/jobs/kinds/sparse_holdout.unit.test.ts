import { describe, expect, it } from 'vitest';
import { refuseSparseHoldout } from './sparse_holdout.ts';

describe('the last part of the time as a holdout', () => {
  const holdout = (bars: number, barsInHoldout: number) => (): void =>
    refuseSparseHoldout({ fraction: 0.2, from: 1_700_000_000, bars, barsInHoldout });

  it('has about its share of the bars, or a part of it over a weekend', () => {
    for (const inHoldout of [20, 200, 400]) expect(holdout(1000, inHoldout)).not.toThrow();
  });

  it('is refused where nearly all bars are before it', () => {
    for (const inHoldout of [1, 19]) expect(holdout(1000, inHoldout)).toThrow(/in the last 0.2 of the time/);
    expect(holdout(60_000, 1)).toThrow(expect.objectContaining({ code: 'DATA_TOO_SHORT' }));
  });
});
