import { beforeAll, describe, expect, it } from 'vitest';
import { parseStanding } from '../shared/bundle/halts.ts';
import { armVersion, type ActiveRollout } from '../shared/bundle/rollout.ts';
import type { PairRuleModel } from '../shared/bundle/rule/rule_model.ts';
import { ARMS } from '../shared/core/rollout/assignment.ts';
import { agePosition, FLAT, openPosition } from '../shared/core/position/position.ts';
import { parsePair } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { tinyBars, tinySettings } from '../test/tiny_settings.ts';
import { withJournal } from './journaled_bench.fixture.ts';
import { byMinute, openBench, START_MS, type Bench } from './pipeline.fixture.ts';
import { barInput, type StateInput } from './queue/input.ts';
import { replayJournal } from './replay.ts';

const settings = tinySettings({ core: { require_edge: false } });
const [ID, OTHER] = settings.minutehand.pairs as [string, string];
const MINUTES = 700;
const WARM_UP_BARS = 40;
const VERSION = '20260101_0000';

let market: ReturnType<typeof byMinute>;
beforeAll(() => {
  market = byMinute(tinyBars(settings, MINUTES));
});

type Formulas = ReturnType<PairRuleModel['createFormulas']>;

/**
 * Against the ratio of the legs where it is far from its mean of some bars, for 15 bars at most.
 * @param change of its formulas, to make them fail
 */
function ruleOf(
  version = VERSION,
  wide = 0.0002,
  change: (formulas: Formulas) => Formulas = (formulas) => formulas,
): PairRuleModel {
  const manifest = { version, instrument: ID, market: 'live', feature_schema: '', edge: { no_edge: false } } as const;
  const rule: PairRuleModel = {
    manifest,
    modelsHash: `hash of ${version}`,
    strategy: { name: 'gap', entryLong: null, entryShort: null, exit: null },
    createFormulas() {
      const ratios: number[] = [];
      const gap = (): number => ratios.at(-1)! / (ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length) - 1;
      return change({
        rule,
        warmUpBars: WARM_UP_BARS,
        maxAgeBars: 15,
        get isWarm() {
          return ratios.length === WARM_UP_BARS;
        },
        step({ a, b }) {
          ratios.push(a.close / b.close);
          if (ratios.length > WARM_UP_BARS) ratios.shift();
        },
        decide(position, { frame, stop }, id, time) {
          const aged = agePosition(position);
          const isOver = position.side * gap() >= 0 || aged.ageBars >= 15 || stop === 'close';
          if (position.side !== 0)
            return isOver
              ? { action: 'EXIT', reason: 'Z_EXIT', position: FLAT }
              : { action: 'HOLD', reason: 'IN_POSITION', position: aged };
          if (stop != null) return { action: 'HOLD', reason: 'STOPPED', position };
          if (Math.abs(gap()) <= wide) return { action: 'HOLD', reason: 'NO_SETUP', position };
          const side = gap() > 0 ? -1 : 1;
          return { action: 'ENTER', reason: 'ENTRY', position: openPosition(side, id, time, frame) };
        },
        explain: () => ({ entries: [], exits: [] }),
      });
    },
  };
  return rule;
}

const RULE = ruleOf();
const served = { kind: 'rule', instrument: ID, rule: RULE } as const;
const ended = { kind: 'rule', instrument: ID, rule: null } as const;

async function feed({ pipeline }: Bench, from = 0, to = MINUTES): Promise<void> {
  for (const { bars } of market.slice(from, to)) {
    for (const bar of bars) pipeline.inputs.take(barInput(bar, false));
    pipeline.inputs.endMinute();
    await pipeline.settled();
  }
}

function replayed(bench: Bench, rules: readonly PairRuleModel[] = [RULE], own: Settings = settings) {
  return withJournal(bench, (store) =>
    replayJournal({
      settings: own,
      pairIds: own.minutehand.pairs,
      clock: { nowMs: () => START_MS as never, monotonicUs: () => 0 },
      bootId: '20251014T120000000Z',
      store,
      loadModels: () => Promise.reject(new Error('no models')),
      loadRule: (version) => rules.find(({ manifest }) => manifest.version === version)!,
      onSignals: () => undefined,
    }),
  );
}

