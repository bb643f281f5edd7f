import { describe, expect, it } from 'vitest';
import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import { tradingCosts } from '../../shared/policy/costs.ts';
import { decisionPolicy } from '../../shared/policy/policy.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';
import type { ShadowRow } from '../../shared/store/journal.ts';
import type { MinuteAnswer } from '../decide/answer.ts';
import { Decider } from '../decide/decider.ts';
import type { Journal } from '../journal/journal.ts';
import type { MinuteItem } from '../queue/queue.ts';
import { FeatureMatrix } from '../features/feature_matrix.ts';
import { readSeries } from '../features/series_reader.ts';
import { SeriesBook } from '../../shared/core/series/series_book.ts';
import { allPairs, itemOf, MARKET, PAIRS, SCHEMA, settings, WARMUP } from './market_minutes.fixture.ts';
import { Shadow } from './shadow.ts';

/** A warm desk with a shadow, whose journal and failures are kept. */
function createDesk() {
  const matrix = new FeatureMatrix(
    PAIRS,
    settings.minutehand.windows,
    SCHEMA.definitions.length,
    readSeries(new SeriesBook()),
  );
  const rows: ShadowRow[] = [];
  const failures: string[] = [];
  const released: string[] = [];
  const journal = { shadow: (row: ShadowRow) => void rows.push(row) } as unknown as Journal;
  const decider = new Decider({
    pairs: PAIRS,
    schema: SCHEMA,
    policy: decisionPolicy(settings),
    policyHash: 'policy',
    costs: tradingCosts(settings),
    matrix,
    degradations: { isPairDegraded: false, isSubjectDegraded: () => false },
  });
  const onShadowFailure = (error: unknown, { version }: { readonly version: string }): void =>
    void failures.push(`${version}: ${(error as Error).message}`);
  const shadow = new Shadow({ pairs: PAIRS, matrix, decider, journal, observer: { onShadowFailure } });
  for (let bar = 0; bar < WARMUP; bar++) matrix.step(allPairs(bar));
  const setOf = (version: string, work: (rows: number) => BatchScores | Promise<BatchScores>): ModelSet =>
    ({
      version,
      modelsHash: version,
      schema: SCHEMA,
      theta1: 0.5,
      theta2: 0.7,
      hasEdge: () => true,
      infer: (values: Float32Array, count: number) => {
        expect(values).toBe(matrix.values);
        return work(count);
      },
      release: () => (released.push(version), Promise.resolve()),
    }) as unknown as ModelSet;
  return {
    shadow,
    setOf,
    rows,
    failures,
    released,
    /** Publishes these minutes under ids of their own, and has the shadow follow. */
    async follow(items: readonly MinuteItem[]): Promise<void> {
      const count = matrix.step(items);
      const answers = items.map(
        ({ minute }) => ({ minute, body: { signal_id: `published ${minute.pairIndex}` } }) as unknown as MinuteAnswer,
      );
      await shadow.follow(answers, count);
    },
  };
}

const scoresOf = (count: number): BatchScores => ({
  return_prob: new Float64Array(count).fill(0.9),
  risk_prob: new Float64Array(count).fill(0.4),
  risk_score: new Float64Array(count).fill(0.99),
  position_scale: new Float64Array(count).fill(0.5),
  result_sigmas: new Float64Array(count).fill(NaN),
});
const bodyOf = ({ body }: ShadowRow): SignalBody => JSON.parse(`${body}}`) as SignalBody;

describe('a shadow', () => {
  it.each([false, true])(
    'journals its answers to complete minutes under the ids that were published (by a promise: %s)',
    async (isPromise) => {
      const { shadow, setOf, rows, follow } = createDesk();
      expect(shadow.isPresent).toBe(false);
      shadow.swap({
        kind: 'shadow',
        slot: 'pairs',
        set: setOf('s', (count) => (isPromise ? Promise.resolve(scoresOf(count)) : scoresOf(count))),
      });
      expect(shadow.isPresent).toBe(true);
      await follow([itemOf(WARMUP, 2), itemOf(WARMUP, 0, 'LEG_MISSING'), itemOf(WARMUP, 1, 'SILENCE')]);
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({
        signalId: 'published 2',
        pairId: PAIRS[2]!.id,
        time: MARKET[WARMUP]!.time,
        modelVersion: 's',
        riskProb: 0.4,
      });
      expect(bodyOf(rows[0]!)).toMatchObject({ return_prob: 0.9, risk_score: 0.99, model_version: 's', mode: 'OK' });
    },
  );

  it('has its own positions, which it receives with the set and which age', async () => {
    const { shadow, setOf, rows, follow } = createDesk();
    const held: Position = { ...FLAT, side: -1, positionId: 'of the shadow', entryZ: 1e9, zStd: 1e-9, ageBars: 2 };
    const set = setOf('s', (count) => ({ ...scoresOf(count), risk_score: new Float64Array(count).fill(0.1) }));
    const positions = new Map([[PAIRS[1]!.id, held]]);
    shadow.swap({ kind: 'shadow', slot: 'pairs', set, positions });
    for (const bar of [0, 1]) await follow(allPairs(WARMUP + bar));
    const own = rows.filter(({ pairId }) => pairId === PAIRS[1]!.id);
    // Its answer depends on the market; that it continues from its own position does not.
    expect(bodyOf(own[0]!).position_id).toBe('of the shadow');
    const first = JSON.parse(own[0]!.position) as Position;
    if (first.side !== 0) expect((JSON.parse(own[1]!.position) as Position).ageBars).toBe(4);
    expect(
      rows.filter(({ pairId, position }) => pairId !== PAIRS[1]!.id && position.includes('of the shadow')),
    ).toEqual([]);
    shadow.swap({ kind: 'shadow', slot: 'pairs', set: setOf('t', scoresOf) });
    rows.splice(0);
    await follow([itemOf(WARMUP + 2, 1)]);
    expect(bodyOf(rows[0]!).position_id).not.toBe('of the shadow');
  });

  it('releases the set before', () => {
    const { shadow, setOf, released } = createDesk();
    shadow.swap({ kind: 'shadow', slot: 'pairs', set: null });
    shadow.swap({ kind: 'shadow', slot: 'pairs', set: setOf('s', scoresOf) });
    expect(released).toEqual([]);
    shadow.swap({ kind: 'shadow', slot: 'pairs', set: setOf('t', scoresOf) });
    expect([released, shadow.isPresent]).toEqual([['s'], true]);
    shadow.swap({ kind: 'shadow', slot: 'pairs', set: null });
    expect([released, shadow.isPresent]).toEqual([['s', 't'], false]);
  });

  it.each([false, true])('that fails is released and reported once (by a promise: %s)', async (isPromise) => {
    const { shadow, setOf, rows, failures, released, follow } = createDesk();
    const fail = (): Promise<BatchScores> => {
      if (isPromise) return Promise.reject(new Error('broken'));
      throw new Error('broken');
    };
    shadow.swap({ kind: 'shadow', slot: 'pairs', set: setOf('s', fail) });
    await follow(allPairs(WARMUP));
    expect([failures, released, shadow.isPresent, rows]).toEqual([['s: broken'], ['s'], false, []]);
  });
});
