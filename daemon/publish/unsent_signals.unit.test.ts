import { describe, expect, it } from 'vitest';
import { ALL_PARTS } from '../../shared/ports.ts';
import { UnsentSignals } from './unsent_signals.ts';

const signal = (pairId: string, validUntilMs: number) => ({
  pairId,
  text: JSON.stringify({ valid_until_ms: validUntilMs }),
  bytes: Buffer.from('of a whole batch'),
});
const A1 = signal('A', 1);
const A2 = signal('A', 2);
const B1 = signal('B', 1);
/** As it is kept: without bytes. */
const kept = ({ pairId, text }: typeof A1, number: number, lacking: number = ALL_PARTS) => ({
  pairId,
  text,
  lacking,
  number,
});
const refusal = (...lacking: number[]) => ({ words: 'NOPERM', signals: 1, lacking });
const takeAll = (unsent: UnsentSignals) => unsent.take(() => true);

describe('unsent signals', () => {
  it('are the last one of each pair, of the latest batch, in any order of replies', () => {
    const unsent = new UnsentSignals();
    unsent.note([A2], 2, refusal(4));
    unsent.note([A1, B1], 1, null);
    expect(unsent.size).toBe(2);
    expect(takeAll(unsent)).toEqual([kept(A2, 2, 4), kept(B1, 1)]);
    expect(unsent.size).toBe(0);
    unsent.note([A1], 1, null);
    unsent.note([A2], 1, null);
    expect(takeAll(unsent)).toEqual([kept(A2, 1)]);
  });

  it('end with a batch of their pair that is taken, that of the same number too, and with no older one', () => {
    const unsent = new UnsentSignals();
    unsent.taken([A1], 1);
    unsent.note([A2, B1], 2, null);
    unsent.taken([A1, signal('C', 1)], 1);
    expect(unsent.size).toBe(2);
    unsent.taken([A2], 2);
    unsent.taken([B1], 3);
    expect(unsent.size).toBe(0);
  });

  it('leave while they may, and those that may not are gone', () => {
    const unsent = new UnsentSignals();
    unsent.note([A2, B1], 2, null);
    expect(unsent.take(({ valid_until_ms }) => valid_until_ms > 1)).toEqual([kept(A2, 2)]);
    expect(unsent.size).toBe(0);
    unsent.restore([kept(A2, 2, 4)], null);
    unsent.restore([kept(A1, 1)], null);
    expect(takeAll(unsent)).toEqual([kept(A2, 2, 4)]);
  });

  it('lack what was refused, and are gone with what was taken of their batch', () => {
    const unsent = new UnsentSignals();
    unsent.note([A1, B1], 1, null);
    unsent.note([A2, B1], 2, refusal(0, 6));
    const [left, ...others] = takeAll(unsent);
    expect([left, others]).toEqual([kept(B1, 2, 6), []]);
    unsent.restore([left!], refusal(2));
    expect(takeAll(unsent)).toEqual([kept(B1, 2, 2)]);
  });
});