const of = (bench: Bench, id: string) => bench.signals.filter(({ pair_id }) => pair_id === id);
const rowsOf = (bench: Bench, id: string) => bench.rows.filter(({ pairId }) => pairId === id);

describe('a rule of a pair that a pipeline serves', () => {
  it('answers for its pair alone, each signal as a consumer reads it, by the same features', async () => {
    const without = openBench(settings);
    await feed(without);
    const bench = openBench(settings);
    bench.pipeline.inputs.apply(served);
    await feed(bench);
    expect(rowsOf(bench, OTHER)).toEqual(rowsOf(without, OTHER));
    expect(rowsOf(bench, ID).map(({ featuresCrc }) => featuresCrc)).toEqual(
      rowsOf(without, ID).map(({ featuresCrc }) => featuresCrc),
    );
    expect(bench.pipeline.status.rules).toEqual({ [ID]: VERSION });
    const answered = of(bench, ID).filter(({ mode }) => mode === 'OK');
    expect(answered.length).toBeGreaterThan(300);
    const reasons = new Set(answered.map(({ reason }) => reason));
    for (const reason of ['ENTRY', 'IN_POSITION', 'NO_SETUP', 'Z_EXIT'] as const) expect(reasons).toContain(reason);
    for (const { model_version, return_prob, position_scale, max_age_bars } of answered)
      expect([model_version, return_prob, position_scale, max_age_bars]).toEqual([`rule/${VERSION}`, null, 1, 15]);
    expect(await replayed(bench)).toMatchObject({ equal: bench.rows.length, different: 0 });
  });

  it('is warmed from the journal as if it had always been served, and hands an open position over', async () => {
    const half = 450;
    const live = openBench(settings);
    await feed(live, 0, half);
    await withJournal(live, async (journal) => {
      const warming = live.pipeline.warmRule(RULE, journal);
      // Bars that come meanwhile.
      await feed(live, half, half + 2);
      await warming;
    });
    live.pipeline.inputs.apply(served);
    await feed(live, half + 2);
    const always = openBench(settings);
    always.pipeline.inputs.apply(served);
    await feed(always);
    const decisions = (bench: Bench): string[] =>
      of(bench, ID).map(({ timestamp, action, reason, target }) => `${timestamp} ${action} ${reason} ${target}`);
    const own = decisions(live);
    const other = decisions(always);
    let first = own.length - (MINUTES - half) + 10;
    while (!own[first]!.endsWith(' 0') || !other[first]!.endsWith(' 0')) first++;
    expect(own.slice(first + 1)).toEqual(other.slice(first + 1));
    expect(own.slice(first + 1).filter((text) => text.includes('ENTER')).length).toBeGreaterThan(3);
    expect(await replayed(live)).toMatchObject({ equal: live.rows.length, different: 0 });

    const begun = openBench(settings);
    begun.pipeline.inputs.apply(served);
    let minute = 0;
    while (of(begun, ID).at(-1)?.target !== 1) await feed(begun, minute, ++minute);
    const { position_id } = of(begun, ID).at(-1)!;
    begun.pipeline.inputs.apply(ended);
    await feed(begun, minute, minute + 1);
    const after = of(begun, ID).at(-1)!;
    expect(after).toMatchObject({ model_version: '', position_id });
    expect(['IN_POSITION', 'Z_EXIT', 'STOP']).toContain(after.reason);
    expect(begun.pipeline.status.rules).toEqual({});
  });

  it('obeys a person, and the limits of the policy whatever it says', async () => {
    const reasonsOf = async (own: Settings, stop = ''): Promise<Set<string>> => {
      const bench = openBench(own);
      bench.pipeline.inputs.apply(served);
      if (stop !== '') bench.pipeline.inputs.apply({ kind: 'halts', standing: parseStanding(stop) });
      await feed(bench);
      expect(await replayed(bench, [RULE], own)).toMatchObject({ different: 0 });
      return new Set(of(bench, ID).map(({ reason }) => reason));
    };
    expect(await reasonsOf(settings)).toContain('ENTRY');
    const stopped = await reasonsOf(settings, `${ID}@*`);
    expect([stopped.has('ENTRY'), stopped.has('STOPPED')]).toEqual([false, true]);
    const narrow = tinySettings({
      core: { require_edge: false },
      minutehand: { decision: { beta_min: 50, beta_max: 60 } },
    });
    const refused = await reasonsOf(narrow);
    expect([refused.has('ENTRY'), refused.has('BETA_RANGE')]).toEqual([false, true]);
    const limited = tinySettings({ core: { require_edge: false, max_symbol_exposure: 0.01 } });
    const exposed = await reasonsOf(limited);
    expect([exposed.has('ENTRY'), exposed.has('EXPOSURE')]).toEqual([false, true]);
  });

  it('that looks at no order obeys all the same: a person, news, and a missing edge', async () => {
    const careless = (no_edge = false): PairRuleModel => {
      const rule = ruleOf(VERSION, 0.0002, (inner) => ({
        ...inner,
        get isWarm() {
          return inner.isWarm;
        },
        decide: (position, { frame }, id, time) =>
          position.side === 0
            ? { action: 'ENTER', reason: 'ENTRY', position: openPosition(1, id, time, frame) }
            : { action: 'HOLD', reason: 'IN_POSITION', position: agePosition(position) },
      }));
      return { ...rule, manifest: { ...rule.manifest, edge: { no_edge } } };
    };
    const reasonsOf = async (own: Settings, rule: PairRuleModel, ...inputs: readonly StateInput[]) => {
      const bench = openBench(own);
      bench.pipeline.inputs.apply({ ...served, rule });
      await feed(bench, 0, 450);
      const before = of(bench, ID).length;
      for (const input of inputs) bench.pipeline.inputs.apply(input);
      await feed(bench, 450, 600);
      expect(await replayed(bench, [rule], own)).toMatchObject({ equal: bench.rows.length, different: 0 });
      return [
        ...new Set(
          of(bench, ID)
            .slice(before)
            .map(({ action, reason }) => `${action} ${reason}`),
        ),
      ];
    };
    const halts = (text: string): StateInput => ({ kind: 'halts', standing: parseStanding(text) });
    expect(await reasonsOf(settings, careless())).toEqual(['HOLD IN_POSITION']);
    expect(await reasonsOf(settings, careless(), halts(`${ID}@*close`))).toEqual(['EXIT CLOSE_ALL', 'HOLD STOPPED']);
    const strict = tinySettings({ core: { require_edge: true } });
    expect(await reasonsOf(strict, careless(true))).toEqual(['HOLD NO_EDGE']);
    const [a] = ID.split('_') as [string];
    const event = { time: market[500]!.time, currency: a.slice(3), importance: 'high', name: 'a release' } as const;
    const news = { kind: 'news', events: [event] } as unknown as StateInput;
    const near = { importance: 'high', minutes_before: 30, minutes_after: 15 };
    for (const close of [true, false]) {
      const own = tinySettings({ core: { require_edge: false, news_stop: { ...near, close } } as never });
      const reasons = await reasonsOf(own, careless(), news);
      expect(reasons).toEqual(
        close ? ['HOLD IN_POSITION', 'EXIT NEWS_CLOSE', 'HOLD NEWS', 'ENTER ENTRY'] : ['HOLD IN_POSITION'],
      );
    }
  });

  it('answers for a pair of longer bars, over a replay', async () => {
    const long = `${ID}@5m`;
    const own = tinySettings({
      core: { require_edge: false },
      minutehand: { pairs: [long, ...settings.minutehand.pairs.slice(1)] },
    });
    const rule = ((): PairRuleModel => {
      const base = ruleOf();
      return { ...base, manifest: { ...base.manifest, instrument: long } };
    })();
    const bench = openBench(own);
    bench.pipeline.inputs.apply({ kind: 'rule', instrument: long, rule });
    await feed(bench);
    const answered = of(bench, long);
    expect(answered.length).toBe(MINUTES / 5);
    expect(new Set(answered.map(({ model_version }) => model_version))).toEqual(new Set([`rule/${VERSION}`]));
    expect(new Set(answered.slice(-60).map(({ mode }) => mode))).toEqual(new Set(['OK']));
    expect(answered.some(({ action }) => action === 'ENTER')).toBe(true);
    expect(await replayed(bench, [rule], own)).toMatchObject({ equal: bench.rows.length, different: 0 });
  });

  it('changes no byte with another in shadow, which answers as it would be served', async () => {
    const next = ruleOf('20260102_0000', 0.0005);
    const bench = openBench(settings);
    bench.pipeline.inputs.apply(served);
    bench.pipeline.inputs.apply({ kind: 'rule_shadow', instrument: ID, rule: next });
    await feed(bench);
    const without = openBench(settings);
    without.pipeline.inputs.apply(served);
    await feed(without);
    expect(bench.rows).toEqual(without.rows);
    const alone = openBench(settings);
    alone.pipeline.inputs.apply({ ...served, rule: next });
    await feed(alone);
    expect(bench.shadows.length).toBeGreaterThan(300);
    // Their ids are those of what was published.
    const decided = (body: string): unknown[] => {
      const { action, reason, target, beta } = JSON.parse(`${body}}`) as Record<string, unknown>;
      return [action, reason, target, beta];
    };
    const own = rowsOf(alone, ID).slice(-bench.shadows.length);
    expect(bench.shadows.map(({ body }) => decided(body))).toEqual(own.map(({ body }) => decided(body)));
  });

  it('is compared with another in a rollout: the arm of each unit answers, both are journaled and replayed', async () => {
    const next = ruleOf('20260102_0000', 0.0005);
    const rollout = {
      id: '20260103T000000',
      stage: 'pilot',
      champion: VERSION,
      challenger: next.manifest.version,
      key: '0123456789abcdef0123456789abcdef',
      share: 0.5,
      block_minutes: 30,
      instrument: ID,
    } as unknown as ActiveRollout;
    const bench = openBench(settings);
    bench.pipeline.inputs.apply(served);
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout, set: next });
    await feed(bench);
    expect(bench.pipeline.status.rollout).toMatchObject({ id: rollout.id });
    const arms = of(bench, ID).map(({ arm, model_version }) => `${arm} ${model_version}`);
    expect(new Set(arms)).toEqual(new Set([`champion rule/${VERSION}`, `challenger rule/${next.manifest.version}`]));
    for (const { arm, rollout: id } of of(bench, OTHER)) expect([arm, id]).toEqual([undefined, undefined]);
    for (const arm of ARMS) {
      const version = armVersion(rollout[arm], rollout.id);
      expect(bench.shadows.filter(({ modelVersion }) => modelVersion === version).length).toBeGreaterThan(300);
    }
    expect(await replayed(bench, [RULE, next])).toMatchObject({ equal: bench.rows.length, different: 0 });
    // Behind its end, the champion answers alone.
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout: null, set: null });
    await bench.pipeline.settled();
    expect(bench.pipeline.status.rollout).toBeNull();
  });

  it('is not warm without bars enough, and says so', async () => {
    const bench = openBench(settings);
    await feed(bench, 0, 400);
    bench.pipeline.inputs.apply(served);
    await feed(bench, 400, 400 + WARM_UP_BARS + 5);
    const modes = of(bench, ID)
      .slice(-WARM_UP_BARS - 5)
      .map(({ mode }) => mode);
    expect(modes.slice(0, WARM_UP_BARS - 1)).toEqual(Array(WARM_UP_BARS - 1).fill('WARMUP'));
    expect(new Set(modes.slice(WARM_UP_BARS))).toEqual(new Set(['OK']));
  });
});

