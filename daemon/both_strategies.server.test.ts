import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../shared/bar.ts';
import type { DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { OWN_SERVICE } from '../shared/bundle/direction/own_service.fixture.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { parseStanding } from '../shared/bundle/halts.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { armVersion, keyedHash, type ActiveRollout } from '../shared/bundle/rollout.ts';
import { fileRule } from '../shared/bundle/rule/rule_bundle.ts';
import type { RuleManifest } from '../shared/bundle/rule/rule_manifest.ts';
import { ARMS, Assignment } from '../shared/core/rollout/assignment.ts';
import { parseInstrument } from '../shared/pair.ts';
import { instrumentStrategy, type StrategyDocument } from '../shared/policy/strategy_file.ts';
import { createRng } from '../shared/rng.ts';
import { tinyBars, tinyModels, tinySettings } from '../test/tiny_models.ts';
import type { PipelineOptions } from './options/pipeline_options.ts';
import { byMinute, openBench, withInference, type Bench } from './pipeline.fixture.ts';
import { barInput, emptyInput, inputOf, minuteInputOf, type ShadowModels } from './queue/input.ts';
import { slotOfTimeframe } from '../shared/subject/written_names.ts';

/**
 * What every strategy has, by one suite: the model before as the fallback, the rule for slow models, stops of a person,
 * a shadow, a rollout, recovery and replay.
 */

const PAIR = 'XAUUSD_XAGUSD';
const INSTRUMENT = 'BTCUSDT';
const settings = tinySettings({ minutehand: { pairs: [PAIR] } });
const { slow_ms: SLOW_MS } = settings.minutehand.inference;
/** All subjects are warm. */
const FROM = 170;
const TO = 570;
const FIRST = '20260101_0000';
const SECOND = '20260102_0000';
type Version = typeof FIRST | typeof SECOND;
const KEY = '0f'.repeat(16);
const UP = [0.8, 0.1, 0.1];
const DOWN = [0.1, 0.8, 0.1];

let folder: string;
let sets: Record<Version, ModelSet>;
let market: { time: OpenTime; bars: Bar[] }[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-strategies-'));
  const load = async (seed: number): Promise<ModelSet> =>
    loadModelSet((await tinyModels(folder, { seed })).path, featureSchema(settings.minutehand.windows), 1);
  sets = { [FIRST]: await load(7), [SECOND]: await load(8) };
  const rng = createRng('coin');
  let close = 20_000;
  market = byMinute(tinyBars(settings, TO + 10)).map(({ time, bars }) => {
    const open = close;
    close *= Math.exp(0.001 * rng.normal());
    const high = Math.max(open, close);
    const low = Math.min(open, close);
    return { time, bars: [...bars, { symbol: INSTRUMENT, time, open, high, low, close, volume: 3 }] };
  });
});
afterAll(async () => {
  for (const set of Object.values(sets)) await set.release();
  rmSync(folder, { recursive: true, force: true });
});

/** A pipeline with one subject of one strategy. */
interface Strategy {
  readonly name: string;
  readonly subject: string;
  readonly options: Partial<PipelineOptions>;
  /** Of a rollout of this strategy. */
  readonly timeframe: { readonly timeframe?: '1m' };
  /** The row that a swap of models leaves in the journal. */
  swapRow(version: string): string;
  /** @param before each answer: it may throw, or take time */
  model(version: Version, before?: () => void): ShadowModels;
  activate(bench: Bench, model: ShadowModels): void;
}

const PAIRS: Strategy = {
  name: 'pairs',
  subject: PAIR,
  options: {},
  timeframe: {},
  swapRow: (version) => `swap ${version}`,
  model: (version, before = () => undefined) =>
    withInference({ ...sets[version], version }, (infer) => (...asked) => {
      before();
      return infer(...asked);
    }),
  activate: ({ pipeline }, set) => pipeline.inputs.apply({ kind: 'swap', set: set as ModelSet }),
};

