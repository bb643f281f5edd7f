import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT } from '../../shared/core/features/features.fixture.ts';
import { SCREEN_LOOK_BACK_BARS } from '../../shared/core/screen/bar_screen.ts';
import { parseInstrument, parsePair } from '../../shared/pair.ts';
import { openJournal, type InputRow, type JournalStore } from '../../shared/store/journal.ts';
import { at, bar, signal, word } from '../../shared/store/journal_conformance.fixture.ts';
import { recoveryStart, restoredInputs, screenedFrom, subjectWarmup } from './recovery.ts';

const PAIRS = ['A_B', 'C_D'].map(parsePair);
const [FIRST] = PAIRS;
const WARMUP = 10;
/** So many minutes before a bar begin what its screen looks back over. */
const SCREENED = SCREEN_LOOK_BACK_BARS;

let store: JournalStore;
beforeEach(() => {
  store = openJournal(':memory:');
});
afterEach(() => store.close());

/** Bars of these symbols, minute by minute, the last one included. */
function trade(symbols: readonly string[], from: number, to: number): void {
  for (let minute = from; minute <= to; minute++)
    store.append(
      symbols.map((symbol) => bar(symbol, minute)),
      [],
    );
}

describe('the start of a recovery', () => {
  it('is 0 for an empty journal', () => {
    expect(recoveryStart(store, PAIRS, WARMUP)).toBe(0);
  });

  it('gives a pair its warm-up up to its last signal, and its screens their look-back', () => {
    trade(['A', 'B'], 1, 1000);
    store.append([], [signal('A_B', 900)]);
    expect(recoveryStart(store, [FIRST!], WARMUP)).toBe(at(900 - WARMUP + 1 - SCREENED));
  });

  it('includes all minutes of a pair that was never answered, and the bar before, which formulas read of others', () => {
    trade(['A', 'B'], 700, 1000);
    expect(recoveryStart(store, [FIRST!], WARMUP)).toBe(at(699));
  });

  it('is not after the last bar of a symbol that has fallen silent', () => {
    trade(['A', 'B'], 1, 1000);
    trade(['B'], 1001, 2000);
    store.append([], [signal('A_B', 1900)]);
    // The last common minutes are those up to 1000; the last bar of A is the 1000th.
    expect(recoveryStart(store, [FIRST!], 1)).toBe(at(1000 - SCREENED));
  });

  it('is that of the pair that goes back furthest', () => {
    trade(['A', 'B', 'C', 'D'], 1, 1000);
    store.append([], [signal('A_B', 1000), signal('C_D', 500)]);
    expect(recoveryStart(store, PAIRS, WARMUP)).toBe(at(500 - WARMUP + 1 - SCREENED));
    store.append([], [signal('A_B', 1000), signal('C_D', 1000)]);
    expect(recoveryStart(store, PAIRS, WARMUP)).toBe(at(1000 - WARMUP + 1 - SCREENED));
  });

  it('needs nothing for a pair without bars or signals', () => {
    trade(['A', 'B'], 1, 1000);
    store.append([], [signal('A_B', 1000)]);
    expect(recoveryStart(store, PAIRS, WARMUP)).toBe(recoveryStart(store, [FIRST!], WARMUP));
    expect(recoveryStart(store, [PAIRS[1]!], WARMUP)).toBe(0);
  });

  it('begins at a signal whose minute had no leg', () => {
    store.append([word('empty', 'A', 5), word('empty', 'B', 5)], [signal('A_B', 5)]);
    expect(recoveryStart(store, [FIRST!], WARMUP)).toBe(at(5));
  });
});

describe('the bars of a warm-up', () => {
  it('are those of the features of the subject', () => {
    const warmupOf = subjectWarmup(DEFAULT);
    // 240 hedged returns, each by the regression of the 240 bars before it; 168 returns of an instrument.
    expect([warmupOf(FIRST!), warmupOf(parseInstrument('BTCUSDT@1h'))]).toEqual([480, 169]);
  });

  it('may differ from subject to subject', () => {
    trade(['A', 'B'], 1, 1000);
    store.append([], [signal('A_B', 900)]);
    expect(recoveryStart(store, [FIRST!], ({ id }) => (id === 'A_B' ? 50 : 500))).toBe(at(900 - 50 + 1 - SCREENED));
  });
});

describe('the inputs of a restart', () => {
  it('are the observations of the 48 hours before it, then its own', () => {
    const asked: number[][] = [];
    const reader = {
      *seriesBetween(...between: [number, number]) {
        asked.push(between);
        yield 'an observation' as unknown as InputRow;
      },
    };
    const inputs = ['its own'] as unknown as InputRow[];
    expect([...restoredInputs(reader, at(10_000), inputs)]).toEqual(['an observation', 'its own']);
    expect([...restoredInputs(reader, at(5), inputs)]).toHaveLength(2);
    expect(asked).toEqual([
      [at(10_000 - 48 * 60), at(10_000)],
      [0, at(5)],
    ]);
  });
});

describe('screenedFrom', () => {
  it('is the minute itself where a leg has no bar, and the earliest bar of each leg where they are few', () => {
    expect(screenedFrom(store, FIRST!, at(50))).toEqual([at(50)]);
    trade(['A'], 48, 50);
    expect(screenedFrom(store, FIRST!, at(50))).toEqual([at(50), at(48)]);
    trade(['B'], 49, 50);
    expect(screenedFrom(store, FIRST!, at(50))).toEqual([at(50), at(48), at(49)]);
  });
});
