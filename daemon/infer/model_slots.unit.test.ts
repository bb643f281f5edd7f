import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../shared/bar.ts';
import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import { parsePair } from '../../shared/pair.ts';
import { DegradationSet } from '../queue/degradation_set.ts';
import type { Input, SwapInput } from '../queue/input.ts';
import { HaltedPairs } from './halted_pairs.ts';
import { ModelSlots } from './model_slots.ts';

const SLOW_MS = 50;
const MATRIX = new Float32Array(4);
const ROWS = { valuesOf: () => MATRIX };

interface Answers {
  /** Milliseconds that each call takes; the last one for all that follow. */
  readonly tookMs?: readonly number[];
  readonly isPromise?: boolean;
  readonly fails?: boolean;
}

/** Slots whose journal is applied as the queue does, at once or when `apply` is called. */
function createDesk() {
  let nowUs = 0;
  const released: string[] = [];
  const recorded: string[] = [];
  const told: string[] = [];
  const pending: SwapInput[] = [];
  const degradations = new DegradationSet();
  const halts = new HaltedPairs([parsePair('XAUUSD_XAGUSD')]);
  halts.setHalts([{ pair_id: 'XAUUSD_XAGUSD', version: 'b' }]);
  const textOf = (input: Input): string =>
    input.kind === 'swap'
      ? `swap ${input.set?.version ?? 'none'}${input.slow === undefined ? '' : ` for slow ${input.slow.version}`}`
      : `${input.kind} ${(input as { what: string }).what}`;
  const slots: ModelSlots = new ModelSlots({
    clock: { nowMs: () => 0 as EpochMs, monotonicUs: () => nowUs },
    slowInferenceMs: SLOW_MS,
    halts,
    degradations,
    inputs: () => ({
      recordEarlier: (changes, replacement) =>
        void recorded.push(
          ...changes.map((input) => `recorded ${textOf(input)}${replacement === 'waits' ? ' for now' : ''}`),
        ),
      apply: (input) => {
        recorded.push(textOf(input));
        if (input.kind === 'swap') {
          slots.announce(input);
          pending.push(input);
        }
        if (input.kind === 'degraded') degradations.add(input.what, input.scope);
        if (input.kind === 'recovered') degradations.delete(input.what, input.scope);
      },
    }),
    observer: {
      onSwap: ({ version }) => void told.push(`active ${version}`),
      onModelFailure: (error, failed, fallback) =>
        void told.push(`${(error as Error).message} | ${failed.version} | ${fallback?.version ?? 'none'}`),
      onModelRecovery: ({ version }) => void told.push(`fast again ${version}`),
    },
  });
  const asked: string[] = [];
  const setOf = (version: string, { tookMs = [0], isPromise = false, fails = false }: Answers = {}): ModelSet => {
    let calls = 0;
    const infer = (matrix: Float32Array, rows: number): BatchScores | Promise<BatchScores> => {
      expect([matrix, rows]).toEqual([MATRIX, 1]);
      asked.push(version);
      nowUs += 1000 * tookMs[Math.min(calls, tookMs.length - 1)]!;
      const answer = { return_prob: Float64Array.of(++calls) } as unknown as BatchScores;
      const work = (): BatchScores => {
        if (fails) throw new Error(`${version} is broken`);
        return answer;
      };
      return isPromise ? Promise.resolve().then(work) : work();
    };
    const release = (): Promise<void> => {
      released.push(version);
      // A set that cannot be released is ignored.
      return Promise.reject(new Error('cannot be released'));
    };
    return { version, infer, release } as unknown as ModelSet;
  };
  const swap = (set: ModelSet | null): void => {
    slots.announce({ kind: 'swap', set });
    slots.swap({ kind: 'swap', set });
  };
  return {
    slots,
    swap,
    setOf,
    halts,
    degradations,
    released,
    recorded,
    told,
    asked,
    /** Applies the waiting inputs. */
    apply: () => {
      for (const input of pending.splice(0)) slots.swap(input);
    },
    /** The number of the call that was answered; null = nothing could score. */
    infer: async (rows = 1): Promise<number | null> => (await slots.infer(ROWS, rows))?.return_prob[0] ?? null,
  };
}

