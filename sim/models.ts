import { join } from 'node:path';
import { activate, sha256Hex, writeBundle, type BundleContent } from '../shared/bundle/bundle.ts';
import { featureSchema, type FeatureSchema } from '../shared/bundle/feature_schema.ts';
import type { ModelReport } from '../shared/bundle/manifest.ts';
import { encodeOnnx } from '../shared/bundle/onnx/onnx.ts';
import { predict, type Tree, type TreeEnsemble } from '../shared/bundle/onnx/tree_ensemble.ts';
import { perModel } from '../shared/core/features/feature.ts';
import { riskQuantiles } from '../shared/core/decide/risk_rank.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';

const TREES = 4;
const GOLDEN_ROWS = 4;
const SAMPLE_ROWS = 200;
const RISK_QUANTILES = 10;
/** Distinct models created per process; worlds share them. */
const MODELS_MADE = 8;

/** Random trees with two splits each. They are untrained: they only need to answer, and to differ. */
export function randomEnsemble(rng: Rng, columns: number, baseScore: number): TreeEnsemble {
  const tree = (): Tree => {
    const column = (): number => rng.integer(columns);
    const leaf = (): number => Math.fround(rng.normal() * 0.4);
    return {
      feature: Int32Array.of(column(), column(), -1, -1, -1),
      threshold: Float32Array.of(rng.normal(), rng.normal(), 0, 0, 0),
      left: Int32Array.of(1, 3, 0, 0, 0),
      right: Int32Array.of(2, 4, 0, 0, 0),
      missingLeft: Uint8Array.of(rng.integer(2), rng.integer(2), 0, 0, 0),
      value: Float32Array.of(0, 0, leaf(), leaf(), leaf()),
    };
  };
  return { columns, baseScore: Math.fround(baseScore), trees: Array.from({ length: TREES }, tree) };
}

const NOTHING_MEASURED: ModelReport = ((): ModelReport => {
  const none = { rows: 0, label_mean: null, auc: null, brier: null, brier_baseline: null, log_loss: null, ece: null };
  return { cross_validation: { mean: none, folds: [] }, holdout: none, holdout_by_pair: {} };
})();

function makeContent(index: number, settings: Settings, schema: FeatureSchema): BundleContent {
  const rng = createRng(`simulated models ${index}`);
  const columns = schema.definitions.length;
  const ensembles = {
    ai1: randomEnsemble(rng, columns, 0.6),
    ai2: randomEnsemble(rng, columns, -0.5),
    ai3: randomEnsemble(rng, columns, 0),
  };
  const sample = {
    rows: SAMPLE_ROWS,
    columns,
    values: new Float32Array(SAMPLE_ROWS * columns).map(() => rng.normal()),
  };
  const golden = Array.from({ length: GOLDEN_ROWS }, () =>
    Array.from({ length: columns }, () => (rng.integer(10) === 0 ? null : Math.fround(rng.normal()))),
  );
  const goldenRows = { rows: GOLDEN_ROWS, columns, values: Float32Array.from(golden.flat(), (value) => value ?? NaN) };
  const { pairs, windows } = settings.minutehand;
  const edge = { no_edge: false, trades: 0, mean_gross_bps: null, mean_net_bps: null, lower_5_net_bps: null };
  return {
    models: perModel((name) => encodeOnnx(ensembles[name])),
    card: ({ version }) => `# ${version}\n`,
    manifest: {
      market: 'live',
      seed: index,
      git_commit: null,
      feature_schema: schema.hash,
      features: schema.definitions.map(({ name }) => name),
      windows: { ...windows },
      pairs: [...pairs],
      period: { from: '2025-01-01', to: '2025-06-01', holdout_from: '2025-05-01' },
      data_hash: sha256Hex(`simulated ${index}`),
      label_policy: {},
      engine: { name: 'random trees', parameters: {} },
      theta1: 0.45,
      theta2: 0.9,
      risk_quantiles: riskQuantiles(predict(ensembles.ai2, sample), RISK_QUANTILES),
      metrics: { ai1: NOTHING_MEASURED, ai2: NOTHING_MEASURED, ai3: NOTHING_MEASURED, ai2_parts: {} },
      edge: Object.fromEntries(pairs.map((pair) => [pair, edge])),
      golden: { features: golden, ...perModel((name) => [...predict(ensembles[name], goldenRows)]) },
    },
  };
}

const made = new Map<string, BundleContent>();

/** Set number `index` of a few sets of tiny random models that allow trades. */
export function modelContent(index: number, settings: Settings): BundleContent {
  const schema = featureSchema(settings.minutehand.windows);
  const key = `${schema.hash} ${settings.minutehand.pairs.join()} ${index % MODELS_MADE}`;
  let content = made.get(key);
  if (content === undefined) {
    content = makeContent(index % MODELS_MADE, settings, schema);
    made.set(key, content);
  }
  return content;
}

/**
 * Ends a training run: writes a complete bundle and activates it.
 * @returns its version
 * @throws any disk error
 */
export function publishModels(
  files: FileSystem,
  folder: string,
  created: Date,
  content: BundleContent,
): { version: string; path: string } {
  const path = writeBundle(folder, created, content, files);
  const version = path.slice(path.lastIndexOf('/') + 1);
  activate(folder, version, files);
  return { version, path: join(folder, version) };
}
