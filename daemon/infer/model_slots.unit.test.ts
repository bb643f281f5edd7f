import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../shared/bar.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { OWN_SERVICE } from '../../shared/bundle/direction/own_service.fixture.ts';
import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import { parsePair } from '../../shared/pair.ts';
import { DegradationSet } from '../queue/degradation_set.ts';
import type { DirectionInput, Input, InputSink, SwapInput } from '../queue/input.ts';
import { DirectionSlots } from './direction_slots.ts';
import { HaltedPairs } from './halted_pairs.ts';
import { ModelSlots } from './model_slots.ts';

const SLOW_MS = 50;
const MATRIX = new Float32Array(4);
const ROWS = { valuesOf: () => MATRIX };
const HOURLY = {
  barSeconds: 3600,
  timeframe: '1h',
  featureSchema: '',
  values: MATRIX,
  valuesOf: () => MATRIX,
} as const;

interface Answers {
  /** Milliseconds that each call takes; the last one for all that follow. */
  readonly tookMs?: readonly number[];
  readonly isPromise?: boolean;
  readonly fails?: boolean;
}

type Version = { readonly version: string } | { readonly manifest: { readonly version: string } };

const versionOf = (model: Version): string => ('version' in model ? model.version : model.manifest.version);

/** What both kinds of slots are given, and what they say: models by their versions. */
function createFacts(isSwap: (input: Input) => input is SwapInput | DirectionInput, announce: (input: never) => void) {
  const recorded: string[] = [];
  const told: string[] = [];
  const asked: string[] = [];
  const pending: (SwapInput | DirectionInput)[] = [];
  const degradations = new DegradationSet();
  const time = { nowUs: 0 };
  const textOf = (input: Input): string => {
    if (!isSwap(input)) return `${input.kind} ${(input as { what: string }).what}`;
    const to = input.set === null ? 'none' : versionOf(input.set);
    return `swap ${to}${input.slow === undefined ? '' : ` for slow ${versionOf(input.slow)}`}`;
  };
  const inputs = (): InputSink => ({
    recordEarlier: (changes, replacement) =>
      void recorded.push(
        ...changes.map((input) => `recorded ${textOf(input)}${replacement === 'waits' ? ' for now' : ''}`),
      ),
    apply: (input) => {
      recorded.push(textOf(input));
      if (isSwap(input)) {
        announce(input as never);
        pending.push(input);
      }
      if (input.kind === 'degraded') degradations.add(input.what, input.scope);
      if (input.kind === 'recovered') degradations.delete(input.what, input.scope);
    },
  });
  /** The answer of a call is its number. */
  const callOf = (version: string, { tookMs = [0], fails = false }: Answers): (() => () => number) => {
    let calls = 0;
    return () => {
      asked.push(version);
      time.nowUs += 1000 * tookMs[Math.min(calls, tookMs.length - 1)]!;
      const answer = ++calls;
      return () => {
        if (fails) throw new Error(`${version} is broken`);
        return answer;
      };
    };
  };
  return {
    recorded,
    told,
    asked,
    pending,
    degradations,
    inputs,
    callOf,
    clock: { nowMs: () => 0 as EpochMs, monotonicUs: () => time.nowUs },
    onFailure: (error: unknown, failed: Version, fallback: Version | null) =>
      void told.push(
        `${(error as Error).message} | ${versionOf(failed)} | ${fallback === null ? 'none' : versionOf(fallback)}`,
      ),
  };
}

