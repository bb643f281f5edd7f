import { describe, expect, it } from 'vitest';
import { ALL_PAIRS } from '../shared/bundle/halts.ts';
import { createHaltLedger, type HaltLedger } from './halt_ledger.ts';

const HALT = { pair_id: 'A_B', version: '1' };

function halted(): HaltLedger {
  const ledger = createHaltLedger();
  ledger.ordered(HALT);
  ledger.settle([HALT]);
  return ledger;
}

describe('the ledger of halts', () => {
  it('requires a halt for its pair and version once the file names it, and allows it before', () => {
    const ledger = createHaltLedger();
    ledger.ordered(HALT);
    expect([ledger.mustHalt('A_B', '1'), ledger.mayHalt('A_B', '1')]).toEqual([false, true]);
    ledger.settle([HALT]);
    expect([ledger.mustHalt('A_B', '1'), ledger.mustHalt('A_B', '2'), ledger.mayHalt('C_D', '1')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each(['A_B', ALL_PAIRS])(
    'keeps a halt that the file lost and the journal has, until an operator lifts %s',
    (pair) => {
      const ledger = halted();
      ledger.lost([HALT], []);
      ledger.settle([]);
      expect(ledger.mustHalt('A_B', '1')).toBe(true);
      ledger.lifted(pair, '1', true);
      expect([ledger.mustHalt('A_B', '1'), ledger.mayHalt('A_B', '1')]).toEqual([false, false]);
    },
  );

  it('allows a halt that was lifted and then lost with the file before a daemon had read that, and requires none', () => {
    const ledger = halted();
    ledger.unsettle();
    ledger.lifted('A_B', '1', true);
    ledger.lost([HALT], []);
    ledger.settle([]);
    expect([ledger.mustHalt('A_B', '1'), ledger.mayHalt('A_B', '1')]).toEqual([false, true]);
  });

  it('allows no halt that was lifted before the file was lost, and that the daemon had read', () => {
    const ledger = halted();
    ledger.unsettle();
    ledger.lifted('A_B', '1', true);
    ledger.settle([]);
    ledger.lost([], []);
    ledger.settle([]);
    ledger.lost([HALT], []);
    expect([ledger.mustHalt('A_B', '1'), ledger.mayHalt('A_B', '1')]).toEqual([false, false]);
  });

  it('requires nothing where the journal lost it too, or an operator may have lifted it', () => {
    const lost = halted();
    const unsure = halted();
    lost.lost(null, []);
    unsure.lifted('A_B', '1', false);
    unsure.lost([HALT], []);
    for (const ledger of [lost, unsure]) {
      ledger.settle([]);
      expect([ledger.mustHalt('A_B', '1'), ledger.mayHalt('A_B', '1')]).toEqual([false, true]);
    }
  });
});
