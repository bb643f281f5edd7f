import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../shared/clock.ts';
import { createExplainer } from '../shared/explain/explain_minute.ts';
import type { SignalBody } from '../shared/signal/signal.ts';
import { openJournal } from '../shared/store/journal.ts';
import { tinyBars, tinySettings } from '../test/tiny_settings.ts';
import { replayJournal } from './replay.ts';
import { barInput } from './queue/input.ts';
import { createJournal } from './journal/journal.ts';
import { writeInPlace } from './journal/journal_writer.ts';
import { bodiesOf, bodyOf, byMinute, openBench, type Bench } from './pipeline.fixture.ts';

const settings = tinySettings();
const { windows, pairs } = settings.minutehand;
const schema = featureSchema(windows);
const FX = 'EURUSD_GBPUSD';
const MARKET = byMinute(tinyBars(settings, 260));
const common = { schema, trees: 10, leaves: 5 };

let folder: string;
let grouped: string;
let pooled: string;
let ofFx: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-daemon-groups-'));
  const groups = { fx: { pairs: [FX], theta1: 0.5, theta2: 0.6 } };
  grouped = writeRandomBundle(folder, { ...common, seed: 'all', groups });
  pooled = writeRandomBundle(folder, { ...common, seed: 'all' });
  ofFx = writeRandomBundle(folder, { ...common, seed: 'all fx' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const load = (path: string): Promise<ModelSet> => loadModelSet(path, schema, pairs.length);

async function live(path: string, bench: Bench, shadow: string | null = null): Promise<Bench> {
  bench.pipeline.inputs.apply({ kind: 'swap', set: await load(path) });
  if (shadow !== null) bench.pipeline.inputs.apply({ kind: 'shadow', slot: 'pairs', set: await load(shadow) });
  return take(bench);
}

async function take(bench: Bench): Promise<Bench> {
  for (const { bars } of MARKET) {
    for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, false));
    await bench.pipeline.settled();
  }
  return bench;
}

const scoresOf = ({ return_prob, risk_score, position_scale }: SignalBody): unknown =>
  JSON.stringify([return_prob, risk_score, position_scale]);

function ofPair(bench: Bench, pair: string): SignalBody[] {
  return bodiesOf(bench.rows, pair).map((body) => bodyOf({ body }));
}

describe('a daemon whose models have groups', () => {
  it('answers each pair by the models and thresholds of its group', async () => {
    expect(pairs).toContain(FX);
    const [both, one, other] = await Promise.all(
      [grouped, pooled, ofFx].map((path) => live(path, openBench(settings))),
    );
    for (const pair of pairs) {
      const seen = ofPair(both!, pair);
      const expected = ofPair(pair === FX ? other! : one!, pair);
      expect(seen.length).toBeGreaterThan(200);
      expect(seen.map(scoresOf)).toEqual(expected.map(scoresOf));
      const thresholds = pair === FX ? [0.5, 0.6] : [0.7, 0.3];
      expect(seen.every(({ theta1, theta2 }) => theta1 === thresholds[0] && theta2 === thresholds[1])).toBe(true);
    }
    expect(ofPair(both!, FX).map(scoresOf)).not.toEqual(ofPair(one!, FX).map(scoresOf));
    const flags = ofPair(both!, FX).filter(({ risk_flag }) => risk_flag !== null);
    for (const { risk_flag, risk_score } of flags) expect(risk_flag).toBe(risk_score! >= 0.6 ? 1 : 0);
  });

  it('scores a shadow with groups like the published signals of the same models', async () => {
    const published = await live(grouped, openBench(settings));
    const shadowed = await live(pooled, openBench(settings), grouped);
    for (const pair of pairs) {
      const shadow = bodiesOf(shadowed.shadows as never, pair).map((body) => bodyOf({ body }));
      const scored = ofPair(published, pair).filter(({ return_prob }) => return_prob !== null);
      expect(shadow.map(scoresOf)).toEqual(scored.map(scoresOf));
    }
  });

  it('publishes a challenger with groups, in a rollout, as the same models decide alone', async () => {
    const published = await live(grouped, openBench(settings));
    const champion = await load(pooled);
    const challenger = await load(grouped);
    const bench = openBench(settings);
    bench.pipeline.inputs.apply({ kind: 'swap', set: champion });
    const versions = { champion: champion.version, challenger: challenger.version };
    const rollout = {
      id: 'r1',
      stage: 'full',
      share: 1,
      ...versions,
      key: '0f'.repeat(16),
      block_minutes: 10,
    } as const;
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout, set: challenger });
    await take(bench);
    for (const pair of pairs) {
      const seen = ofPair(bench, pair);
      const expected = ofPair(published, pair);
      expect(seen.map(scoresOf)).toEqual(expected.map(scoresOf));
      expect(seen.map(({ theta1 }) => theta1)).toEqual(expected.map(({ theta1 }) => theta1));
      expect(seen.at(-1)!.arm).toBe('challenger');
    }
  });

  it('is replayed from its journal to the byte, and explained by the models of the group', async () => {
    const path = join(folder, 'journal.db');
    const store = openJournal(path);
    const journal = createJournal({
      writer: writeInPlace(store),
      scheduler: MACHINE_SCHEDULER,
      onFailure: () => undefined,
      onRecovered: () => undefined,
    });
    await live(grouped, openBench(settings, { journal }));
    const signals = [...store.signals()];
    const { differences, equal } = await replayJournal({
      settings,
      pairIds: pairs,
      clock: MACHINE_CLOCK,
      bootId: 'replay',
      store,
      loadModels: (version) => load(join(folder, version)),
      onSignals: () => undefined,
    });
    expect([differences, equal]).toEqual([[], signals.length]);
    const explainer = createExplainer(settings, { models: folder, journal: () => path });
    for (const pair of pairs) {
      const last = signals.filter(({ pairId }) => pairId === pair).at(-1)!;
      const why = await explainer.explain(pair, last.time);
      expect(why.reproduced).toEqual({ equal: true, code: null, differences: [] });
      expect(why.models!.ai1.answer).toBe(bodyOf(last).return_prob);
    }
    store.close();
  });
});
