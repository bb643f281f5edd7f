import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { DIRECTION_FILE, DIRECTION_REPORT } from '../../../../shared/bundle/direction/direction_manifest.ts';
import { loadDirectionModel } from '../../../../shared/bundle/direction/direction_model.ts';
import { instrumentSchema } from '../../../../shared/bundle/feature_schema.ts';
import type { TrainEngine } from '../../../../shared/policy/engines.ts';
import { NETWORKS_PYTHON } from '../../../../shared/policy/environment.ts';
import type { TrainPolicy } from '../../../../shared/policy/policy.ts';
import { networksNote } from '../../../../test/networks_python.ts';
import { TEST_PYTHON } from '../../../../test/python.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import { isSequence, sequencesOf } from '../../learners/contract/past_rows.ts';
import { directionLearner, windowsWith } from './direction_learner.ts';
import { directionServing } from './examined_way.ts';
import type { Instrument } from './instrument_rows.ts';
import { makeDirectionBundle } from './make_direction_bundle.ts';
import { hintedDays, HOUR, instrumentOf, PLAN, WINDOWS } from './small_markets.fixture.ts';
import { type DirectionPlan, trainDirection, type TrainedDirection } from './train_direction.ts';

const NETWORKS_NOTE = networksNote();

const INSTRUMENTS: readonly Instrument[] = [hintedDays('ONE', 0.5, 1), hintedDays('TWO', 0.5, -1)].map((bars) =>
  instrumentOf(bars),
);
const folder = mkdtempSync(join(tmpdir(), 'direction-learners-'));
let minute = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Ensembles = Parameters<typeof directionLearner>[1] & Pick<TrainPolicy, 'networks'>;

function planFor(engine: TrainEngine, train: Ensembles = {}): DirectionPlan {
  const learner = directionLearner(engine, train);
  return { ...PLAN, learner, windows: windowsWith(WINDOWS, [learner]) };
}

async function bundleOf(plan: DirectionPlan) {
  const trained = await trainDirection(INSTRUMENTS, plan, () => undefined);
  const manifest = await makeDirectionBundle({
    instruments: INSTRUMENTS,
    plan,
    trained,
    out: folder,
    created: new Date(++minute * 60_000),
    gitCommit: null,
    market: 'simulated',
  });
  return { trained, manifest, path: join(folder, manifest.version) };
}

/** Compares what a daemon answers with what the trainer's model does, on rows of the training. */
async function expectServed({ model, rows }: TrainedDirection, path: string): Promise<string> {
  const loaded = await loadDirectionModel(path, instrumentSchema(WINDOWS, HOUR), 64);
  const x = takeRows(
    rows.x,
    Array.from({ length: 64 }, (_, i) => i * 40),
  );
  const bars = loaded.manifest.windows['sequence'];
  const values = bars !== undefined && isSequence(x) ? sequencesOf(x, 0, x.rows) : x.values;
  const answers = await loaded.infer(values, x.rows);
  model.exactAnswers(x).forEach((p, i) => expect(Math.abs(answers[i]! - p)).toBeLessThan(1e-5));
  // Our own code serves bit for bit the numbers that the trainer measures.
  if (loaded.engine !== 'onnxruntime-node') expect([...answers.subarray(0, 3 * x.rows)]).toEqual([...model.answers(x)]);
  await loaded.release();
  // What a league states of the same model, whose file has no metadata.
  const serving = await directionServing(model, rows.x);
  expect(serving.engine).toBe(loaded.engine);
  expect(serving.bytes).toBeLessThan(statSync(join(path, DIRECTION_FILE)).size);
  expect(serving.latency_us.p50).toBeGreaterThan(0);
  expect(serving.latency_us.p99).toBeGreaterThanOrEqual(serving.latency_us.p50);
  return loaded.engine;
}

