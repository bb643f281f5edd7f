import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import type { ActiveRollout } from '../shared/bundle/rollout.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { legSeriesFrom } from '../shared/core/series/leg_series.ts';
import type { Observation } from '../shared/core/series/series_book.ts';
import { parsePair } from '../shared/pair.ts';
import { checksum } from '../shared/signal/encode.ts';
import type { SignalBody } from '../shared/signal/signal.ts';
import { tinyBars, tinySettings } from '../test/tiny_settings.ts';
import { barInput } from './queue/input.ts';
import { bodyOf, byMinute, openBench, withInference, type Bench } from './pipeline.fixture.ts';

const settings = tinySettings();
const { windows, pairs } = settings.minutehand;
const configured = featureSchema(windows);
const mine = featureSchema({ ...windows, formulas: 'far = rank(z_score, 70)\nratio = a.close / b.close' });
const others = featureSchema({ ...windows, formulas: 'ratio = a.close / b.close\nhour = hour()' });
const funded = featureSchema({
  ...windows,
  formulas: 'funding = a.series("funding_rate") - mean(a.series("funding_rate"), 5)',
});
const MARKET = byMinute(tinyBars(settings, 260));

let folder: string;
const paths: Record<string, string> = {};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-formula-sets-'));
  const made = { plain: configured, mine, others, funded };
  for (const [index, [name, schema]] of Object.entries(made).entries()) {
    const created = new Date(Date.UTC(2026, 0, 1 + index));
    paths[name] = writeRandomBundle(folder, { schema, trees: 10, leaves: 5, seed: name, created });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const load = (name: string): Promise<ModelSet> => loadModelSet(paths[name]!, configured, pairs.length);

interface Roles {
  readonly active: readonly ModelSet[];
  readonly shadow?: ModelSet;
  readonly rollout?: { readonly state: ActiveRollout; readonly set: ModelSet };
}

async function live({ active, shadow, rollout }: Roles): Promise<Bench> {
  const bench = openBench(settings);
  const { inputs } = bench.pipeline;
  for (const set of active) inputs.apply({ kind: 'swap', set });
  if (shadow !== undefined) inputs.apply({ kind: 'shadow', slot: 'pairs', set: shadow });
  if (rollout !== undefined) inputs.apply({ kind: 'rollout', rollout: rollout.state, set: rollout.set });
  for (const { bars } of MARKET) {
    for (const bar of bars) inputs.take(barInput(bar, false));
    await bench.pipeline.settled();
  }
  expect(bench.failures).toEqual([]);
  return bench;
}

type Scored = Pick<SignalBody, 'reason' | 'feature_schema' | 'return_prob' | 'risk_score' | 'position_scale'>;

/** By pair and minute. */
function scoresIn(rows: readonly { readonly body: string }[]): Map<string, Scored> {
  return new Map(
    rows.map((row) => {
      const { pair_id, timestamp, reason, feature_schema, return_prob, risk_score, position_scale } = bodyOf(row);
      return [`${pair_id} ${timestamp}`, { reason, feature_schema, return_prob, risk_score, position_scale }];
    }),
  );
}

const scored = (all: ReadonlyMap<string, Scored>): [string, Scored][] =>
  [...all].filter(([, { return_prob }]) => return_prob !== null);

describe('formulas over series of a leg', () => {
  it('see what had arrived by the close of a bar, also when bars and values come in one turn', async () => {
    const bench = openBench(settings);
    const { inputs } = bench.pipeline;
    const pair = parsePair(pairs[0]!);
    const observations = MARKET.map(({ time }, i): Observation => {
      const arrivalTime = time + 60 + (i % 3 === 0 ? 0.001 : 0);
      return { symbol: pair.a, name: 'funding_rate', eventTime: time, arrivalTime, value: ((i * 7) % 11) / 1000 };
    });
    inputs.apply({ kind: 'swap', set: await load('funded') });
    for (const [i, { bars }] of MARKET.entries()) {
      const [observation] = observations.slice(i);
      const isSeen = observation!.arrivalTime <= bars[0]!.time + 60;
      if (isSeen) inputs.apply({ kind: 'series', observation: observation! });
      for (const bar of bars) inputs.take(barInput(bar, false));
      if (!isSeen) inputs.apply({ kind: 'series', observation: observation! });
      if (i % 4 === 0) await bench.pipeline.settled();
    }
    await bench.pipeline.settled();
    expect(bench.failures).toEqual([]);
    const features = new PairFeatures(funded.windows);
    const series = legSeriesFrom(observations, pair);
    const expected = new Map<number, string>();
    for (const { time, bars } of MARKET) {
      const a = bars.find(({ symbol }) => symbol === pair.a);
      const b = bars.find(({ symbol }) => symbol === pair.b);
      if (a === undefined || b === undefined) continue;
      features.step(a, b, series.at(time + 60));
      const { buffer, byteOffset, byteLength } = features.values;
      expected.set(time, checksum(new Uint8Array(buffer, byteOffset, byteLength)));
    }
    const seen = bench.rows.filter((row) => row.pairId === pair.id && bodyOf(row).return_prob !== null);
    expect(seen.length).toBeGreaterThan(100);
    for (const row of seen) expect(row.featuresCrc).toBe(expected.get(row.time));
  });
});

describe('sets with different formulas at once', () => {
  it('a shadow is scored as it would be alone, and the active set as without it', async () => {
    const alone = await live({ active: [await load('plain')] });
    const expected = scoresIn((await live({ active: [await load('mine')] })).rows);
    const both = await live({ active: [await load('plain')], shadow: await load('mine') });
    expect(both.rows.map(({ body, featuresCrc }) => [body, featuresCrc])).toEqual(
      alone.rows.map(({ body, featuresCrc }) => [body, featuresCrc]),
    );
    const seen = scored(scoresIn(both.shadows));
    expect(seen.length).toBe(scored(expected).length);
    expect(seen.length).toBeGreaterThan(100);
    for (const [key, { return_prob, risk_score, position_scale, feature_schema }] of seen) {
      expect(expected.get(key)).toMatchObject({ return_prob, risk_score, position_scale, feature_schema });
      expect(feature_schema).toBe(mine.hash);
    }
    // The longest formula looks back further than the hand-written features.
    const warmUps = (rows: typeof both.rows): number => rows.filter((row) => bodyOf(row).reason === 'WARMUP').length;
    expect(warmUps(both.rows)).toBeLessThan([...expected.values()].filter(({ reason }) => reason === 'WARMUP').length);
  });

  it('each arm of a rollout is scored by its own columns', async () => {
    const [champion, challenger] = [await load('mine'), await load('others')];
    const state: ActiveRollout = {
      id: 'r1',
      stage: 'pilot',
      share: 0.5,
      champion: champion.version,
      challenger: challenger.version,
      key: 'ab'.repeat(32),
      block_minutes: 5,
    };
    const expected = {
      champion: scoresIn((await live({ active: [await load('mine')] })).rows),
      challenger: scoresIn((await live({ active: [await load('others')] })).rows),
    };
    const bench = await live({ active: [champion], rollout: { state, set: challenger } });
    const arms = { champion: 0, challenger: 0 };
    for (const row of bench.rows) {
      const { arm, pair_id, timestamp, return_prob, feature_schema } = bodyOf(row);
      if (return_prob === null) continue;
      arms[arm!]++;
      expect(expected[arm!].get(`${pair_id} ${timestamp}`)).toMatchObject({ return_prob, feature_schema });
    }
    expect(Math.min(arms.champion, arms.challenger)).toBeGreaterThan(20);
  });

  it('a set that fails is replaced within the bar by one with other columns', async () => {
    let answers = 0;
    const failing = withInference(await load('mine'), (infer) => (...asked) => {
      if (++answers > 30) throw new Error('session lost');
      return infer(...asked);
    });
    const bench = openBench(settings);
    bench.pipeline.inputs.apply({ kind: 'swap', set: await load('others') });
    bench.pipeline.inputs.apply({ kind: 'swap', set: failing });
    for (const { bars } of MARKET) {
      for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, false));
      await bench.pipeline.settled();
    }
    expect(bench.failures).toMatchObject([{ failed: failing.version }]);
    const expected = scoresIn((await live({ active: [await load('others')] })).rows);
    const after = scored(scoresIn(bench.rows)).filter(([, { feature_schema }]) => feature_schema === others.hash);
    expect(after.length).toBeGreaterThan(100);
    for (const [key, { return_prob }] of after) expect(expected.get(key)!.return_prob).toBe(return_prob);
  });
});
