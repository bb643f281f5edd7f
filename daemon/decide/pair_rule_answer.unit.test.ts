import { beforeAll, describe, expect, it } from 'vitest';
import type { Bar } from '../../shared/bar.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import { agePosition, FLAT, openPosition, type Position } from '../../shared/core/position/position.ts';
import { SeriesBook } from '../../shared/core/series/series_book.ts';
import { pairLabel, parsePair } from '../../shared/pair.ts';
import { tradingCosts } from '../../shared/policy/costs.ts';
import { decisionPolicy, type Settings } from '../../shared/policy/policy.ts';
import { createBodyEncoder } from '../../shared/signal/body_encoder/body_encoder.ts';
import { encodeBody } from '../../shared/signal/encode.ts';
import { tinyBars, tinySettings } from '../../test/tiny_settings.ts';
import type { AnsweredMinute } from '../align/minute.ts';
import { FeatureMatrix } from '../features/feature_matrix.ts';
import { readSeries } from '../features/series_reader.ts';
import { byMinute } from '../pipeline.fixture.ts';
import type { AnswerContext, MinuteAnswer } from './answer.ts';
import { Decider } from './decider.ts';
import { answerPairByRule, type PairRule, type PairRuleBar } from './pair_rule_answer.ts';
import { CLOSING, HALTED, STOPPED } from './standing_bits.ts';

const settings = tinySettings({ core: { require_edge: false } });
const { windows } = settings.minutehand;
const PAIR = parsePair(settings.minutehand.pairs[0]!);
const SCHEMA = featureSchema(windows);
const WARMUP = warmupBars(windows);
const VERSION = '20260101_0000';

let market: ReturnType<typeof byMinute>;
beforeAll(() => {
  market = byMinute(tinyBars(settings, 600)).filter(({ bars }) => bars.length === 6);
});

/** Enters where it has no position, and holds the one it has for 3 bars. */
const ENTERS: PairRule = {
  version: VERSION,
  noEdge: false,
  isWarm: true,
  maxAgeBars: 3,
  decide(position, { frame }, id, time) {
    if (position.side === 0) return { action: 'ENTER', reason: 'ENTRY', position: openPosition(1, id, time, frame) };
    const aged = agePosition(position);
    return aged.ageBars >= 3
      ? { action: 'EXIT', reason: 'MAX_AGE', position: FLAT }
      : { action: 'HOLD', reason: 'IN_POSITION', position: aged };
  },
};

interface Bench {
  /** Answers the bar of this number, where its features are those of all bars up to it. */
  answer(at: number, rule: PairRule, position?: Position, changes?: Changes): MinuteAnswer | null;
}
interface Changes {
  readonly minute?: Partial<AnsweredMinute>;
  readonly context?: Partial<AnswerContext>;
}

function openBench(own: Settings = settings): Bench {
  const matrix = new FeatureMatrix([PAIR], windows, SCHEMA.definitions.length, readSeries(new SeriesBook()));
  const decider = new Decider({
    pairs: [PAIR],
    schema: SCHEMA,
    policy: decisionPolicy(own),
    policyHash: 'hash of the policy',
    costs: tradingCosts(own),
    matrix,
    degradations: { isPairDegraded: false, isSubjectDegraded: () => false },
  });
  let taken = 0;
  const minuteAt = (at: number): AnsweredMinute => {
    const { time, bars } = market[at]!;
    const [a, b] = [PAIR.a, PAIR.b].map((leg) => bars.find(({ symbol }) => symbol === leg)!) as [Bar, Bar];
    return { pairIndex: 0, time, a, b, outcome: 'COMPLETE', backfill: false } as AnsweredMinute;
  };
  return {
    answer(at, rule, position = FLAT, { minute = {}, context = {} } = {}) {
      for (; taken <= at; taken++)
        matrix.step([{ kind: 'minute', minute: minuteAt(taken), publish: true, arrivedUs: 0 }]);
      const all = decider.contextOf(null, null, new Uint8Array(1), createBodyEncoder(), undefined, [position]);
      const asked = { ...minuteAt(at), ...minute } as AnsweredMinute;
      return answerPairByRule({ ...all, ...context }, rule, PAIR, pairLabel(PAIR), asked, position, `id ${at}`);
    },
  };
}

/** What the rule is asked at a warm bar. */
function askedAt(own: Settings, rule: Partial<PairRule>, context: Partial<AnswerContext> = {}): PairRuleBar {
  let asked: PairRuleBar | null = null;
  const decide: PairRule['decide'] = (position, bar, ...others) => {
    asked = bar;
    return ENTERS.decide(position, bar, ...others);
  };
  openBench(own).answer(WARMUP + 5, { ...ENTERS, ...rule, decide }, FLAT, { context });
  return asked!;
}

const silence = { outcome: 'SILENCE', isHalted: false, a: null, b: null } as Partial<AnsweredMinute>;

