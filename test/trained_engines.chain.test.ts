import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import { clipBars, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { readActive, readManifest } from '../shared/bundle/bundle.ts';
import { MODEL_FILES, type Manifest } from '../shared/bundle/manifest.ts';
import type { RecordedGate } from '../shared/bundle/gates/gate_result.ts';
import { onnxAnswers } from '../shared/bundle/onnx/answers.ts';
import { decodeModel } from '../shared/bundle/onnx/schema.ts';
import { MODEL_NAMES } from '../shared/core/features/feature.ts';
import { LEARNER_PROGRAM, NETWORKS_PYTHON } from '../shared/policy/environment.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import type { ChainEngine } from './chain_engine.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { lastSignal, sendBars, startDaemon } from './fed_daemon.ts';
import { LOGISTIC_PROGRAM } from './logistic_program.ts';
import { networksNote } from './networks_python.ts';
import { TEST_PYTHON } from './python.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** Bars of the simulated market in files count as live ones. */
const MARKET = { MINUTEHAND_MARKET: 'live' };
const PAIR = 'XAUUSD_XAGUSD';
const TREES = { rounds: 10, learning_rate: 0.1, leaves: 7, min_data_in_leaf: 100 };
const TRAINED_MINUTES = 8000;
const NEWER_MINUTES = 6000;
const PUBLISHED_MINUTES = 5;
const MEMBERS = ['logistic', 'gbdt', 'random_forest'] as const;

interface Engine extends ChainEngine {
  /** Looks at the metadata and operators of one model. */
  check(facts: Readonly<Record<string, string>>, operators: readonly string[]): void;
}

/** Engines whose models are no trees alone. */
const ENGINES: readonly Engine[] = [
  {
    engine: 'vote',
    train: { vote_members: [...MEMBERS] },
    env: {},
    note: '',
    server: 'own-graph',
    check(facts, operators) {
      expect(facts['members']).toBe(MEMBERS.join(' '));
      const weights = facts['weights']!.split(' ').map(Number);
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
      for (const weight of weights) expect(weight).toBeGreaterThanOrEqual(1 / 6 - 1e-6);
      expect(operators.filter((operator) => operator === 'TreeEnsembleRegressor')).toHaveLength(2);
    },
  },
  {
    engine: 'program',
    train: {},
    env: { [LEARNER_PROGRAM]: LOGISTIC_PROGRAM },
    note: '',
    server: 'onnxruntime-node',
    check: (_, operators) => expect(operators).toContain('ArgMax'),
  },
  {
    engine: 'neural_net',
    train: { networks: { epochs: 12, batch_size: 256, learning_rate: 0.005 } },
    env: { [NETWORKS_PYTHON]: TEST_PYTHON },
    note: networksNote(),
    server: 'onnxruntime-node',
    check: (_, operators) => expect(operators.filter((operator) => operator === 'Gemm')).toHaveLength(3),
  },
];

describe.each(ENGINES)('a bundle of $engine', ({ engine, train, env, note, server, check }) => {
  let place: Workplace;
  let older: string;
  let bars: ReadonlyMap<string, BarColumns>;
  let version: string;
  let manifest: Manifest;
  const all = { env: { ...MARKET, ...env } };

  beforeAll(async () => {
    if (note !== '') return;
    const { pairs, windows, decision, label } = loadSettings({ env: {} }).minutehand;
    place = createWorkplace({
      core: { theta_step: 0.1 },
      retrain: { quality_min_samples: 1000 },
      minutehand: {
        pairs: pairs.slice(0, 3),
        windows,
        decision,
        label,
        train: { engine, ...train, folds: 2, max_rows: 4000, ai1: TREES, ai2: TREES, ai3: TREES },
        search: { trials: 0, theta_evaluations: 0 },
        simulated: { seed: 2 },
        feed: { straggler_timeout_ms: 50_000 },
      },
    });
    bars = tinyBars(place.settings, TRAINED_MINUTES + NEWER_MINUTES);
    const cut = bars.get('XAUUSD')!.time[TRAINED_MINUTES]! as OpenTime;
    older = await place.writeBars(
      'older',
      new Map([...bars].map(([symbol, own]) => [symbol, clipBars(own, undefined, cut)])),
    );
  });
  afterAll(async () => {
    if (note === '') await place.remove();
  });

  const test = (title: string, act: () => Promise<void>): void => it.skipIf(note !== '')(`${title}${note}`, act);

  test('passes every gate of `train --adopt` and becomes active', async () => {
    const args = ['train', '--data', older, '--adopt', '--workers', '1', '--no-cache', '--json'];
    const { code, stdout, stderr } = await place.run(args, all);
    expect(code, stdout + stderr).toBe(0);
    const trained = JSON.parse(stdout) as {
      readonly version: string;
      readonly adopted: boolean;
      readonly gates: readonly RecordedGate[];
    };
    expect(trained.gates.filter(({ passed }) => !passed)).toEqual([]);
    expect(trained.adopted).toBe(true);
    ({ version } = trained);
    expect(readActive(place.models)!.version).toBe(version);
    manifest = readManifest(join(place.models, version));
    expect(manifest.engine.name).toBe(engine);
    if (engine === 'neural_net') {
      const { epochs } = manifest.metrics.ai1;
      expect(epochs).toHaveLength(manifest.metrics.ai1.trees!);
      expect(manifest.configuration).toMatchObject({
        'train.networks.ai1.epochs': 12,
        'train.networks.ai2.patience': 10,
      });
    }
    if (engine === 'vote') expect(manifest.configuration).toMatchObject({ 'train.vote_members': MEMBERS.join(' ') });
    expect(readFileSync(join(place.models, version, 'CARD.md'), 'utf8')).toContain(engine);
    for (const name of MODEL_NAMES) {
      const { metadata, graph } = decodeModel(readFileSync(join(place.models, version, MODEL_FILES[name])));
      const facts = Object.fromEntries(metadata.map(({ key, value }) => [key, value]));
      check(
        facts,
        graph.nodes.map(({ operator }) => operator),
      );
    }
  });

  test('answers in the daemon, by its own code or by onnxruntime, what its graph says of the features', async () => {
    const url = await startDaemon(place, MARKET);
    await sendBars(url, bars, PUBLISHED_MINUTES);
    const journal = homePaths({ MINUTEHAND_HOME: place.home }).journal('live', 'main');
    const signal = await eventually('the last signal', () => lastSignal(journal, PAIR, PUBLISHED_MINUTES - 1));
    const health = (await (await fetch(`${url}/healthz`)).json()) as { readonly inference_engines: object };
    expect(health.inference_engines).toEqual({ ai1: server, ai2: server, ai3: server });
    const close = new Date((signal.time + 60) * 1000).toISOString();
    const explained = await place.run(['explain', PAIR, close, '--json'], all);
    expect(explained.code, explained.stderr).toBe(0);
    const { features } = JSON.parse(explained.stdout) as {
      readonly features: readonly { readonly name: string; readonly value: number | null }[];
    };
    expect(features.map(({ name }) => name)).toEqual(manifest.features);
    const values = Float32Array.from(features, ({ value }) => value ?? NaN);
    const answers = await onnxAnswers(readFileSync(join(place.models, version, MODEL_FILES.ai1)), {
      rows: 1,
      columns: values.length,
      values,
    });
    expect(signal.body.return_prob).toBeCloseTo(answers.values[0]!, 5);
  });
});