const DIRECTION: Strategy = {
  name: 'direction',
  subject: INSTRUMENT,
  options: { pairs: [], instruments: [parseInstrument(INSTRUMENT)] },
  timeframe: { timeframe: '1m' },
  swapRow: (version) => `direction 1m ${version}`,
  model(version, before = () => undefined) {
    const strategy = { theta_up: 0.5, theta_down: 0.5, stop: 0.5, target: 0.5, max_age_bars: 7 };
    const manifest = { version, timeframe: 60, edge: { [INSTRUMENT]: { no_edge: false } }, strategy };
    const sign = version === FIRST ? 1 : -1;
    const model: DirectionModel = {
      manifest: manifest as unknown as DirectionModel['manifest'],
      modelsHash: `hash of ${version}`,
      check: { rows: 0, largestDifference: 0 },
      ...OWN_SERVICE,
      infer(features) {
        before();
        return Float64Array.from(sign * (features[0]! - 50) > 0 ? UP : DOWN);
      },
    };
    return model;
  },
  activate: ({ pipeline }, set) =>
    pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: set as DirectionModel }),
};

/** The same by a model that does not answer at once, as a session of onnxruntime. */
const DIRECTION_LATER: Strategy = {
  ...DIRECTION,
  name: 'direction by promises',
  model(version, before) {
    const model = DIRECTION.model(version, before) as DirectionModel;
    const later: DirectionModel = {
      ...model,
      async infer(features, rows) {
        await new Promise(setImmediate);
        return model.infer(features, rows);
      },
    };
    return later;
  },
};

const RULE_DOCUMENT: StrategyDocument = {
  name: 'reversal',
  description: 'a test',
  subject: 'instrument',
  entry_long: 'close / delay(close, 3) - 1 < -0.001',
  entry_short: 'close / delay(close, 3) - 1 > 0.001',
  max_age: 7,
};

/** Who answers, as far as what every one of them is kept from goes. */
interface Answering extends Pick<Strategy, 'name' | 'subject' | 'options'> {
  /** @param hasEdge as its bundle says */
  begin(bench: Bench, hasEdge: boolean): void;
}

const ANSWERING: readonly Answering[] = [
  {
    ...PAIRS,
    begin: (bench, hasEdge) =>
      PAIRS.activate(bench, { ...(PAIRS.model(FIRST) as ModelSet), hasEdge: () => hasEdge } as ShadowModels),
  },
  {
    ...DIRECTION,
    begin(bench, hasEdge) {
      const model = DIRECTION.model(FIRST) as DirectionModel;
      const edge = { [INSTRUMENT]: { no_edge: !hasEdge } };
      DIRECTION.activate(bench, { ...model, manifest: { ...model.manifest, edge } } as unknown as ShadowModels);
    },
  },
  {
    ...DIRECTION,
    name: 'a rule of an instrument',
    begin({ pipeline }, hasEdge) {
      const manifest = {
        version: '20260101_0000-00000000',
        instrument: INSTRUMENT,
        market: 'live',
        strategy: RULE_DOCUMENT,
        edge: { no_edge: !hasEdge },
      };
      const rule = fileRule(manifest as unknown as RuleManifest, 'hash', instrumentStrategy(RULE_DOCUMENT, 'test'));
      pipeline.inputs.apply({ kind: 'rule', instrument: INSTRUMENT, rule });
    },
  },
];

interface Said {
  readonly reason: string;
  readonly model_version: string;
  readonly mode: string;
  readonly action: string;
  readonly target: number;
  readonly signal_id: string;
  readonly position_id: string;
}
const saidBy = ({ body }: { readonly body: string }): Said => JSON.parse(`${body}}`) as Said;

/** Throws at one of its calls. */
function failAt(call: number): () => void {
  let calls = 0;
  return () => {
    if (++calls === call) throw new RangeError('broken');
  };
}

/**
 * What keeps entries away, or ends positions, whoever answers: one table, so that no strategy goes by other rules than
 * the next one.
 */