describe('the answer of the rule of a pair', () => {
  it('states what the rule decides, and no scores', () => {
    const bench = openBench();
    const entered = bench.answer(WARMUP + 5, ENTERS)!;
    const { body, bodyText, position, riskProb } = entered;
    expect(bodyText).toBe(encodeBody(body));
    expect(riskProb).toBeNull();
    expect(body).toMatchObject({
      pair: pairLabel(PAIR),
      pair_id: PAIR.id,
      action: 'ENTER',
      reason: 'ENTRY',
      target: 1,
      position_id: `id ${WARMUP + 5}`,
      max_age_bars: 3,
      position_scale: 1,
      leverage_reduction_rate: 1,
      model_version: `rule/${VERSION}`,
      mode: 'OK',
      price_a: market[WARMUP + 5]!.bars.find(({ symbol }) => symbol === PAIR.a)!.close,
    });
    expect(body.entry).not.toBe('');
    const { return_prob, risk_score, confidence, risk_flag, theta1, theta2, expected_net_bps } = body;
    expect([return_prob, risk_score, confidence, risk_flag, theta1, theta2, expected_net_bps]).toEqual(
      Array(7).fill(null),
    );
    expect(position).toMatchObject({ side: 1, positionId: `id ${WARMUP + 5}`, ageBars: 0 });

    const held = bench.answer(WARMUP + 6, ENTERS, position)!;
    expect(held.body).toMatchObject({ action: 'HOLD', reason: 'IN_POSITION', entry: '' });
    const old = { ...position, ageBars: 2 };
    const exited = bench.answer(WARMUP + 7, ENTERS, old)!;
    expect(exited.body).toMatchObject({ action: 'EXIT', reason: 'MAX_AGE', target: 0, position_id: old.positionId });
    expect(exited.position).toEqual(FLAT);
  });

  it('is WARMUP until features and formulas are warm; an open position is decided by cold formulas', () => {
    const cold = { ...ENTERS, isWarm: false };
    const early = openBench().answer(WARMUP - 5, ENTERS)!;
    expect(early.body).toMatchObject({ action: 'HOLD', reason: 'WARMUP', mode: 'WARMUP', z_score: null });
    const bench = openBench();
    expect(bench.answer(WARMUP + 5, cold)!.body).toMatchObject({ reason: 'WARMUP', mode: 'WARMUP' });
    const { position } = bench.answer(WARMUP + 5, ENTERS)!;
    expect(bench.answer(WARMUP + 6, cold, position)!.body).toMatchObject({ reason: 'IN_POSITION', mode: 'OK' });
  });

  it('enters nothing that the policy refuses, whatever the rule says', () => {
    const limits = [
      [{ minutehand: { decision: { beta_min: 50, beta_max: 60 } } }, 'BETA_RANGE'],
      [{ minutehand: { decision: { beta_min: 0, beta_max: 1e-6 } } }, 'BETA_RANGE'],
      [{ core: { require_edge: false, max_symbol_exposure: 0.01 } }, 'EXPOSURE'],
      [{ core: { require_edge: false, no_entry_windows: ['00:00-24:00'] } }, 'SESSION'],
    ] as const;
    for (const [change, reason] of limits) {
      const { body, position } = openBench(tinySettings(change as never)).answer(WARMUP + 5, ENTERS)!;
      expect(body).toMatchObject({ action: 'HOLD', reason, entry: '', target: 0, position_id: '' });
      expect(position).toEqual(FLAT);
    }
  });

  it('tells the rule of a missing edge, where the policy requires one, of the orders of a person, and of news', () => {
    const strict = tinySettings({ core: { require_edge: true } });
    expect(askedAt(strict, { noEdge: true }).hasEdge).toBe(false);
    expect(askedAt(strict, { noEdge: false }).hasEdge).toBe(true);
    expect(askedAt(settings, { noEdge: true }).hasEdge).toBe(true);
    const stops = [0, HALTED, STOPPED, STOPPED | CLOSING].map(
      (bits) => askedAt(settings, {}, { halted: Uint8Array.of(bits) }).stop,
    );
    expect(stops).toEqual([null, null, 'entries', 'close']);
    const windows = { spans: Float64Array.of(0, 1), closes: true };
    expect(askedAt(settings, {}, { news: [windows] })).toMatchObject({
      news: windows,
      time: market[WARMUP + 5]!.time,
    });
    expect(askedAt(settings, {}, { news: [] }).news).toBeNull();
  });

  it('is none where the rule fails', () => {
    expect(openBench().answer(WARMUP + 5, { ...ENTERS, decide: () => null })).toBeNull();
  });

  it('of a heartbeat repeats the values of the last bar, and asks the rule nothing', () => {
    const unasked: PairRule = {
      ...ENTERS,
      decide: () => {
        throw new Error('a heartbeat is not decided');
      },
    };
    const bench = openBench();
    const { body: last, position } = bench.answer(WARMUP + 5, ENTERS)!;
    const { body, position: after } = bench.answer(WARMUP + 5, unasked, position, { minute: silence })!;
    const { z_score, beta, price_a, price_b } = last;
    expect(body).toMatchObject({
      action: 'HOLD',
      reason: 'SILENCE',
      mode: 'DEGRADED',
      z_score,
      beta,
      price_a,
      price_b,
    });
    expect(after).toEqual(position);
    const halted = { ...silence, isHalted: true } as Partial<AnsweredMinute>;
    expect(bench.answer(WARMUP + 5, unasked, position, { minute: halted })!.body.mode).toBe('HALT');
  });

  it('names the arm of a rollout; a position that its challenger opens names the rollout', () => {
    const armed = (arm: 'champion' | 'challenger') =>
      openBench().answer(WARMUP + 5, ENTERS, FLAT, { context: { rollout: { id: 'r1', arm } } })!;
    expect(armed('challenger')).toMatchObject({
      body: { arm: 'challenger', rollout: 'r1' },
      position: { rollout: 'r1' },
    });
    expect(armed('champion').body).toMatchObject({ arm: 'champion', rollout: 'r1' });
    expect(armed('champion').position).not.toHaveProperty('rollout');
  });
});
