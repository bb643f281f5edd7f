import { basename, join } from 'node:path';
import { activateInFolder } from '../shared/bundle/admission/activation.ts';
import type { Admitted, UnmarkedBundle, Door } from '../shared/bundle/admission/admission.ts';
import { writeBundle, type BundleContent } from '../shared/bundle/bundle.ts';
import { featureSchema, type FeatureSchema } from '../shared/bundle/feature_schema.ts';
import type { ModelReport } from '../shared/bundle/manifest.ts';
import { encodeOnnx } from '../shared/bundle/onnx/onnx.ts';
import { predict, type Matrix, type Tree, type TreeEnsemble } from '../shared/bundle/onnx/tree_ensemble.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../shared/core/features/feature.ts';
import { riskQuantiles } from '../shared/strategies/pair_reversion/risk_rank.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';
import { drawnDescription } from './described_inputs.ts';
import { sha256Hex } from '../shared/sha256.ts';
import type { ModelSlotId } from '../shared/subject/slot.ts';
import { folderOf } from '../shared/bundle/slot_files.ts';

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

/** Models that answer for some pairs, and what turns their scores into signals. */
interface Part {
  readonly ensembles: Readonly<Record<ModelName, TreeEnsemble>>;
  readonly theta1: number;
  readonly theta2: number;
  readonly sample: Matrix;
  readonly golden: readonly (readonly (number | null)[])[];
  /** Of what its description of training rows is drawn; null: it has none, as earlier bundles. */
  readonly described: string | null;
}

/** A group and its models: `own` of the seed, the others pooled ones. */
interface GroupPart extends Part {
  readonly name: string;
  readonly pairs: readonly string[];
  readonly own: readonly ModelName[];
}

function drawPart(seed: string, columns: number, theta1: number, theta2: number): Part {
  const rng = createRng(seed);
  const ensembles = {
    ai1: randomEnsemble(rng, columns, 0.6),
    ai2: randomEnsemble(rng, columns, -0.5),
    ai3: randomEnsemble(rng, columns, 0),
  };
  const values = new Float32Array(SAMPLE_ROWS * columns).map(() => rng.normal());
  const golden = Array.from({ length: GOLDEN_ROWS }, () =>
    Array.from({ length: columns }, () => (rng.integer(10) === 0 ? null : Math.fround(rng.normal()))),
  );
  const described = seed.endsWith('0') ? null : `inputs of ${seed}`;
  return { ensembles, theta1, theta2, sample: { rows: SAMPLE_ROWS, columns, values }, golden, described };
}

const pooledPart = (index: number, columns: number): Part => drawPart(`simulated models ${index}`, columns, 0.45, 0.9);

/** Of the sets of a world with groups, two in three have some. */
function groupParts(index: number, columns: number, [first, second]: readonly string[]): GroupPart[] {
  const pooled = pooledPart(index, columns);
  const draw = (pair: string, own: readonly ModelName[], theta1: number, theta2: number): GroupPart => {
    const name = pair === first ? 'first' : 'second';
    const part = drawPart(`simulated models ${index} ${name}`, columns, theta1, theta2);
    const ensembles = perModel((model) => (own.includes(model) ? part : pooled).ensembles[model]);
    return { ...part, ensembles, golden: pooled.golden, name, pairs: [pair], own };
  };
  if (index % 3 === 0) return [draw(first!, MODEL_NAMES, 0.4, 0.85), draw(second!, ['ai1', 'ai3'], 0.5, 0.95)];
  return index % 3 === 1 ? [draw(second!, MODEL_NAMES, 0.35, 0.8)] : [];
}

/** Thresholds, ranks and golden answers, as a manifest has them, and the rows that AI1 would have learned from. */
function describePart({ ensembles, theta1, theta2, sample, golden, described }: Part, features: readonly string[]) {
  const values = Float32Array.from(golden.flat(), (value) => value ?? NaN);
  const goldenRows = { rows: golden.length, columns: sample.columns, values };
  return {
    theta1,
    theta2,
    ...(described !== null && { inputs: drawnDescription(createRng(described), features) }),
    risk_quantiles: riskQuantiles(predict(ensembles.ai2, sample), RISK_QUANTILES),
    golden: {
      features: golden.map((row) => [...row]),
      ...perModel((name) => [...predict(ensembles[name], goldenRows)]),
    },
  };
}