describe.each(ANSWERING)('what holds for every strategy holds for $name', ({ subject, options, begin }) => {
  async function feed({ pipeline }: Bench, from: number, to: number): Promise<void> {
    for (const { bars } of market.slice(from, to)) {
      for (const bar of bars) if (pipeline.inputs.hasSymbol(bar.symbol)) pipeline.inputs.take(barInput(bar, false));
      await pipeline.settled();
    }
  }
  const live = ({ rows }: Bench): Said[] => rows.slice(FROM).map(saidBy);

  async function boot(core: object = {}, hasEdge = true): Promise<Bench> {
    const own = tinySettings({ minutehand: { pairs: [PAIR] }, core });
    const bench = openBench(own, options);
    await feed(bench, 0, FROM);
    begin(bench, hasEdge);
    return bench;
  }

  /** Of a run that nothing keeps back: bars behind FROM. */
  let entry: number;
  let exit: number;
  beforeAll(async () => {
    const free = await boot();
    await feed(free, FROM, TO);
    const said = live(free);
    entry = said.findIndex(({ action }, at) => action === 'ENTER' && said[at + 1]?.action === 'HOLD');
    exit = said.findIndex(({ action }, at) => at > entry && action === 'EXIT');
    expect(entry).toBeGreaterThanOrEqual(0);
    expect(exit).toBeGreaterThan(entry + 1);
  });

  /** An event of the dollar, which every subject here is quoted in, at the fill of a bar's decision. */
  const eventAt = (bar: number) => ({
    time: market[FROM + bar]!.time + 60,
    currency: 'USD',
    importance: 'high' as const,
    name: 'rates',
  });
  const news = (close: boolean) => ({
    news_stop: { importance: 'high' as const, minutes_before: 1, minutes_after: 1, close },
  });
  const stop = (kind: string) => ({ kind: 'halts', standing: parseStanding(`${subject}@${kind}`) }) as const;

  interface Fault {
    readonly core?: () => object;
    readonly hasEdge?: boolean;
    /** Before the bar. */
    begins?(bench: Bench): void;
    readonly reason: string;
  }

  it.each<readonly [string, Fault]>([
    ['a person stops it', { begins: ({ pipeline }) => pipeline.inputs.apply(stop('*')), reason: 'STOPPED' }],
    ['a person closes it', { begins: ({ pipeline }) => pipeline.inputs.apply(stop('*close')), reason: 'STOPPED' }],
    [
      'a person stops everything',
      {
        begins: ({ pipeline }) => pipeline.inputs.apply({ kind: 'halts', standing: parseStanding('*@*') }),
        reason: 'STOPPED',
      },
    ],
    [
      'stops cannot be read',
      { begins: ({ pipeline }) => pipeline.inputs.apply({ kind: 'degraded', what: 'stops' }), reason: 'STOPPED' },
    ],
    ['it shows no edge', { core: () => ({ require_edge: true }), hasEdge: false, reason: 'NO_EDGE' }],
    [
      'news are near',
      {
        core: () => news(false),
        begins: ({ pipeline }) => pipeline.inputs.apply({ kind: 'news', events: [eventAt(entry)] }),
        reason: 'NEWS',
      },
    ],
  ])('nothing is entered where %s', async (_, { core = () => ({}), hasEdge = true, begins, reason }) => {
    const bench = await boot(core(), hasEdge);
    begins?.(bench);
    await feed(bench, FROM, FROM + entry + 1);
    expect(live(bench)[entry]).toMatchObject({ action: 'HOLD', reason, target: 0 });
    // An event keeps the entries near it away, and no others.
    if (reason !== 'NEWS') expect(live(bench).map(({ action }) => action)).not.toContain('ENTER');
  });

  it('of news enters where the event is of another currency, less important, or over', async () => {
    for (const change of [{ currency: 'JPY' }, { importance: 'medium' as const }, { time: eventAt(entry).time - 60 }]) {
      const bench = await boot(news(true));
      bench.pipeline.inputs.apply({ kind: 'news', events: [{ ...eventAt(entry), ...change }] });
      await feed(bench, FROM, FROM + entry + 1);
      expect(live(bench)[entry], JSON.stringify(change)).toMatchObject({ action: 'ENTER', reason: 'ENTRY' });
    }
  });

  it.each<readonly [string, Fault]>([
    ['a person closes it', { begins: ({ pipeline }) => pipeline.inputs.apply(stop('*close')), reason: 'CLOSE_ALL' }],
    [
      'news are near and close positions',
      {
        core: () => news(true),
        begins: ({ pipeline }) => pipeline.inputs.apply({ kind: 'news', events: [eventAt(entry + 1)] }),
        reason: 'NEWS_CLOSE',
      },
    ],
  ])('a position ends where %s', async (_, { core = () => ({}), begins, reason }) => {
    const bench = await boot(core());
    await feed(bench, FROM, FROM + entry + 1);
    expect(live(bench)[entry]).toMatchObject({ action: 'ENTER' });
    begins!(bench);
    await feed(bench, FROM + entry + 1, FROM + entry + 2);
    expect(live(bench)[entry + 1]).toMatchObject({ action: 'EXIT', reason, target: 0 });
  });

  it.each<readonly [string, Fault]>([
    ['a person stops entries', { begins: ({ pipeline }) => pipeline.inputs.apply(stop('*')), reason: '' }],
    [
      'news are near and stop entries alone',
      {
        core: () => news(false),
        begins: ({ pipeline }) => pipeline.inputs.apply({ kind: 'news', events: [eventAt(entry + 1)] }),
        reason: '',
      },
    ],
    ['it shows no edge any more', { core: () => ({}), hasEdge: false, reason: '' }],
  ])(
    'a position is held on and closed by its own rules where %s',
    async (_, { core = () => ({}), begins, hasEdge = true }) => {
      const bench = await boot(core());
      await feed(bench, FROM, FROM + entry + 1);
      begins?.(bench);
      if (!hasEdge) begin(bench, false);
      await feed(bench, FROM + entry + 1, FROM + exit + 1);
      const said = live(bench).slice(entry);
      expect(said.map(({ action }) => action)).toEqual([
        'ENTER',
        ...Array.from({ length: exit - entry - 1 }, () => 'HOLD'),
        'EXIT',
      ]);
    },
  );

  it('nothing is entered or closed on a bar without trades', async () => {
    const takeEmpty = async ({ pipeline }: Bench, bar: number): Promise<void> => {
      const { bars, time } = market[FROM + bar]!;
      for (const { symbol } of bars)
        if (pipeline.inputs.hasSymbol(symbol)) pipeline.inputs.take(emptyInput(symbol, time, false));
      await pipeline.settled();
    };
    const flat = await boot();
    await feed(flat, FROM, FROM + entry);
    await takeEmpty(flat, entry);
    expect(live(flat)[entry]).toMatchObject({ action: 'HOLD', reason: 'LEG_EMPTY', target: 0 });
    const held = await boot();
    await feed(held, FROM, FROM + exit);
    await takeEmpty(held, exit);
    const [before, empty] = live(held).slice(exit - 1);
    expect(empty).toMatchObject({ action: 'HOLD', reason: 'LEG_EMPTY', target: before!.target });
    expect(before!.target).not.toBe(0);
  });

  it('nothing is entered on a bar that is missing, comes too late, or has the same time again', async () => {
    const { bars, time } = market[FROM + entry]!;
    const own = bars.filter(({ symbol }) => subject.includes(symbol));
    const [first] = own;
    const others = own.slice(1);
    for (const late of [false, true]) {
      const bench = await boot();
      const { pipeline } = bench;
      await feed(bench, FROM, FROM + entry);
      const before = bench.signals.length;
      for (const bar of others) pipeline.inputs.take(barInput(bar, false));
      bench.passMs(settings.minutehand.feed.straggler_timeout_ms + 1);
      pipeline.inputs.expire();
      await pipeline.settled();
      if (late) {
        await feed(bench, FROM + entry + 1, FROM + entry + 2);
        pipeline.inputs.take(barInput(first!, false));
        await pipeline.settled();
      }
      const said = bench.signals.slice(before) as unknown as (Said & { readonly timestamp: string })[];
      const ofMinute = said.filter(({ timestamp }) => Date.parse(timestamp) === 1000 * (time + 60));
      expect(ofMinute.map(({ action, reason }) => `${action} ${reason}`)).toEqual(
        others.length === 0 ? [] : ['HOLD LEG_MISSING'],
      );
    }
    const again = await boot();
    await feed(again, FROM, FROM + entry + 1);
    for (const bar of own) again.pipeline.inputs.take(barInput(bar, false));
    await again.pipeline.settled();
    expect(live(again)).toHaveLength(entry + 1);
  });
});