describe('ModelSlots', () => {
  it('score nothing without a set or without rows', async () => {
    const { slots, swap, setOf, infer, asked } = createDesk();
    expect([slots.active, await infer()]).toEqual([null, null]);
    swap(setOf('a'));
    expect([await infer(0), asked]).toEqual([null, []]);
    expect(await infer()).toBe(1);
  });

  it('return no promise where the set returns none', () => {
    const { slots, swap, setOf } = createDesk();
    swap(setOf('a'));
    expect(slots.infer(ROWS, 1)).not.toBeInstanceOf(Promise);
    swap(setOf('b', { isPromise: true }));
    expect(slots.infer(ROWS, 1)).toBeInstanceOf(Promise);
  });

  it('keep the set before as the fallback, and release the one before that', () => {
    const { slots, swap, setOf, released, told } = createDesk();
    for (const version of ['a', 'b', 'c', 'd']) swap(setOf(version));
    expect([slots.active!.version, released]).toEqual(['d', ['a', 'b']]);
    expect(told).toEqual(['active a', 'active b', 'active c', 'active d']);
  });

  it('set the active version of the halts, and end the degradation of a fallback', () => {
    const { slots, swap, setOf, halts, degradations } = createDesk();
    swap(setOf('a'));
    degradations.add('models').add('redis');
    expect(halts.pairIds).toEqual([]);
    swap(setOf('b'));
    expect([halts.pairIds, [...degradations.names]]).toEqual([['XAUUSD_XAGUSD'], ['redis']]);
    slots.clear();
    expect([slots.active, halts.pairIds]).toEqual([null, []]);
  });

  it('drop the fallback with the models', async () => {
    const { slots, swap, setOf, infer, released } = createDesk();
    swap(setOf('a'));
    swap(setOf('b'));
    swap(null);
    expect([slots.active, released]).toEqual([null, []]);
    swap(setOf('c', { fails: true }));
    expect(await infer()).toBeNull();
    expect(released).toEqual(['c']);
  });

  it.each([false, true])(
    'fall back within the very bar on the set before one that fails (by a promise: %s)',
    async (isPromise) => {
      const { slots, swap, setOf, infer, released, recorded, told, degradations, asked } = createDesk();
      swap(setOf('a', { isPromise }));
      swap(setOf('b', { isPromise, fails: true }));
      expect(await infer()).toBe(1);
      expect([slots.active!.version, released, asked]).toEqual(['a', ['b'], ['b', 'a']]);
      expect(recorded).toEqual(['recorded swap a', 'recorded degraded models']);
      expect(told.at(-1)).toBe('b is broken | b | a');
      expect([...degradations.names]).toEqual(['models']);
    },
  );

  it('have no second fallback', async () => {
    const { slots, swap, setOf, infer, released, recorded, told } = createDesk();
    swap(setOf('a', { fails: true }));
    swap(setOf('b', { fails: true }));
    expect(await infer()).toBeNull();
    expect([slots.active, released]).toEqual([null, ['b', 'a']]);
    expect(recorded).toEqual([
      'recorded swap a',
      'recorded degraded models',
      'recorded swap none',
      'recorded degraded models',
    ]);
    expect(told.slice(-2)).toEqual(['b is broken | b | a', 'a is broken | a | none']);
  });

  it('journal a fallback that ends with another set that waits in the queue', async () => {
    const { slots, swap, setOf, infer, recorded, degradations } = createDesk();
    swap(setOf('a'));
    swap(setOf('b', { fails: true }));
    const next: SwapInput = { kind: 'swap', set: setOf('c') };
    slots.announce(next);
    expect([await infer(), recorded, [...degradations.names]]).toEqual([
      1,
      ['recorded swap a for now', 'recorded degraded models for now'],
      ['models'],
    ]);
    slots.swap(next);
    expect([slots.active!.version, [...degradations.names]]).toEqual(['c', []]);
  });

  it('run a slow set once more and keep it where it is fast then, exactly at the limit too', async () => {
    const { slots, swap, setOf, infer, asked, recorded } = createDesk();
    swap(setOf('a', { tookMs: [SLOW_MS, SLOW_MS + 1, SLOW_MS, SLOW_MS + 0.001, 0] }));
    expect([await infer(), await infer(), await infer(), asked.length]).toEqual([1, 3, 5, 5]);
    expect([slots.active!.version, recorded]).toEqual(['a', []]);
  });

  it.each([false, true])(
    'drop a set that is slow twice in a row right behind the bar, whose answers stand (by a promise: %s)',
    async (isPromise) => {
      const { slots, swap, setOf, infer, apply, recorded, told, released, degradations } = createDesk();
      swap(setOf('a'));
      swap(setOf('b', { tookMs: [60, 70], isPromise }));
      expect(await infer()).toBe(2);
      expect(slots.active!.version).toBe('b');
      expect(recorded).toEqual(['swap a for slow b', 'degraded models']);
      expect(told.at(-1)).toContain('b: 70 ms');
      expect(told.at(-1)).toMatch(/\| b \| a$/);
      apply();
      expect([slots.active!.version, released, [...degradations.names]]).toEqual(['a', ['b'], ['models']]);
      // The set that serves now has no fallback.
      expect(await infer()).toBe(1);
      slots.clear();
      expect(released).toEqual(['b']);
    },
  );

  it.each([false, true])(
    'keep a slow set without a fallback, degraded, ask it once for each bar, and recover with it (by a promise: %s)',
    async (isPromise) => {
      const { slots, swap, setOf, infer, recorded, told, degradations, asked } = createDesk();
      swap(setOf('a', { tookMs: [60, 70, 80, 51, 50, 60, 0], isPromise }));
      expect(await infer()).toBe(2);
      expect(told.at(-1)).toMatch(/a: 70 ms.*\| a \| a$/);
      expect([await infer(), await infer(), [...degradations.names]]).toEqual([3, 4, ['models']]);
      expect(await infer()).toBe(5);
      expect(recorded).toEqual(['degraded models', 'recovered models']);
      expect([told.slice(2), [...degradations.names]]).toEqual([['fast again a'], []]);
      // Asked twice where it is slow, as before.
      expect([await infer(), asked.length, recorded.length, slots.active!.version]).toEqual([7, 7, 2, 'a']);
    },
  );

  it('leave it degraded where it was the fallback of another', async () => {
    const { swap, setOf, infer, recorded, degradations } = createDesk();
    swap(setOf('a', { tookMs: [60, 60, 60, 0] }));
    swap(setOf('b', { fails: true }));
    expect([await infer(), await infer(), await infer()]).toEqual([2, 3, 4]);
    expect(recorded).toEqual(['recorded swap a', 'recorded degraded models', 'degraded models']);
    expect([...degradations.names]).toEqual(['models']);
  });

  it('end a slow set with the next one, even if it is fast again before that takes effect', async () => {
    const { slots, swap, setOf, infer, recorded, degradations } = createDesk();
    swap(setOf('a', { tookMs: [60, 60, 0] }));
    await infer();
    const next: SwapInput = { kind: 'swap', set: setOf('b', { tookMs: [60, 0] }) };
    slots.announce(next);
    expect([await infer(), recorded]).toEqual([3, ['degraded models']]);
    slots.swap(next);
    expect([...degradations.names]).toEqual([]);
    expect([await infer(), recorded]).toEqual([2, ['degraded models']]);
  });

  it('have no models after a slow set that fails', async () => {
    const { slots, swap, setOf, infer } = createDesk();
    swap(setOf('a', { tookMs: [60] }));
    await infer();
    slots.active!.infer = () => {
      throw new Error('broken');
    };
    expect([await infer(), slots.active]).toEqual([null, null]);
  });

  it('do not drop a slow set that a newer one is about to replace', async () => {
    const { slots, swap, setOf, infer, recorded, told } = createDesk();
    swap(setOf('a'));
    swap(setOf('b', { tookMs: [60] }));
    const next: SwapInput = { kind: 'swap', set: setOf('c') };
    slots.announce(next);
    await infer();
    expect([recorded, told]).toEqual([[], ['active a', 'active b']]);
    slots.swap(next);
    // The one before it is its fallback, however slow it was.
    expect(slots.active!.version).toBe('c');
  });

  it('drop nothing else where the slow set is no longer active', () => {
    const { slots, swap, setOf, released } = createDesk();
    const slow = setOf('slow');
    swap(setOf('a'));
    swap(setOf('b'));
    slots.swap({ kind: 'swap', set: null, slow });
    expect([slots.active!.version, released]).toEqual(['b', ['slow']]);
  });

  it('end a fallback with a swap to no models that waits in the queue', async () => {
    const { slots, swap, setOf, infer, recorded } = createDesk();
    swap(setOf('a'));
    swap(setOf('b', { fails: true }));
    const none: SwapInput = { kind: 'swap', set: null };
    slots.announce(none);
    expect([await infer(), recorded[0]]).toEqual([1, 'recorded swap a for now']);
    slots.swap(none);
    swap(setOf('c', { fails: true }));
    expect([await infer(), recorded[2]]).toEqual([null, 'recorded swap none']);
  });

  it('do not count the swap for a slow set among those that wait', async () => {
    const { slots, swap, setOf, infer, recorded } = createDesk();
    swap(setOf('a'));
    slots.announce({ kind: 'swap', set: setOf('x'), slow: setOf('y') });
    swap(setOf('b', { fails: true }));
    await infer();
    expect(recorded).toEqual(['recorded swap a', 'recorded degraded models']);
  });
});