/** Slots of pairs whose journal is applied as the queue does, at once or when `apply` is called. */
function createDesk() {
  const released: string[] = [];
  const halts = new HaltedPairs([parsePair('XAUUSD_XAGUSD')]);
  halts.setHalts([{ pair_id: 'XAUUSD_XAGUSD', version: 'b' }]);
  const facts = createFacts(
    (input) => input.kind === 'swap',
    (input) => slots.announce(input),
  );
  const { told, pending } = facts;
  const slots: ModelSlots = new ModelSlots({
    clock: facts.clock,
    slowInferenceMs: SLOW_MS,
    halts,
    degradations: facts.degradations,
    inputs: facts.inputs,
    observer: {
      onSwap: ({ version }) => void told.push(`active ${version}`),
      onModelFailure: facts.onFailure,
      onModelRecovery: ({ version }) => void told.push(`fast again ${version}`),
    },
  });
  const setOf = (version: string, answers: Answers = {}): ModelSet => {
    const call = facts.callOf(version, answers);
    const infer = (matrix: Float32Array, rows: number): BatchScores | Promise<BatchScores> => {
      expect([matrix, rows]).toEqual([MATRIX, 1]);
      const answer = call();
      const work = (): BatchScores => ({ return_prob: Float64Array.of(answer()) }) as unknown as BatchScores;
      return answers.isPromise === true ? Promise.resolve().then(work) : work();
    };
    const release = (): Promise<void> => {
      released.push(version);
      // A set that cannot be released is ignored.
      return Promise.reject(new Error('cannot be released'));
    };
    return { version, infer, release } as unknown as ModelSet;
  };
  const announce = (set: ModelSet | null): SwapInput => {
    const input: SwapInput = { kind: 'swap', set };
    slots.announce(input);
    return input;
  };
  return {
    ...facts,
    slots,
    setOf,
    halts,
    released,
    announce,
    swap: (set: ModelSet | null): void => slots.swap(announce(set)),
    /** Applies an announced swap. */
    finish: (input: SwapInput): void => slots.swap(input),
    active: (): string | null => slots.active?.version ?? null,
    /** Applies the waiting inputs. */
    apply: () => {
      for (const input of pending.splice(0)) slots.swap(input as SwapInput);
    },
    /** The number of the call that was answered; null = nothing could score. */
    infer: async (rows = 1): Promise<number | null> => (await slots.infer(ROWS, rows))?.return_prob[0] ?? null,
    degradation: 'models',
  };
}

/** The same of the direction models of hourly instruments. @param isPromise all answer by promises */
function createDirectionDesk(isPromise = false) {
  const released: string[] = [];
  const facts = createFacts(
    (input) => input.kind === 'direction',
    (input) => slots.announce(input),
  );
  const { told, pending } = facts;
  const slots: DirectionSlots = new DirectionSlots({
    clock: facts.clock,
    slowInferenceMs: SLOW_MS,
    degradations: facts.degradations,
    inputs: facts.inputs,
    observer: {
      onDirectionSwap: ({ manifest }) => void told.push(`active ${manifest.version}`),
      onDirectionFailure: facts.onFailure,
      onDirectionRecovery: ({ manifest }) => void told.push(`fast again ${manifest.version}`),
    },
  });
  const setOf = (version: string, answers: Answers = {}): DirectionModel => {
    const call = facts.callOf(version, answers);
    const manifest = { version } as DirectionModel['manifest'];
    const infer = (): Float64Array | Promise<Float64Array> => {
      const answer = call();
      const work = (): Float64Array => Float64Array.of(answer(), 0, 0);
      return isPromise ? Promise.resolve().then(work) : work();
    };
    const release = (): Promise<void> => {
      released.push(version);
      return Promise.reject(new Error('cannot be released'));
    };
    return { manifest, modelsHash: version, check: { rows: 0, largestDifference: 0 }, ...OWN_SERVICE, infer, release };
  };
  const announce = (set: DirectionModel | null): DirectionInput => {
    const input: DirectionInput = { kind: 'direction', timeframe: '1h', set };
    slots.announce(input);
    return input;
  };
  return {
    ...facts,
    setOf,
    announce,
    swap: (set: DirectionModel | null): void => slots.swap(announce(set)),
    finish: (input: DirectionInput): void => slots.swap(input),
    active: (): string | null => slots.versions['1h'] ?? null,
    apply: () => {
      for (const input of pending.splice(0)) slots.swap(input as DirectionInput);
    },
    infer: async (rows = 1): Promise<number | null> =>
      (await slots.infer({ ...HOURLY, rows })).probabilities?.[0] ?? null,
    slots,
    released,
    degradation: 'direction_models',
  };
}