function encodeModels<Name extends ModelName>({ ensembles }: Part, names: readonly Name[]): Record<Name, Uint8Array> {
  return Object.fromEntries(names.map((name) => [name, encodeOnnx(ensembles[name])])) as Record<Name, Uint8Array>;
}

function makeContent(
  index: number,
  settings: Settings,
  schema: FeatureSchema,
  part: Part,
  groups: readonly GroupPart[],
): BundleContent {
  const { pairs, windows } = settings.minutehand;
  const edge = { no_edge: false, trades: 0, mean_gross_bps: null, mean_net_bps: null, lower_5_net_bps: null };
  const features = schema.definitions.map(({ name }) => name);
  const ofGroups = groups.map((group) => ({
    name: group.name,
    pairs: [...group.pairs],
    verdict: 'simulated',
    own: { ...describePart(group, features), thresholds: null, metrics: {} },
  }));
  return {
    models: encodeModels(part, MODEL_NAMES),
    groupModels: Object.fromEntries(groups.map((group) => [group.name, encodeModels(group, group.own)])),
    card: ({ version }) => `# ${version}\n`,
    manifest: {
      market: 'live',
      seed: index,
      git_commit: null,
      feature_schema: schema.hash,
      features,
      windows: { ...windows },
      pairs: [...pairs],
      period: { from: '2025-01-01', to: '2025-06-01', holdout_from: '2025-05-01' },
      data_hash: sha256Hex(`simulated ${index}`),
      label_policy: {},
      engine: { name: 'random trees', parameters: {} },
      ...describePart(part, features),
      metrics: { ai1: NOTHING_MEASURED, ai2: NOTHING_MEASURED, ai3: NOTHING_MEASURED, ai2_parts: {} },
      edge: Object.fromEntries(pairs.map((pair) => [pair, edge])),
      ...(ofGroups.length > 0 && { groups: ofGroups }),
    },
  };
}

const made = new Map<string, BundleContent>();

function once(key: string, settings: Settings, make: (schema: FeatureSchema) => BundleContent): BundleContent {
  const schema = featureSchema(settings.minutehand.windows);
  const whole = `${schema.hash} ${settings.minutehand.pairs.join()} ${key}`;
  let content = made.get(whole);
  if (content === undefined) {
    content = make(schema);
    made.set(whole, content);
  }
  return content;
}

/** The `run`-th of a few sets of tiny random models that let trades happen. */
export function modelContent(run: number, settings: Settings, hasGroups: boolean): BundleContent {
  const index = run % MODELS_MADE;
  return once(`${index} ${hasGroups}`, settings, (schema) => {
    const columns = schema.definitions.length;
    const groups = hasGroups ? groupParts(index, columns, settings.minutehand.pairs) : [];
    return makeContent(index, settings, schema, pooledPart(index, columns), groups);
  });
}

/**
 * The models of a pair's group alone, as a bundle of their own without any group.
 * @returns null: the pooled models serve the pair
 */
export function groupContent(run: number, settings: Settings, pairId: string): BundleContent | null {
  const index = run % MODELS_MADE;
  const columns = featureSchema(settings.minutehand.windows).definitions.length;
  const part = groupParts(index, columns, settings.minutehand.pairs).find(({ pairs }) => pairs.includes(pairId));
  if (part === undefined) return null;
  return once(`${index} of ${pairId}`, settings, (schema) => makeContent(index, settings, schema, part, []));
}

/** Random trees of the simulated trainer have no gates to pass: the simulator is about the daemon that follows. */
export function unjudged<Through extends Door>(
  door: Through,
  version: string,
  folder: string,
  files: FileSystem,
  slot: ModelSlotId = 'pairs',
): Admitted<Through> {
  const manifestHash = sha256Hex(files.read(join(folderOf(slot, version, folder), 'manifest.json')));
  const own: UnmarkedBundle<Through> = {
    door,
    version,
    slot,
    manifestHash,
    despite: null,
    fence: null,
  };
  return own as Admitted<Through>;
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
  const version = basename(path);
  activateInFolder(unjudged('folder', version, folder, files), folder, files);
  return { version, path: join(folder, version) };
}