describe.each([PAIRS, DIRECTION, DIRECTION_LATER])(
  '$name',
  ({ subject, options, timeframe, swapRow, model, activate }) => {
    const open = (): Bench => openBench(settings, options);

    async function feed({ pipeline }: Bench, from: number, to: number): Promise<void> {
      for (const { bars } of market.slice(from, to)) {
        for (const bar of bars) if (pipeline.inputs.hasSymbol(bar.symbol)) pipeline.inputs.take(barInput(bar, false));
        await pipeline.settled();
      }
    }

    /** Warm, with the first model. */
    async function boot(): Promise<Bench> {
      const bench = open();
      await feed(bench, 0, FROM);
      activate(bench, model(FIRST));
      return bench;
    }

    /** Signals from the first minute behind the warm-up on. */
    const live = ({ rows }: Bench): Said[] => rows.slice(FROM).map(saidBy);
    const told = ({ rows }: Bench): string[] => rows.map(({ body, position }) => `${body} ${position}`);
    const changes = ({ inputs }: Bench): string[] =>
      inputs.filter((row) => minuteInputOf(row) === null).map(({ kind, subject: of }) => `${kind} ${of}`);

    /** The journaled inputs, answered by another pipeline. @param load the models that its rows name */
    async function replayed({ inputs }: Bench, load: (version: string) => ShadowModels): Promise<string[]> {
      const again = open();
      for (const row of inputs.filter(({ kind }) => kind !== 'earlier')) {
        const input = await inputOf(
          row,
          (version) => Promise.resolve(load(version) as ModelSet),
          (version) => Promise.resolve(load(version) as DirectionModel),
        );
        again.pipeline.inputs.apply(minuteInputOf(row) ?? input);
        await again.pipeline.settled();
      }
      return told(again);
    }

    describe('the model before', () => {
      it('answers the bar at which the active one fails, in mode DEGRADED, until another is active', async () => {
        const bench = await boot();
        activate(bench, model(SECOND, failAt(3)));
        await feed(bench, FROM, FROM + 5);
        const modes = live(bench).map(({ model_version, mode }) => `${model_version} ${mode}`);
        expect(modes).toEqual([
          ...Array.from({ length: 2 }, () => `${SECOND} OK`),
          ...Array.from({ length: 3 }, () => `${FIRST} DEGRADED`),
        ]);
        expect(changes(bench).slice(-3, -1)).toEqual([expect.stringMatching(/^earlier/), swapRow(FIRST)]);
        const load = (version: string): ShadowModels =>
          version === SECOND ? model(SECOND, failAt(3)) : model(version as Version);
        expect(await replayed(bench, load)).toEqual(told(bench));
        activate(bench, model(SECOND));
        await feed(bench, FROM + 5, FROM + 6);
        expect(live(bench).at(-1)).toMatchObject({ model_version: SECOND, mode: 'OK' });
      });

      it('is not there for the first one: mode HALT', async () => {
        const bench = open();
        await feed(bench, 0, FROM);
        activate(bench, model(FIRST, failAt(3)));
        await feed(bench, FROM, FROM + 4);
        expect(live(bench).map(({ model_version, mode }) => `${model_version} ${mode}`)).toEqual([
          `${FIRST} OK`,
          `${FIRST} OK`,
          ' HALT',
          ' HALT',
        ]);
      });
    });

    describe('a slow model', () => {
      /** @param calls that take too long */
      const slow = (bench: Bench, calls: number): ShadowModels => {
        let left = calls;
        return model(SECOND, () => {
          if (left-- > 0) bench.passMs(SLOW_MS + 1);
        });
      };
      const modes = (bench: Bench): string[] =>
        live(bench).map(({ model_version, mode }) => `${model_version} ${mode}`);

      it('is asked once more at once, and kept where it is fast then', async () => {
        const bench = await boot();
        activate(bench, slow(bench, 1));
        await feed(bench, FROM, FROM + 3);
        expect(modes(bench)).toEqual(Array.from({ length: 3 }, () => `${SECOND} OK`));
      });

      it('is replaced behind the bar by the one before', async () => {
        const bench = await boot();
        activate(bench, slow(bench, 2));
        await feed(bench, FROM, FROM + 3);
        expect(modes(bench)).toEqual([`${SECOND} OK`, `${FIRST} DEGRADED`, `${FIRST} DEGRADED`]);
        expect(changes(bench).at(-2)).toBe(swapRow(FIRST));
      });

      it('without one before answers on in mode DEGRADED until it is fast again', async () => {
        const bench = open();
        await feed(bench, 0, FROM);
        activate(bench, slow(bench, 3));
        await feed(bench, FROM, FROM + 4);
        expect(modes(bench)).toEqual(['OK', 'DEGRADED', 'DEGRADED', 'OK'].map((mode) => `${SECOND} ${mode}`));
      });
    });

    it('enters nothing under a stop of a person, and closes what is open by its rule', async () => {
      const bench = await boot();
      const free = await boot();
      await feed(free, FROM, TO);
      const entry = live(free).findIndex(({ action }) => action === 'ENTER');
      const exit = live(free).findIndex(({ action }, at) => at > entry && action === 'EXIT');
      expect(exit).toBeGreaterThan(entry);
      await feed(bench, FROM, FROM + entry + 1);
      bench.pipeline.inputs.apply({ kind: 'halts', standing: parseStanding(`${subject}@*`) });
      await feed(bench, FROM + entry + 1, TO);
      const actions = live(bench).map(({ action }) => action);
      expect([actions.lastIndexOf('ENTER'), actions.lastIndexOf('EXIT')]).toEqual([entry, exit]);
      bench.pipeline.inputs.apply({ kind: 'halts', standing: parseStanding('') });
      expect(await replayed(bench, (version) => model(version as Version))).toEqual(told(bench));
    });

    it('enters nothing while the stops cannot be read, closes what is open by its rule, and enters again', async () => {
      const free = await boot();
      await feed(free, FROM, TO);
      const entries = live(free).flatMap(({ action }, at) => (action === 'ENTER' ? [at] : []));
      const exit = live(free).findIndex(({ action }) => action === 'EXIT');
      const second = entries.find((at) => at > exit)!;
      expect(second).toBeGreaterThan(exit);
      const bench = await boot();
      await feed(bench, FROM, FROM + entries[0]! + 1);
      bench.pipeline.inputs.apply({ kind: 'degraded', what: 'stops' });
      await feed(bench, FROM + entries[0]! + 1, FROM + second + 1);
      const bodies = live(bench);
      expect(bodies.findIndex(({ action }) => action === 'EXIT')).toBe(exit);
      expect(bodies[second]).toMatchObject({ action: 'HOLD', reason: 'STOPPED', mode: 'DEGRADED' });
      bench.pipeline.inputs.apply({ kind: 'recovered', what: 'stops' });
      await feed(bench, FROM + second + 1, TO);
      const later = live(bench).slice(second + 1);
      expect(JSON.stringify(later)).not.toContain('STOPPED');
      expect(later.some(({ action }) => action === 'ENTER')).toBe(true);
      expect(await replayed(bench, (version) => model(version as Version))).toEqual(told(bench));
    });

    describe('a shadow', () => {
      const slot = slotOfTimeframe(timeframe.timeframe);
      const shadow = ({ pipeline }: Bench, set: ShadowModels | null, positions?: ReadonlyMap<string, never>): void =>
        pipeline.inputs.apply({ kind: 'shadow', slot, set, ...(positions && { positions }) });

      it('journals what it would have published, under the ids of what was, which stays the same', async () => {
        const bench = await boot();
        const without = await boot();
        const alone = open();
        shadow(bench, model(SECOND));
        // A person's stop keeps no shadow from entering.
        for (const one of [bench, without])
          one.pipeline.inputs.apply({ kind: 'halts', standing: parseStanding(`${subject}@*`) });
        await feed(bench, FROM, TO);
        await feed(without, FROM, TO);
        expect([told(bench), bench.inputs]).toEqual([told(without), without.inputs]);
        expect([without.shadows, bench.shadows.length]).toEqual([[], TO - FROM]);
        await feed(alone, 0, FROM);
        activate(alone, model(SECOND));
        await feed(alone, FROM, TO);
        const published = live(bench);
        const expected = live(alone).map((body, t) => ({ ...body, signal_id: published[t]!.signal_id }));
        const own = bench.shadows.map((row, t) => ({ ...saidBy(row), position_id: expected[t]!.position_id }));
        expect(own).toEqual(expected);
        expect(new Set(own.map(({ action }) => action))).toEqual(new Set(['ENTER', 'HOLD', 'EXIT']));
        expect(new Set(published.map(({ action }) => action))).toEqual(new Set(['HOLD']));
      });

      it('continues after a restart from its last answer, and ends', async () => {
        const whole = await boot();
        const first = await boot();
        for (const bench of [whole, first]) shadow(bench, model(SECOND));
        await feed(whole, FROM, TO);
        // In a position.
        const cut = FROM + whole.shadows.findIndex((row) => saidBy(row).action === 'ENTER') + 1;
        await feed(first, FROM, cut);
        const again = await boot();
        const position: unknown = JSON.parse(first.shadows.at(-1)!.position);
        await feed(again, FROM, cut);
        shadow(again, model(SECOND), new Map([[subject, position as never]]));
        await feed(again, cut, TO);
        const positions = ({ shadows }: Bench): string[] => shadows.map((row) => row.position);
        expect(positions(again)).toEqual(positions(whole).slice(cut - FROM));
        shadow(again, null);
        await feed(again, TO, TO + 5);
        expect(again.shadows).toHaveLength(TO - cut);
      });

      it('that fails is dropped, and what is published is not affected', async () => {
        const bench = await boot();
        shadow(bench, model(SECOND, failAt(5)));
        await feed(bench, FROM, FROM + 10);
        expect(bench.shadows).toHaveLength(4);
        expect(bench.failures).toEqual([{ code: undefined, failed: SECOND, fallback: slot }]);
        expect(new Set(live(bench).map(({ mode }) => mode))).toEqual(new Set(['OK']));
      });
    });

    describe('a rollout', () => {
      const rolloutOf = (stage: ActiveRollout['stage'], share: number): ActiveRollout => ({
        ...timeframe,
        id: 'r1',
        stage,
        share,
        champion: FIRST,
        challenger: SECOND,
        key: KEY,
        block_minutes: 5,
      });
      const begin = ({ pipeline }: Bench, rollout: ActiveRollout | null, set: ShadowModels | null): void =>
        pipeline.inputs.apply({ kind: 'rollout', rollout, set });

      it('lets the keyed hash choose the arm of each entry, from a canary on, and replays to the byte', async () => {
        const bench = await boot();
        const assignment = new Assignment([subject], keyedHash(KEY), 300);
        const middle = (FROM + TO) / 2;
        begin(bench, rolloutOf('test', 0.1), model(SECOND));
        await feed(bench, FROM, middle);
        begin(bench, rolloutOf('rollout', 0.7), model(SECOND));
        await feed(bench, middle, TO);
        let kept: string | null = null;
        const answered = { [FIRST]: 0, [SECOND]: 0 };
        live(bench).forEach(({ model_version, action, target }, t) => {
          const share = FROM + t < middle ? 0.1 : 0.7;
          const assigned = assignment.armOf(0, market[FROM + t]!.time, share) === 'champion' ? FIRST : SECOND;
          expect([t, model_version]).toEqual([t, kept ?? assigned]);
          answered[model_version as Version]++;
          if (action === 'ENTER') kept = model_version;
          if (target === 0) kept = null;
          const { rollout } = JSON.parse(bench.rows[FROM + t]!.position) as { readonly rollout?: string };
          expect([t, rollout]).toEqual([t, kept === SECOND ? 'r1' : undefined]);
        });
        expect(Math.min(...Object.values(answered))).toBeGreaterThan(10);
        expect(await replayed(bench, (version) => model(version as Version))).toEqual(told(bench));
      });

      it('journals the virtual answers of both arms, each as if its model answered alone', async () => {
        const bench = await boot();
        begin(bench, rolloutOf('pilot', 0.3), model(SECOND));
        await feed(bench, FROM, TO);
        for (const arm of ARMS) {
          const version = arm === 'champion' ? FIRST : SECOND;
          const alone = open();
          await feed(alone, 0, FROM);
          activate(alone, model(version));
          await feed(alone, FROM, TO);
          const own = bench.shadows
            .filter(({ modelVersion }) => modelVersion === armVersion(version, 'r1'))
            .map(saidBy);
          const decided = ({ action, target }: Said): unknown[] => [action, target];
          expect(own.map(decided)).toEqual(live(alone).map(decided));
        }
      });

      it('ends before the bar at which its challenger fails is decided, and a replay gives the same', async () => {
        const bench = await boot();
        begin(bench, rolloutOf('full', 1), model(SECOND, failAt(30)));
        await feed(bench, FROM, FROM + 60);
        const versions = live(bench).map(({ model_version }) => model_version);
        expect(versions).toEqual(versions.map((_, t) => (t < 29 ? SECOND : FIRST)));
        expect(changes(bench).at(-1)).toBe('rollout failed r1');
        const load = (version: string): ShadowModels =>
          version === SECOND ? model(SECOND, failAt(30)) : model(version as Version);
        expect(await replayed(bench, load)).toEqual(told(bench));
      });

      it('ends behind the second bar in a row for which its challenger takes too long', async () => {
        const bench = await boot();
        begin(
          bench,
          rolloutOf('full', 1),
          model(SECOND, () => bench.passMs(SLOW_MS + 1)),
        );
        await feed(bench, FROM, FROM + 5);
        expect(live(bench).map(({ model_version }) => model_version)).toEqual([SECOND, SECOND, FIRST, FIRST, FIRST]);
      });

      it('is suspended while another model than its champion is active, and ends when it is aborted', async () => {
        const bench = await boot();
        begin(bench, rolloutOf('full', 1), model(SECOND));
        await feed(bench, FROM, FROM + 5);
        expect(bench.pipeline.status.rollout).toMatchObject({ id: 'r1', stage: 'full' });
        begin(bench, null, null);
        await feed(bench, FROM + 5, FROM + 10);
        expect(bench.pipeline.status.rollout).toBeNull();
        activate(bench, model(SECOND));
        begin(bench, rolloutOf('full', 1), model(FIRST));
        await feed(bench, FROM + 10, FROM + 15);
        expect([bench.pipeline.status.rollout, bench.shadows.length]).toEqual([null, 10]);
      });
    });

    it('continues after a kill with its position, to the byte as without one', async () => {
      const whole = await boot();
      const first = await boot();
      await feed(whole, FROM, TO);
      const cut = FROM + live(whole).findIndex(({ action }) => action === 'ENTER') + 1;
      await feed(first, FROM, cut);
      const again = open();
      await again.pipeline.recover(first.inputs, [first.rows.at(-1)!], () => {
        activate(again, model(FIRST));
        return Promise.resolve();
      });
      await feed(again, cut, TO);
      expect(told(again)).toEqual(told(whole).slice(cut));
    });
  },
);