/** What the suite needs of either. */
interface Desk<Model, Swap> {
  readonly recorded: string[];
  readonly told: string[];
  readonly asked: string[];
  readonly degradations: DegradationSet;
  readonly degradation: string;
  setOf(version: string, answers?: Answers): Model;
  announce(set: Model | null): Swap;
  swap(set: Model | null): void;
  finish(input: Swap): void;
  active(): string | null;
  apply(): void;
  infer(rows?: number): Promise<number | null>;
}

describe.each([
  { strategy: 'pairs', open: createDesk as unknown as () => Desk<unknown, unknown> },
  { strategy: 'direction', open: createDirectionDesk as unknown as () => Desk<unknown, unknown> },
  {
    strategy: 'direction by promises',
    open: (() => createDirectionDesk(true)) as unknown as () => Desk<unknown, unknown>,
  },
])('slots of $strategy', ({ open }) => {
  it('score nothing without a set or without rows', async () => {
    const { active, swap, setOf, infer, asked } = open();
    expect([active(), await infer()]).toEqual([null, null]);
    swap(setOf('a'));
    expect([await infer(0), asked]).toEqual([null, []]);
    expect(await infer()).toBe(1);
  });

  it('tell each set that becomes active, and end the degradation of a fallback with it', () => {
    const { active, swap, setOf, told, degradations, degradation } = open();
    swap(setOf('a'));
    degradations.add(degradation as 'models', degradation === 'models' ? undefined : '1h').add('redis');
    swap(setOf('b'));
    expect([active(), [...degradations.names]]).toEqual(['b', ['redis']]);
    expect(told).toEqual(['active a', 'active b']);
  });

  it('drop the fallback with the models', async () => {
    const { active, swap, setOf, infer } = open();
    swap(setOf('a'));
    swap(setOf('b'));
    swap(null);
    expect(active()).toBeNull();
    swap(setOf('c', { fails: true }));
    expect(await infer()).toBeNull();
  });

  it('fall back within the very bar on the set before one that fails', async () => {
    const { active, swap, setOf, infer, recorded, told, degradations, degradation, asked } = open();
    swap(setOf('a'));
    swap(setOf('b', { fails: true }));
    expect(await infer()).toBe(1);
    expect([active(), asked]).toEqual(['a', ['b', 'a']]);
    expect(recorded).toEqual(['recorded swap a', `recorded degraded ${degradation}`]);
    expect(told.at(-1)).toBe('b is broken | b | a');
    expect([...degradations.names]).toEqual([degradation]);
  });

  it('have no second fallback', async () => {
    const { active, swap, setOf, infer, recorded, told, degradation } = open();
    swap(setOf('a', { fails: true }));
    swap(setOf('b', { fails: true }));
    expect([await infer(), active()]).toEqual([null, null]);
    expect(recorded).toEqual([
      'recorded swap a',
      `recorded degraded ${degradation}`,
      'recorded swap none',
      `recorded degraded ${degradation}`,
    ]);
    expect(told.slice(-2)).toEqual(['b is broken | b | a', 'a is broken | a | none']);
  });

  it('journal a fallback that ends with another set that waits in the queue', async () => {
    const { active, announce, finish, swap, setOf, infer, recorded, degradations, degradation } = open();
    swap(setOf('a'));
    swap(setOf('b', { fails: true }));
    const next = announce(setOf('c'));
    expect([await infer(), recorded, [...degradations.names]]).toEqual([
      1,
      ['recorded swap a for now', `recorded degraded ${degradation} for now`],
      [degradation],
    ]);
    finish(next);
    expect([active(), [...degradations.names]]).toEqual(['c', []]);
  });

  it('run a slow set once more and keep it where it is fast then, exactly at the limit too', async () => {
    const { active, swap, setOf, infer, asked, recorded } = open();
    swap(setOf('a', { tookMs: [SLOW_MS, SLOW_MS + 1, SLOW_MS, SLOW_MS + 0.001, 0] }));
    expect([await infer(), await infer(), await infer(), asked.length]).toEqual([1, 3, 5, 5]);
    expect([active(), recorded]).toEqual(['a', []]);
  });

  it('drop a set that is slow twice in a row right behind the bar, whose answers stand', async () => {
    const { active, swap, setOf, infer, apply, recorded, told, degradations, degradation } = open();
    swap(setOf('a'));
    swap(setOf('b', { tookMs: [60, 70] }));
    expect(await infer()).toBe(2);
    expect(active()).toBe('b');
    expect(recorded).toEqual(['swap a for slow b', `degraded ${degradation}`]);
    expect(told.at(-1)).toContain('b: 70 ms');
    expect(told.at(-1)).toMatch(/\| b \| a$/);
    apply();
    expect([active(), [...degradations.names]]).toEqual(['a', [degradation]]);
    // The set that serves now has no fallback.
    expect(await infer()).toBe(1);
  });

  it('keep a slow set without a fallback, degraded, ask it once for each bar, and recover with it', async () => {
    const { active, swap, setOf, infer, recorded, told, degradations, degradation, asked } = open();
    swap(setOf('a', { tookMs: [60, 70, 80, 51, 50, 60, 0] }));
    expect(await infer()).toBe(2);
    expect(told.at(-1)).toMatch(/a: 70 ms.*\| a \| a$/);
    expect([await infer(), await infer(), [...degradations.names]]).toEqual([3, 4, [degradation]]);
    expect(await infer()).toBe(5);
    expect(recorded).toEqual([`degraded ${degradation}`, `recovered ${degradation}`]);
    expect([told.slice(2), [...degradations.names]]).toEqual([['fast again a'], []]);
    // Asked twice where it is slow, as before.
    expect([await infer(), asked.length, recorded.length, active()]).toEqual([7, 7, 2, 'a']);
  });

  it('leave it degraded where it was the fallback of another', async () => {
    const { swap, setOf, infer, recorded, degradations, degradation } = open();
    swap(setOf('a', { tookMs: [60, 60, 60, 0] }));
    swap(setOf('b', { fails: true }));
    expect([await infer(), await infer(), await infer()]).toEqual([2, 3, 4]);
    expect(recorded).toEqual(['recorded swap a', `recorded degraded ${degradation}`, `degraded ${degradation}`]);
    expect([...degradations.names]).toEqual([degradation]);
  });

  it('end a slow set with the next one, even if it is fast again before that takes effect', async () => {
    const { announce, finish, swap, setOf, infer, recorded, degradations, degradation } = open();
    swap(setOf('a', { tookMs: [60, 60, 0] }));
    await infer();
    const next = announce(setOf('b', { tookMs: [60, 0] }));
    expect([await infer(), recorded]).toEqual([3, [`degraded ${degradation}`]]);
    finish(next);
    expect([...degradations.names]).toEqual([]);
    expect([await infer(), recorded]).toEqual([2, [`degraded ${degradation}`]]);
  });

  it('do not drop a slow set that a newer one is about to replace', async () => {
    const { active, announce, finish, swap, setOf, infer, recorded, told } = open();
    swap(setOf('a'));
    swap(setOf('b', { tookMs: [60] }));
    const next = announce(setOf('c'));
    await infer();
    expect([recorded, told]).toEqual([[], ['active a', 'active b']]);
    finish(next);
    // The one before it is its fallback, however slow it was.
    expect(active()).toBe('c');
  });

  it('end a fallback with a swap to no models that waits in the queue', async () => {
    const { announce, finish, swap, setOf, infer, recorded } = open();
    swap(setOf('a'));
    swap(setOf('b', { fails: true }));
    const none = announce(null);
    expect([await infer(), recorded[0]]).toEqual([1, 'recorded swap a for now']);
    finish(none);
    swap(setOf('c', { fails: true }));
    expect([await infer(), recorded[2]]).toEqual([null, 'recorded swap none']);
  });
});