/** Of the pair's complete bars, the one at which a rule fails. */
const FAILS_AT = 500;

/** @param at what it does instead from that bar on */
function failing(at: (inner: Formulas) => Partial<Formulas>): (formulas: Formulas) => Formulas {
  return (inner) => {
    let bars = 0;
    const own = at(inner);
    return {
      rule: inner.rule,
      get warmUpBars() {
        return inner.warmUpBars;
      },
      get maxAgeBars() {
        return bars > FAILS_AT && 'maxAgeBars' in own ? own.maxAgeBars! : inner.maxAgeBars;
      },
      get isWarm() {
        return bars > FAILS_AT && 'isWarm' in own ? own.isWarm! : inner.isWarm;
      },
      step(reading) {
        bars++;
        if (bars > FAILS_AT && own.step !== undefined) return own.step(reading);
        inner.step(reading);
      },
      decide: (...asked) =>
        bars > FAILS_AT && own.decide !== undefined ? own.decide(...asked) : inner.decide(...asked),
      explain: inner.explain,
    };
  };
}

const broken = (): never => {
  throw new TypeError('a test');
};
/** An answer that is nearly right. */
const answering = (change: (step: ReturnType<Formulas['decide']>) => unknown) =>
  failing((inner) => ({ decide: (...asked) => change(inner.decide(...asked)) as ReturnType<Formulas['decide']> }));

