import type { MarketKind } from '../signal/signal.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../core/features/feature.ts';
import { createRng } from '../rng.ts';
import { writeBundle } from './bundle.ts';
import type { FeatureSchema } from './feature_schema.ts';
import type { Manifest, ModelMetrics, ModelReport } from './manifest.ts';
import { encodeOnnx } from './onnx/onnx.ts';
import { predict, type TreeEnsemble } from './onnx/tree_ensemble.ts';
import { randomEnsemble, randomRows } from './tree_kernel/random_ensemble.fixture.ts';
import { sha256Hex } from '../sha256.ts';

export interface RandomBundleOptions {
  readonly schema: FeatureSchema;
  readonly trees: number;
  readonly leaves: number;
  readonly seed: string;
  readonly market?: MarketKind;
  readonly created?: Date;
  readonly goldenRows?: number;
  /** Golden rows and answers of `models`, in place of those of the random trees. */
  readonly golden?: Manifest['golden'];
  /** ONNX files to write instead; the golden answers stay those of the random trees. */
  readonly models?: Partial<Record<ModelName, Uint8Array>>;
  /** Of the manifest; default: none. */
  readonly pairs?: readonly string[];
  /** Of the manifest; default: none. */
  readonly inputs?: Manifest['inputs'];
  /** Groups with random models of their own, of the seed `<seed> <name>`. */
  readonly groups?: Readonly<Record<string, RandomGroup>>;
}

export interface RandomGroup {
  readonly pairs: readonly string[];
  /** Models that are its own; default: all. */
  readonly own?: readonly ModelName[];
  readonly theta1?: number;
  readonly theta2?: number;
}

/** The random trees that `writeRandomBundle` writes for the same options. */
export function randomModels(options: RandomBundleOptions): Record<ModelName, TreeEnsemble> {
  const { trees, leaves, seed, schema } = options;
  const columns = schema.definitions.length;
  return perModel((name) => randomEnsemble({ trees, leaves, columns, seed: `${seed} ${name}` }));
}

/**
 * Writes a bundle of random, untrained trees of the given size, quickly. For benchmarks and tests of loading and
 * scoring.
 * @returns its folder
 */
export function writeRandomBundle(modelsFolder: string, options: RandomBundleOptions): string {
  const { schema, seed, goldenRows = 8 } = options;
  const columns = schema.definitions.length;
  const ensembles = randomModels(options);
  const groups = Object.entries(options.groups ?? {}).map(([name, group]) => randomGroup(name, group, options));
  const golden = { rows: goldenRows, columns, values: randomRows(createRng(`${seed} golden`), goldenRows, columns) };
  const answers = (name: ModelName): number[] => [...predict(ensembles[name], golden)];
  const manifest = {
    market: options.market ?? 'simulated',
    seed: 0,
    git_commit: null,
    feature_schema: schema.hash,
    features: schema.definitions.map(({ name }) => name),
    windows: {
      ...(schema.windows.formulas !== undefined && { formulas: schema.windows.formulas }),
      ...(schema.windows.sequence !== undefined && { sequence: schema.windows.sequence }),
    },
    pairs: [...(options.pairs ?? [])],
    period: { from: '', to: '', holdout_from: '' },
    data_hash: sha256Hex(seed),
    label_policy: {},
    engine: { name: 'random', parameters: { trees: options.trees, leaves: options.leaves } },
    theta1: 0.7,
    theta2: 0.3,
    risk_quantiles: Array.from({ length: 101 }, (_, i) => i / 100),
    metrics: { ai1: NO_REPORT, ai2: NO_REPORT, ai3: NO_REPORT, ai2_parts: {} },
    edge: {},
    ...(options.inputs && { inputs: options.inputs }),
    golden:
      options.golden ??
      ({
        features: Array.from({ length: goldenRows }, (_, row) =>
          [...golden.values.subarray(row * columns, (row + 1) * columns)].map((x) => (Number.isNaN(x) ? null : x)),
        ),
        ...Object.fromEntries(MODEL_NAMES.map((name) => [name, answers(name)])),
      } as Manifest['golden']),
  };
  const content = groups.map(({ name, pairs, own, ensembles: ofGroup, theta1, theta2 }) => ({
    name,
    pairs: [...pairs],
    verdict: 'random',
    own: {
      theta1,
      theta2,
      thresholds: null,
      risk_quantiles: manifest.risk_quantiles,
      metrics: {},
      golden: {
        features: manifest.golden.features,
        ...perModel((model) => [...predict((own.includes(model) ? ofGroup : ensembles)[model], golden)]),
      },
    },
  }));
  return writeBundle(modelsFolder, options.created ?? new Date(), {
    manifest: content.length === 0 ? manifest : { ...manifest, groups: content },
    groupModels: Object.fromEntries(
      groups.map(({ name, own, ensembles: ofGroup }) => [
        name,
        Object.fromEntries(own.map((model) => [model, encodeOnnx(ofGroup[model])])),
      ]),
    ),
    models: perModel((name) => options.models?.[name] ?? encodeOnnx(ensembles[name])),
    card: ({ version }) => `# ${version}: random trees that have learned nothing\n`,
  });
}

function randomGroup(
  name: string,
  { pairs, own = MODEL_NAMES, theta1 = 0.6, theta2 = 0.4 }: RandomGroup,
  options: RandomBundleOptions,
): Required<RandomGroup> & { readonly name: string; readonly ensembles: Record<ModelName, TreeEnsemble> } {
  return { name, pairs, own, theta1, theta2, ensembles: randomModels({ ...options, seed: `${options.seed} ${name}` }) };
}

const NO_METRICS: ModelMetrics = {
  rows: 0,
  label_mean: null,
  auc: null,
  brier: null,
  brier_baseline: null,
  log_loss: null,
  ece: null,
};
const NO_REPORT: ModelReport = {
  cross_validation: { mean: NO_METRICS, folds: [] },
  holdout: NO_METRICS,
  holdout_by_pair: {},
};