describe('slots of direction alone', () => {
  it('return no promise where the model returns none', () => {
    const atOnce = createDirectionDesk();
    atOnce.swap(atOnce.setOf('a'));
    expect(atOnce.slots.infer({ ...HOURLY, rows: 1 })).not.toBeInstanceOf(Promise);
    const later = createDirectionDesk(true);
    later.swap(later.setOf('a'));
    expect(later.slots.infer({ ...HOURLY, rows: 1 })).toBeInstanceOf(Promise);
  });

  it('keep the model before as the fallback, and release the one before that and one that fails', async () => {
    const { swap, setOf, infer, released, active } = createDirectionDesk(true);
    for (const version of ['a', 'b', 'c']) swap(setOf(version));
    expect(released).toEqual(['a']);
    swap(setOf('d', { fails: true }));
    expect([await infer(), active(), released]).toEqual([1, 'c', ['a', 'b', 'd']]);
  });
});

describe('slots of pairs alone', () => {
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

  it('have no models after a slow set that fails', async () => {
    const { slots, swap, setOf, infer } = createDesk();
    swap(setOf('a', { tookMs: [60] }));
    await infer();
    slots.active!.infer = () => {
      throw new Error('broken');
    };
    expect([await infer(), slots.active]).toEqual([null, null]);
  });

  it('drop nothing else where the slow set is no longer active', () => {
    const { slots, swap, setOf, released } = createDesk();
    const slow = setOf('slow');
    swap(setOf('a'));
    swap(setOf('b'));
    slots.swap({ kind: 'swap', set: null, slow });
    expect([slots.active!.version, released]).toEqual(['b', ['slow']]);
  });

  it('do not count the swap for a slow set among those that wait', async () => {
    const { slots, swap, setOf, infer, recorded } = createDesk();
    swap(setOf('a'));
    slots.announce({ kind: 'swap', set: setOf('x'), slow: setOf('y') });
    swap(setOf('b', { fails: true }));
    await infer();
    expect(recorded).toEqual(['recorded swap a', 'recorded degraded models']);
  });

  it('answer, fall back and drop a slow set by promises as they do at once, and release what they drop', async () => {
    const failing = createDesk();
    failing.swap(failing.setOf('a', { isPromise: true }));
    failing.swap(failing.setOf('b', { isPromise: true, fails: true }));
    expect(await failing.infer()).toBe(1);
    expect([failing.active(), failing.released, failing.asked]).toEqual(['a', ['b'], ['b', 'a']]);
    const slow = createDesk();
    slow.swap(slow.setOf('a'));
    slow.swap(slow.setOf('b', { tookMs: [60, 70], isPromise: true }));
    expect(await slow.infer()).toBe(2);
    slow.apply();
    expect([slow.active(), slow.released]).toEqual(['a', ['b']]);
    slow.slots.clear();
    expect(slow.released).toEqual(['b']);
    const only = createDesk();
    only.swap(only.setOf('a', { tookMs: [60, 70, 80, 50], isPromise: true }));
    expect([await only.infer(), await only.infer(), await only.infer()]).toEqual([2, 3, 4]);
    expect(only.recorded).toEqual(['degraded models', 'recovered models']);
  });

  it('release failed sets in the order in which they fail, and the last one with the models', async () => {
    const { swap, setOf, infer, released } = createDesk();
    swap(setOf('a', { fails: true }));
    swap(setOf('b', { fails: true }));
    expect([await infer(), released]).toEqual([null, ['b', 'a']]);
  });
});