/** By what a user may do wrong. */
const FAULTS = {
  'step throws': failing(() => ({ step: broken })),
  'step throws no error': failing(() => ({
    step() {
      throw 'text'; // eslint-disable-line no-throw-literal, @typescript-eslint/only-throw-error
    },
  })),
  'step is asynchronous': failing(() => ({ step: (() => Promise.reject(new Error('later'))) as never })),
  'decide throws': failing(() => ({ decide: broken })),
  'decide is asynchronous': answering((step) => Promise.resolve(step)),
  'decide answers nothing': answering(() => undefined),
  'decide answers a number': answering(() => NaN),
  'an unknown action': answering((step) => ({ ...step, action: 'BUY' })),
  'an unknown reason': answering((step) => ({ ...step, reason: 'BECAUSE' })),
  'a reason of heartbeats': answering((step) => ({ ...step, reason: 'SHUTDOWN' })),
  'no position': answering(({ action, reason }) => ({ action, reason })),
  'a position with NaN': answering((step) => ({ ...step, position: { ...step.position, entryZ: NaN } })),
  'a position of text': answering((step) => ({ ...step, position: { ...step.position, beta: '1' } })),
  'an age that is no count': answering((step) => ({ ...step, position: { ...step.position, ageBars: 0.5 } })),
  'a side of 2': answering((step) => ({ ...step, position: { ...step.position, side: 2 } })),
  'HOLD that enters': answering(() => ({
    action: 'HOLD',
    reason: 'IN_POSITION',
    position: { ...FLAT, side: 1, positionId: 'x' },
  })),
  'EXIT twice': answering((step) => ({ ...step, action: 'EXIT', position: FLAT })),
  'no age of its positions': failing(() => ({ maxAgeBars: NaN })),
  'a warmth that is no boolean': failing(() => ({ isWarm: 1 as never })),
} satisfies Readonly<Record<string, (formulas: Formulas) => Formulas>>;