describe('a direction model is learned by', () => {
  it.each<[TrainEngine, string, Ensembles?]>([
    ['random_forest', 'own-graph'],
    ['logistic', 'own-graph'],
    ['vote', 'own-graph'],
    ['bagging', 'wasm-simd', { bagging: { members: 3 } }],
    ['stacking', 'own-graph', { stacking: { members: ['gbdt', 'logistic'], folds: 2 } }],
  ])('%s, and what a daemon serves answers alike', async (engine, scoring, train) => {
    const plan = planFor(engine, train);
    const { trained, manifest, path } = await bundleOf(plan);
    expect(manifest.engine.name).toBe(engine);
    expect(await expectServed(trained, path)).toBe(scoring);
    // It learns what the volume hints at.
    expect(trained.metrics.up_or_down_auc!).toBeGreaterThan(0.55);
    const report = JSON.parse(readFileSync(join(path, DIRECTION_REPORT), 'utf8')) as { learning: object };
    expect(report.learning).toMatchObject({ engine });
    expect('ensembles' in report.learning).toBe(!['random_forest', 'logistic'].includes(engine));
    // The same plan makes the same bytes.
    const again = await bundleOf(plan);
    for (const file of [DIRECTION_FILE, DIRECTION_REPORT])
      expect(readFileSync(join(again.path, file)).equals(readFileSync(join(path, file)))).toBe(true);
  });

  it.skipIf(NETWORKS_NOTE !== '').each<[TrainEngine, number | undefined, Ensembles?]>([
    ['neural_net', undefined],
    ['gru', 8],
    ['lstm', 8],
    ['transformer', 8],
    ['sklearn_logistic', undefined],
    ['vote', 8, { vote_members: ['gbdt', 'gru'] }],
  ])(`%s of Python, with a sequence of %s bars${NETWORKS_NOTE}`, async (engine, sequence, train) => {
    vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
    const networks = { epochs: 2, sequence_bars: 8, lstm_units: 64, batch_size: 256 } as const;
    const { trained, manifest, path } = await bundleOf(planFor(engine, { networks, ...train }));
    expect([manifest.engine.name, manifest.windows['sequence']]).toEqual([engine, sequence]);
    expect(await expectServed(trained, path)).toBe('onnxruntime-node');
    expect(manifest.golden.features[0]).toHaveLength(manifest.features.length * (sequence ?? 1));
  });

  it.skipIf(NETWORKS_NOTE !== '')(`neural_net of Python, with a search of its figures${NETWORKS_NOTE}`, async () => {
    vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
    const plan = planFor('neural_net', { networks: { epochs: 2, batch_size: 256 } });
    const { trained } = await bundleOf({ ...plan, search: { trials: 2, balancePenalty: false, ranges: {} } });
    const { best_parameters, ...report } = trained.search!;
    expect(report).toMatchObject({ trials: 2, failed: 0, balance_penalty: 0.5 });
    expect(Object.keys(best_parameters)).toContain('network.dropout');
    const { dropout } = trained.learning.learner.network;
    expect(dropout).toBe(report.adopted ? best_parameters['network.dropout'] : 0.2);
  });

  it('one that is compared with networks of several bars, and reads one itself', async () => {
    const { learner } = planFor('gbdt');
    const plan = { ...planFor('gbdt'), windows: { ...WINDOWS, sequence: 4 } };
    const { trained, manifest, path } = await bundleOf({ ...plan, learner });
    expect(manifest.windows['sequence']).toBeUndefined();
    expect(await expectServed(trained, path)).toBe('wasm-simd');
  });
});

describe('is refused before anything is learned', () => {
  const refused = (change: Partial<DirectionPlan>) =>
    trainDirection([], { ...PLAN, ...change }, () => expect.fail('learned')).catch((error: unknown) => error);

  it.each<[string, Partial<DirectionPlan>, RegExp]>([
    ['focal loss of another engine', { ...planFor('vote'), balance: 'focal' }, /vote with the balance focal/],
    ['focal loss that is compared', { ...planFor('logistic'), balances: ['focal'] }, /logistic with the balance focal/],
    ['focal loss of a peer', { balance: 'focal', peers: ['random_forest'] }, /random_forest with the balance focal/],
    [
      'a search without trees or a network',
      {
        ...planFor('logistic'),
        search: { trials: 3, balancePenalty: false, ranges: {} },
      },
      /a search of 3 trials with the engine logistic/,
    ],
    [
      'a range of trees in the search of a network',
      {
        ...planFor('lstm'),
        search: { trials: 3, balancePenalty: false, ranges: { leaves: { high: 8 } } },
      },
      /search\.ranges\.leaves with the engine lstm/,
    ],
  ])('%s', async (_, change, seen) => {
    expect(await refused(change)).toMatchObject({ code: 'LEARNER_TASK', seen: expect.stringMatching(seen) });
  });
});
