import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { at, bar, describeJournalStore, signal } from '../shared/store/journal_conformance.fixture.ts';
import { createMemoryJournal } from './memory_journal.ts';

describeJournalStore('in memory', createMemoryJournal);

describe('the journal in memory', () => {
  it('loses the last commits to a power cut, never one in the middle or part of one', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat({ max: 20 }), fc.nat({ max: 20 }), (seed, before, after) => {
        const journal = createMemoryJournal();
        const store = journal.open();
        const commit = (minute: number): void =>
          store.append([bar('A', minute), bar('B', minute)], [signal('A_B', minute)]);
        for (let minute = 1; minute <= before; minute++) commit(minute);
        journal.checkpoint();
        for (let minute = 1; minute <= after; minute++) commit(before + minute);
        const lost = journal.cutPower(createRng(seed));
        const kept = before + after - lost;
        expect(kept).toBeGreaterThanOrEqual(before);
        const minutes = Array.from({ length: kept }, (_, i) => i + 1);
        expect([...store.inputsFrom(at(0))]).toEqual(minutes.flatMap((minute) => [bar('A', minute), bar('B', minute)]));
        expect([...store.signals()].map(({ time }) => time)).toEqual(minutes.map(at));
        expect(journal.cutPower(createRng(seed))).toBe(0);
      }),
    );
  });

  it('keeps boots through a power cut, and what was stored before them', () => {
    const journal = createMemoryJournal();
    const store = journal.open();
    store.append([bar('A', 1)], []);
    store.addBoot({ bootId: 'b', market: 'live', featureSchema: 'f', policyHash: 'p', startedMs: 1 });
    for (let seed = 0; seed < 20; seed++) journal.cutPower(createRng(seed));
    expect([store.lastBoot()?.bootId, [...store.inputsFrom(at(0))]]).toEqual(['b', [bar('A', 1)]]);
  });

  it('keeps a change of the halts through a power cut, and what was stored before it', () => {
    const journal = createMemoryJournal();
    const store = journal.open();
    store.append([bar('A', 1)], []);
    store.append([{ ...bar('A', 2), kind: 'halts', subject: 'A_B@v1', bar: null }], []);
    for (let seed = 0; seed < 20; seed++) journal.cutPower(createRng(seed));
    expect([store.lastHalts(), journal.inputs.length]).toEqual(['A_B@v1', 2]);
  });

  it('loses nothing when a store is reopened, as after a kill', () => {
    const journal = createMemoryJournal();
    journal.open().append([bar('A', 1)], [signal('A_B', 1)]);
    expect([...journal.open().inputsFrom(at(0))]).toEqual([bar('A', 1)]);
  });

  it('refuses writes while the fault is set, and stores nothing of them', () => {
    const journal = createMemoryJournal();
    const store = journal.open();
    journal.refusal = 'database or disk is full';
    expect(() => store.append([bar('A', 1)], [])).toThrow('database or disk is full');
    expect(() => store.forgetBefore(at(1))).toThrow('database or disk is full');
    journal.refusal = null;
    expect([[...store.inputsFrom(at(0))], journal.commits]).toEqual([[], 0]);
    store.append([bar('A', 1)], []);
    expect(journal.commits).toBe(1);
  });

  it('numbers the inputs before a signal, also those it has deleted', () => {
    const journal = createMemoryJournal();
    const store = journal.open();
    store.append([bar('A', 1), bar('B', 1)], [signal('A_B', 1)]);
    store.forgetBefore(at(2));
    store.append([bar('A', 2)], [signal('A_B', 2)]);
    expect(journal.signals.map(({ afterInput }) => afterInput)).toEqual([3]);
  });
});