describe('a rule of a pair that fails', () => {
  let without: Bench;
  beforeAll(async () => {
    without = openBench(settings);
    await feed(without);
  });

  it.each(Object.entries(FAULTS))('%s: it ends alone, and every signal goes out', async (_, change) => {
    const bench = openBench(settings);
    const rule = ruleOf(VERSION, 0.0002, change);
    bench.pipeline.inputs.apply({ ...served, rule });
    await feed(bench);
    expect(rowsOf(bench, OTHER)).toEqual(rowsOf(without, OTHER));
    expect(of(bench, ID).map(({ timestamp }) => timestamp)).toEqual(of(without, ID).map(({ timestamp }) => timestamp));
    // Told once, and by name.
    expect(bench.failures).toEqual([{ code: 'RULE_FAILED', failed: VERSION, fallback: ID }]);
    expect([...bench.pipeline.status.degradations]).toEqual(['rules']);
    expect(bench.pipeline.status.rules).toEqual({});
    const after = of(bench, ID).findIndex(({ mode }) => mode === 'HALT');
    expect(after).toBeGreaterThan(FAILS_AT - 100);
    for (const { mode, model_version, action } of of(bench, ID).slice(after))
      expect([mode, model_version, action === 'ENTER']).toEqual(['HALT', '', false]);
    expect(of(bench, ID)[after - 1]).toMatchObject({ mode: 'OK', model_version: `rule/${VERSION}` });
    // A replay knows the bar, also where the rule would not fail any more.
    for (const replaying of [rule, RULE])
      expect(await replayed(bench, [replaying])).toMatchObject({ equal: bench.rows.length, different: 0 });
  });

  /** Whose step throws when it is told to. */
  function breakable(): { readonly rule: PairRuleModel; breaks(): void } {
    let isBroken = false;
    const rule = ruleOf(VERSION, 0.0002, (inner) => ({
      ...inner,
      get isWarm() {
        return inner.isWarm;
      },
      step: (reading) => (isBroken ? broken() : inner.step(reading)),
    }));
    return { rule, breaks: () => void (isBroken = true) };
  }

  it('hands an open position over; another rule answers again', async () => {
    const { rule, breaks } = breakable();
    const bench = openBench(settings);
    bench.pipeline.inputs.apply({ ...served, rule });
    let minute = 0;
    while (of(bench, ID).at(-1)?.target !== 1) await feed(bench, minute, ++minute);
    const { position_id } = of(bench, ID).at(-1)!;
    breaks();
    await feed(bench, minute, minute + 1);
    expect(of(bench, ID).at(-1)).toMatchObject({ mode: 'HALT', position_id });
    const { status } = bench.pipeline;
    expect([ID, OTHER].map((id) => status.isDegraded(parsePair(id)))).toEqual([true, false]);
    const next = ruleOf('20260102_0000');
    await withJournal(bench, (journal) => bench.pipeline.warmRule(next, journal));
    bench.pipeline.inputs.apply({ ...served, rule: next });
    await feed(bench, minute + 1);
    expect([...status.degradations]).toEqual([]);
    expect(of(bench, ID).at(-1)).toMatchObject({ mode: 'OK', model_version: 'rule/20260102_0000' });
    expect(await replayed(bench, [RULE, next])).toMatchObject({ equal: bench.rows.length, different: 0 });
  });

  it('leaves nothing behind where another rule waits already', async () => {
    const { rule, breaks } = breakable();
    const next = ruleOf('20260102_0000');
    const bench = openBench(settings);
    bench.pipeline.inputs.apply({ ...served, rule });
    await feed(bench, 0, 500);
    await withJournal(bench, (journal) => bench.pipeline.warmRule(next, journal));
    breaks();
    for (const bar of market[500]!.bars) bench.pipeline.inputs.take(barInput(bar, false));
    bench.pipeline.inputs.endMinute();
    // Journaled behind the bars, and before the rule has failed on them.
    bench.pipeline.inputs.apply({ ...served, rule: next });
    await bench.pipeline.settled();
    await feed(bench, 501);
    expect(bench.failures.length).toBe(1);
    expect(bench.pipeline.status.rules).toEqual({ [ID]: '20260102_0000' });
    expect([...bench.pipeline.status.degradations]).toEqual([]);
    expect(await replayed(bench, [RULE, next])).toMatchObject({ equal: bench.rows.length, different: 0 });
  });

  const SOME = ['step throws', 'decide throws', 'an unknown action'] as const;

  it.each(SOME)('in shadow, %s: it is dropped', async (fault) => {
    const bench = openBench(settings);
    bench.pipeline.inputs.apply(served);
    const rule = ruleOf('20260102_0000', 0.0005, FAULTS[fault]);
    bench.pipeline.inputs.apply({ kind: 'rule_shadow', instrument: ID, rule });
    await feed(bench);
    const alone = openBench(settings);
    alone.pipeline.inputs.apply(served);
    await feed(alone);
    expect(bench.rows).toEqual(alone.rows);
    expect(bench.failures).toEqual([{ code: 'RULE_FAILED', failed: '20260102_0000', fallback: `shadow of ${ID}` }]);
    expect(bench.shadows.length).toBeGreaterThan(200);
    expect(bench.shadows.length).toBeLessThanOrEqual(FAILS_AT);
  });

  const ROLLOUT = {
    id: '20260103T000000',
    stage: 'pilot',
    champion: VERSION,
    challenger: '20260102_0000',
    key: '0123456789abcdef0123456789abcdef',
    share: 0.5,
    block_minutes: 30,
    instrument: ID,
  } as unknown as ActiveRollout;

  it.each(SOME)('as the challenger of a rollout, %s: the champion answers from that bar on', async (fault) => {
    const bench = openBench(settings);
    bench.pipeline.inputs.apply(served);
    const set = ruleOf('20260102_0000', 0.0005, FAULTS[fault]);
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout: ROLLOUT, set });
    await feed(bench);
    expect(bench.failures).toEqual([{ code: 'RULE_FAILED', failed: '20260102_0000', fallback: ROLLOUT.id }]);
    const arms = of(bench, ID).map(({ arm }) => arm);
    expect([arms.includes('challenger'), arms.at(-1)]).toEqual([true, undefined]);
    expect(of(bench, ID).at(-1)).toMatchObject({ mode: 'OK', model_version: `rule/${VERSION}` });
    expect(await replayed(bench, [RULE, set])).toMatchObject({ equal: bench.rows.length, different: 0 });
  });

  it('as the champion of a rollout, ends it: no arm answers', async () => {
    const bench = openBench(settings);
    const rule = ruleOf(VERSION, 0.0002, FAULTS['decide throws']);
    bench.pipeline.inputs.apply({ ...served, rule });
    const set = ruleOf('20260102_0000', 0.0005);
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout: ROLLOUT, set });
    await feed(bench);
    expect(bench.failures).toEqual([{ code: 'RULE_FAILED', failed: VERSION, fallback: ID }]);
    expect(of(bench, ID).at(-1)).toMatchObject({ mode: 'HALT', model_version: '' });
    expect(bench.pipeline.status.rollout).toBeNull();
    expect(await replayed(bench, [rule, set])).toMatchObject({ equal: bench.rows.length, different: 0 });
  });

  /** Formulas whose `part` takes 20 ms in the next calls, as many as `slowFor` says. */
  function slowIn(bench: Bench, part: 'step' | 'decide') {
    let slowCalls = 0;
    const change = (inner: Formulas): Formulas => ({
      ...inner,
      get isWarm() {
        return inner.isWarm;
      },
      [part]: (...asked: never[]) => {
        if (slowCalls-- > 0) bench.passMs(20);
        return (inner[part] as (...given: never[]) => unknown)(...asked);
      },
    });
    return { change, slowFor: (calls: number) => void (slowCalls = calls) };
  }

  it.each(['step', 'decide'] as const)('is dropped as a challenger whose %s is slow twice in a row', async (slow) => {
    const bench = openBench(settings, { slowInferenceMs: 10 });
    bench.pipeline.inputs.apply(served);
    const { change, slowFor } = slowIn(bench, slow);
    const set = ruleOf('20260102_0000', 0.0005, change);
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout: ROLLOUT, set });
    await feed(bench, 0, 500);
    // A single pause is the machine's.
    slowFor(1);
    await feed(bench, 500, 510);
    expect(bench.failures).toEqual([]);
    slowFor(20);
    await feed(bench, 510, 530);
    expect(bench.failures).toEqual([{ code: 'MODEL_SLOW', failed: '20260102_0000', fallback: ROLLOUT.id }]);
    expect(bench.pipeline.status.rollout).toBeNull();
  });

  it.each(['step', 'decide'] as const)('whose %s is slow twice in a row ends behind that bar, alone', async (slow) => {
    const bench = openBench(settings, { slowInferenceMs: 10 });
    const { change, slowFor } = slowIn(bench, slow);
    const rule = ruleOf(VERSION, 0.0002, change);
    bench.pipeline.inputs.apply({ ...served, rule });
    await feed(bench, 0, 500);
    // A single pause is the machine's.
    slowFor(1);
    await feed(bench, 500, 510);
    expect(bench.failures).toEqual([]);
    slowFor(20);
    await feed(bench, 510, 530);
    expect(bench.failures).toEqual([{ code: 'RULE_SLOW', failed: VERSION, fallback: ID }]);
    expect(bench.pipeline.status.rules).toEqual({});
    expect([...bench.pipeline.status.degradations]).toEqual(['rules']);
    expect(of(bench, ID).at(-1)).toMatchObject({ mode: 'HALT', model_version: '' });
    const decided = (rows: ReturnType<typeof rowsOf>) => rows.map(({ body, position }) => ({ body, position }));
    expect(decided(rowsOf(bench, OTHER))).toEqual(decided(rowsOf(without, OTHER)).slice(0, 530));
    // A replay is not slow.
    expect(await replayed(bench)).toMatchObject({ equal: bench.rows.length, different: 0 });
  });

  it('cannot change what others read: it gets copies, and writing to its position is a failure', async () => {
    const writes = (change: (reading: { a: { close: number }; features: Float64Array }) => void) =>
      ruleOf(VERSION, 0.0002, (inner) => ({
        ...inner,
        get isWarm() {
          return inner.isWarm;
        },
        step(reading) {
          inner.step(reading);
          change(reading as never);
        },
        decide(position, bar, id, time) {
          const step = inner.decide(position, bar, id, time);
          Object.assign(bar.frame, { z: 99, beta: 0 });
          Object.assign(bar.frame.a, { close: 1 });
          return step;
        },
      }));
    const honest = openBench(settings);
    honest.pipeline.inputs.apply(served);
    await feed(honest);
    const bench = openBench(settings);
    const rule = writes((reading) => {
      reading.a.close = 1;
      reading.features.fill(7);
    });
    bench.pipeline.inputs.apply({ ...served, rule });
    await feed(bench);
    expect(rowsOf(bench, ID)).toEqual(rowsOf(honest, ID));
    expect(rowsOf(bench, OTHER)).toEqual(rowsOf(without, OTHER));

    const thief = openBench(settings);
    const turns = ruleOf(VERSION, 0.0002, (inner) => ({
      ...inner,
      get isWarm() {
        return inner.isWarm;
      },
      decide(position, bar, id, time) {
        if (bar.frame.bars === FAILS_AT) Object.assign(position, { side: 1 });
        return inner.decide(position, bar, id, time);
      },
    }));
    thief.pipeline.inputs.apply({ ...served, rule: turns });
    await feed(thief);
    expect(thief.failures).toEqual([{ code: 'RULE_FAILED', failed: VERSION, fallback: ID }]);
    expect(FLAT.side).toBe(0);
    expect(rowsOf(thief, OTHER)).toEqual(rowsOf(without, OTHER));
  });

  it('that fails on a bar between its warm-up and its beginning is replayed', async () => {
    const { rule, breaks } = breakable();
    const bench = openBench(settings);
    await feed(bench, 0, 400);
    await withJournal(bench, (journal) => bench.pipeline.warmRule(rule, journal));
    breaks();
    await feed(bench, 400, 401);
    bench.pipeline.inputs.apply({ ...served, rule });
    await feed(bench, 401, 500);
    expect(bench.failures).toEqual([{ code: 'RULE_FAILED', failed: VERSION, fallback: ID }]);
    expect(of(bench, ID).slice(401)[0]).toMatchObject({ mode: 'HALT', model_version: '' });
    for (const replaying of [rule, RULE])
      expect(await replayed(bench, [replaying])).toMatchObject({ equal: bench.rows.length, different: 0 });
  });

  it('is refused before it answers where its warm-up fails', async () => {
    const bench = openBench(settings);
    await feed(bench, 0, 400);
    const never: PairRuleModel = { ...RULE, createFormulas: broken };
    const early = ruleOf(VERSION, 0.0002, (inner) => ({ ...inner, step: broken }));
    await withJournal(bench, async (journal) => {
      for (const rule of [never, early])
        await expect(bench.pipeline.warmRule(rule, journal)).rejects.toMatchObject({ code: 'RULE_FAILED' });
    });
    expect(bench.failures).toEqual([]);
  });
});
