import { beforeEach, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import { keyedHash, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import { parsePair } from '../../shared/pair.ts';
import type { AnswerContext, MinuteAnswer } from '../decide/answer.ts';
import type { Decider } from '../decide/decider.ts';
import type { MinuteItem } from '../queue/queue.ts';
import { RolloutArms, type RolloutArmsOptions } from './rollout_arms.ts';

const PAIRS = ['AAA_BBB', 'CCC_DDD'].map(parsePair);
const KEY = '0f'.repeat(16);
const OLD = '20260101_0000';
const NEW = '20260102_0000';
const rolloutOf = (share: number, id = 'r1'): ActiveRollout => ({
  id,
  stage: 'pilot',
  share,
  champion: OLD,
  challenger: NEW,
  key: KEY,
  block_minutes: 60,
});
const SCORES = { of: 'challenger' } as unknown as BatchScores;
const HELD: Position = { ...FLAT, side: 1, positionId: 'entered' };

type Infer = () => BatchScores | Promise<BatchScores>;
let calls: unknown[][];
/** Of the batch that is decided. */
let positions: Position[];
let rows: number[];
/** Microseconds that each inference takes. */
let takesUs: number;
let contexts: AnswerContext[];

beforeEach(() => {
  calls = [];
  positions = [FLAT, FLAT];
  rows = [0, 1];
  takesUs = 0;
  contexts = [];
});

const setOf = (version: string, infer: Infer = () => SCORES): ModelSet =>
  ({ version, infer, release: () => Promise.resolve(void calls.push(['release', version])) }) as unknown as ModelSet;
const CHAMPION = setOf(OLD);

function open(): RolloutArms {
  const decider = {
    contextOf: (models: ModelSet, scores: unknown, halted: unknown, encoder: unknown, rollout: unknown) => ({
      models,
      scores,
      halted,
      encoder,
      rollout,
    }),
    decide: (...given: unknown[]) => (calls.push(['decide', ...given]), []),
    decideBy(items: readonly MinuteItem[], contextAt: (pair: number, time: OpenTime, p: Position) => AnswerContext) {
      return items.map(({ minute }) => {
        const context = contextAt(minute.pairIndex, minute.time, positions[minute.pairIndex]!);
        contexts.push(context);
        return { minute, body: { signal_id: `id ${minute.pairIndex}` } };
      });
    },
    answer(context: AnswerContext, minute: { pairIndex: number }, position: Position, id: string) {
      const halts = context.halted.reduce((sum, own) => sum + own, 0);
      const bodyText = `${context.rollout!.arm} ${context.models!.version} age ${position.ageBars} halts ${halts}`;
      const body = { signal_id: id, pair_id: PAIRS[minute.pairIndex]!.id, model_version: 'of the arm' };
      return { minute, body, bodyText, riskProb: 0.5, position: { ...position, ageBars: position.ageBars + 1 } };
    },
  };
  let nowUs = 0;
  return new RolloutArms({
    pairs: PAIRS,
    clock: { nowMs: () => 0, monotonicUs: () => (nowUs += takesUs) },
    matrix: { rowOf: (pairIndex: number) => rows[pairIndex]!, valuesOf: () => 'values', rowPairs: 'row pairs' },
    decider: decider as unknown as Decider,
    halts: {
      mask: Uint8Array.of(1, 0),
      challengerMask: Uint8Array.of(1, 1),
      setChallenger: (version: string | null) => void calls.push(['halts of', version]),
    },
    journal: { shadow: (row: object) => void calls.push(['shadow', row]) },
    slowInferenceMs: 10,
    inputs: () => ({
      recordEarlier: (changes: unknown, replacement: unknown) => void calls.push(['earlier', changes, replacement]),
      apply: (input: unknown) => void calls.push(['apply', input]),
    }),
    observer: { onChallengerFailure: (...given: unknown[]) => void calls.push(['failure', ...given]) },
  } as unknown as RolloutArmsOptions);
}

function running(share: number, infer?: Infer): RolloutArms {
  const arms = open();
  arms.change({ kind: 'rollout', rollout: rolloutOf(share), set: setOf(NEW, infer) });
  calls.splice(0);
  return arms;
}

const itemsAt = (time: number, outcome = 'COMPLETE'): MinuteItem[] =>
  PAIRS.map((_, pairIndex) => ({ minute: { pairIndex, time: time as OpenTime, outcome } }) as unknown as MinuteItem);
const armsAt = (arms: RolloutArms, time: number): string[] => {
  contexts = [];
  arms.decide(itemsAt(time), CHAMPION, null, SCORES);
  return contexts.map(({ rollout }) => rollout!.arm);
};
/** Bodies and versions of what is journaled for the virtual arms at a bar. */
function virtualAt(arms: RolloutArms, time: number, outcome?: string): unknown[] {
  arms.follow(arms.decide(itemsAt(time, outcome), CHAMPION, null, SCORES));
  const shadows = calls.splice(0).filter(([what]) => what === 'shadow');
  return shadows.map(([, row]) => {
    const { pairId, modelVersion, body, signalId, time: at } = row as Record<string, unknown>;
    expect([signalId, at]).toEqual([`id ${PAIRS.findIndex(({ id }) => id === pairId)}`, time]);
    return `${String(pairId)} ${String(modelVersion)}: ${String(body)}`;
  });
}

describe('the arms of a rollout', () => {
  it('are active while the active models are its champion', () => {
    const arms = open();
    expect([arms.rollout, arms.isActive(CHAMPION)]).toEqual([null, false]);
    arms.change({ kind: 'rollout', rollout: rolloutOf(0.5), set: setOf(NEW) });
    expect(arms.rollout).toEqual(rolloutOf(0.5));
    expect([CHAMPION, setOf(NEW), null].map((set) => arms.isActive(set))).toEqual([true, false, false]);
    arms.decide(itemsAt(60), null, SCORES, null);
    expect(calls).toEqual([
      ['halts of', NEW],
      ['decide', itemsAt(60), null, SCORES, Uint8Array.of(1, 0)],
    ]);
  });

  it('answer a unit each by the hash of its pair and block, a position by the arm that opened it', () => {
    const arms = running(0.5);
    const hash = keyedHash(KEY);
    for (let time = 0; time < 50 * 3600; time += 1800) {
      const expected = PAIRS.map(({ id }) =>
        hash(`${id}|${Math.floor(time / 3600)}`) < 2 ** 31 ? 'challenger' : 'champion',
      );
      expect(armsAt(arms, time)).toEqual(expected);
    }
    positions = [{ ...HELD, rollout: 'r1' }, HELD];
    for (const share of [0, 1]) expect(armsAt(running(share), 60)).toEqual(['challenger', 'champion']);
    positions = [{ ...HELD, rollout: 'r0' }, FLAT];
    expect(armsAt(running(1), 60)).toEqual(['champion', 'challenger']);
  });

  it('have models, scores, halts and an encoder of their own', () => {
    const arms = running(0);
    positions = [HELD, { ...HELD, rollout: 'r1' }];
    const own = { of: 'champion' } as unknown as BatchScores;
    arms.decide(itemsAt(60), CHAMPION, own, SCORES);
    expect(contexts).toMatchObject([
      { models: { version: OLD }, scores: own, halted: Uint8Array.of(1, 0), rollout: { id: 'r1', arm: 'champion' } },
      {
        models: { version: NEW },
        scores: SCORES,
        halted: Uint8Array.of(1, 1),
        rollout: { id: 'r1', arm: 'challenger' },
      },
    ]);
    expect([contexts[0]!.encoder === undefined, contexts[1]!.encoder === undefined]).toEqual([true, false]);
  });

  it('both answer every scored bar virtually, without halts, with positions that stay from stage to stage', () => {
    const arms = running(0.1);
    const lines = (age: number, pairs = PAIRS): string[] =>
      pairs.flatMap(({ id }) => [
        `${id} ${OLD}@r1: champion ${OLD} age ${age} halts 0`,
        `${id} ${NEW}@r1: challenger ${NEW} age ${age} halts 0`,
      ]);
    expect(virtualAt(arms, 60)).toEqual(lines(0));
    expect(virtualAt(arms, 120)).toEqual(lines(1));
    expect(virtualAt(arms, 180, 'SILENCE')).toEqual([]);
    arms.change({ kind: 'rollout', rollout: rolloutOf(0.3), set: setOf(NEW) });
    expect(virtualAt(arms, 180)).toEqual(lines(2));
    arms.restart();
    arms.follow([{ minute: itemsAt(240)[0]!.minute, body: {} } as MinuteAnswer]);
    arms.change({ kind: 'rollout', rollout: rolloutOf(0.3), set: setOf(NEW) });
    expect(virtualAt(arms, 240)).toEqual(lines(3));
    rows = [-1, 0];
    expect(virtualAt(arms, 300)).toEqual(lines(4, [PAIRS[1]!]));
    // Nothing was decided since.
    arms.follow([{ minute: itemsAt(360)[1]!.minute, body: {} } as MinuteAnswer]);
    expect(calls).toEqual([]);
  });

  it('begin a rollout with the positions that are given, and release the challenger before', () => {
    const arms = running(0.1);
    virtualAt(arms, 60);
    const aged = (ageBars: number) => new Map([['CCC_DDD', { ...HELD, ageBars }]]);
    arms.change({
      kind: 'rollout',
      rollout: rolloutOf(0.1, 'r2'),
      set: setOf(NEW),
      positions: { champion: aged(5), challenger: aged(7) },
    });
    expect(calls.splice(0)).toEqual([
      ['release', NEW],
      ['halts of', NEW],
    ]);
    expect(virtualAt(arms, 120)).toEqual([
      `AAA_BBB ${OLD}@r2: champion ${OLD} age 0 halts 0`,
      `AAA_BBB ${NEW}@r2: challenger ${NEW} age 0 halts 0`,
      `CCC_DDD ${OLD}@r2: champion ${OLD} age 5 halts 0`,
      `CCC_DDD ${NEW}@r2: challenger ${NEW} age 7 halts 0`,
    ]);
    arms.change({ kind: 'rollout', rollout: null, set: null });
    expect([arms.rollout, calls]).toEqual([
      null,
      [
        ['release', NEW],
        ['halts of', null],
      ],
    ]);
  });

  it('keep a challenger that stays, and end without one', () => {
    const arms = open();
    const challenger = setOf(NEW);
    for (const share of [0.1, 0.3]) arms.change({ kind: 'rollout', rollout: rolloutOf(share), set: challenger });
    expect([arms.rollout!.share, calls.filter(([what]) => what === 'release')]).toEqual([0.3, []]);
    arms.restart();
    expect([arms.rollout, calls.at(-1)]).toEqual([null, ['halts of', null]]);
    calls.splice(0);
    arms.restart();
    expect(calls).toEqual([]);
    arms.change({ kind: 'rollout', rollout: rolloutOf(0.1), set: null });
    expect(arms.rollout).toBeNull();
  });

  it('expect the models of the next bar', () => {
    const next = (arms: RolloutArms, active: ModelSet | null, position = FLAT, time = 60): string | undefined =>
      arms.nextModels({ minute: { pairIndex: 0, time }, position } as unknown as MinuteAnswer, active)?.version;
    expect([next(running(1), CHAMPION), next(running(0), CHAMPION), next(running(1), null)]).toEqual([
      ...[NEW, OLD, undefined],
    ]);
    expect(next(running(0), CHAMPION, { ...HELD, rollout: 'r1' })).toBe(NEW);
    const arms = running(0.5);
    const hash = keyedHash(KEY);
    for (let block = 0; block < 20; block++) {
      const expected = hash(`AAA_BBB|${block}`) < 2 ** 31 ? NEW : OLD;
      expect(next(arms, CHAMPION, FLAT, 3600 * block - 60)).toBe(expected);
    }
  });
});

const FAILED = { kind: 'rollout', rollout: null, set: null, failed: 'r1' };

describe('the inference of a challenger', () => {
  it('gives its scores at once or later, and none where nothing is to be scored', async () => {
    expect(running(0.5).infer(CHAMPION, 2)).toBe(SCORES);
    expect(await running(0.5, () => Promise.resolve(SCORES)).infer(CHAMPION, 2)).toBe(SCORES);
    expect([running(0.5).infer(CHAMPION, 0), running(0.5).infer(null, 2), open().infer(CHAMPION, 2)]).toEqual([
      ...[null, null, null],
    ]);
    let given: unknown[] = [];
    void running(0.5, (...own: unknown[]) => ((given = own), SCORES)).infer(CHAMPION, 2);
    expect(given).toEqual(['values', 2, undefined, 'row pairs']);
  });

  it('ends the rollout when it fails, which has taken effect for this bar already', async () => {
    const error = new Error('broken');
    const fail = (): never => {
      throw error;
    };
    for (const infer of [fail, () => Promise.reject(error)]) {
      const arms = running(0.5, infer);
      expect(await arms.infer(CHAMPION, 2)).toBeNull();
      expect(arms.rollout).toBeNull();
      expect(calls.splice(0)).toEqual([
        ['earlier', [FAILED], 'none'],
        ['failure', error, expect.objectContaining({ version: NEW }), 'r1'],
        ['release', NEW],
        ['halts of', null],
      ]);
    }
  });

  it('ends the rollout when it is too slow twice in a row, once', () => {
    const arms = running(0.5);
    const inferIn = (us: number): number => {
      takesUs = us;
      expect(arms.infer(CHAMPION, 2)).toBe(SCORES);
      return calls.length;
    };
    expect([10_001, 10_000, 10_001].map(inferIn)).toEqual([0, 0, 0]);
    expect([20_400, 20_400].map(inferIn)).toEqual([2, 2]);
    expect(calls[0]).toEqual(['apply', FAILED]);
    expect(calls[1]).toEqual([
      'failure',
      expect.objectContaining({ code: 'MODEL_SLOW', seen: `${NEW}: 20 ms`, expected: 'at most 10 ms' }),
      expect.objectContaining({ version: NEW }),
      'r1',
    ]);
    // Another stage counts from 0.
    const again = running(0.5);
    takesUs = 20_000;
    void again.infer(CHAMPION, 2);
    again.change({ kind: 'rollout', rollout: rolloutOf(0.7), set: setOf(NEW) });
    calls.splice(0);
    void again.infer(CHAMPION, 2);
    expect(calls).toEqual([]);
  });
});
