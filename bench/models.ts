import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { readManifest, writeBundle } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { manifestSchema, type Manifest } from '../shared/bundle/manifest.ts';
import { encodeOnnx } from '../shared/bundle/onnx/onnx.ts';
import { emptyTree, predict, type Tree, type TreeEnsemble } from '../shared/bundle/onnx/tree_ensemble.ts';
import type { Windows } from '../shared/core/features/windows.ts';
import { perModel } from '../shared/core/features/feature.ts';
import { FeatureEngine, PairFeatures, type PairBars } from '../shared/core/features/features.ts';
import { recordMarket } from '../shared/market/simulated_market.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import { loadSettings, type Settings } from '../shared/policy/policy.ts';
import type { Rng } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';
import { train } from '../trainer/learning/training/pipeline.ts';
import { benchMarket } from './market.ts';

/** Bump this when bundles of earlier versions of the bench can no longer be used. */
const CACHE = 'minutehand-bench-models-1';
const TRAINING_MINUTES = 20_160;
const START = (Date.parse('2024-01-01T22:00:00Z') / 1000) as OpenTime;
const ROWS_FOR_SPLITS = 512;
const GOLDEN_ROWS = 32;
const LEAVES = 31;
const LEAF_SIGMA = 0.05;

/** Rows of real features, `[rows, columns]`, float32: inputs of models, and source of their splits. */
export interface FeatureRows {
  readonly columns: number;
  readonly rows: number;
  readonly values: Float32Array;
}

/** Trained bundles and random ones of fixed size. All serve a live market. */
export interface BenchModels {
  /** Bundle trained on two weeks of the simulated market, as `npm start` does. */
  readonly trained: string;
  /** Two bundles of three random models each, 300 trees × 31 leaves, split at real feature values. */
  readonly random: readonly [string, string];
}

/**
 * The bench's models, built once and kept in the machine's temporary folder. A change of anything they depend on
 * (feature schema, learning parameters, keys of a manifest) selects another folder: an earlier version refuses bundles
 * whose manifests have keys that it does not know.
 */
export async function benchModels(print: (line: string) => void): Promise<BenchModels> {
  const settings = loadSettings({ env: {} });
  const { windows, label, train: learning, decision, pairs } = settings.minutehand;
  const keys = Object.keys(manifestSchema.shape);
  const identity = JSON.stringify([featureSchema(windows).hash, label, learning, decision, settings.core, pairs, keys]);
  const folder = join(tmpdir(), `${CACHE}-${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`);
  if (!existsSync(folder)) {
    print('training the models of the bench, once …');
    const draft = `${folder}.${process.pid}`;
    mkdirSync(draft, { recursive: true });
    try {
      await makeModels(settings, draft);
      renameSync(draft, folder);
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      throw error;
    }
  }
  const bundle = (name: string): string => join(folder, name, BUNDLE_VERSIONS[name as keyof typeof BUNDLE_VERSIONS]);
  const models = { trained: bundle('trained'), random: [bundle('random_a'), bundle('random_b')] as const };
  for (const path of [models.trained, ...models.random]) readManifest(path);
  return models;
}

/** Distinct versions, so that all bundles fit into one folder. */
const BUNDLE_VERSIONS = { trained: '20240101_0000', random_a: '20240101_0001', random_b: '20240101_0002' } as const;

function createdOf(name: keyof typeof BUNDLE_VERSIONS): Date {
  const [, minute] = BUNDLE_VERSIONS[name].split('_');
  return new Date(`2024-01-01T${minute!.slice(0, 2)}:${minute!.slice(2)}:00Z`);
}

async function makeModels(settings: Settings, folder: string): Promise<void> {
  const { path } = await train({
    settings,
    bars: recordMarket(benchMarket(settings.minutehand.pairs, 'bench', START), TRAINING_MINUTES),
    market: 'live',
    seed: 1,
    gitCommit: null,
    out: join(folder, 'trained'),
    counts: join(folder, 'trained'),
    created: createdOf('trained'),
    workers: availableParallelism(),
    cache: null,
    trials: 0,
    searchFolder: null,
    holdoutFrom: null,
    onProgress: () => undefined,
  });
  const rows = featureRows(settings, ROWS_FOR_SPLITS + GOLDEN_ROWS);
  for (const name of ['random_a', 'random_b'] as const) writeRandomBundle(path!, join(folder, name), name, rows);
}

/** Trees of ai1, ai2, ai3 of a bundle trained here. */
export function treesOf(bundle: string): number[] {
  const { metrics } = readManifest(bundle);
  return [metrics.ai1, metrics.ai2, metrics.ai3].map(({ trees }) => trees ?? NaN);
}

/** The last `rows` feature rows of the configured pairs on the simulated market, shuffled. */
export function featureRows(settings: Settings, rows: number, seed = 'bench rows'): FeatureRows {
  const { pairs, windows } = settings.minutehand;
  const parsed = pairs.map(parsePair);
  const market = benchMarket(pairs, seed, START);
  const symbols = symbolsOf(parsed);
  const engine = new FeatureEngine(parsed, windows);
  const columns = engine.definitions.length;
  const wanted = Math.ceil(rows / pairs.length);
  const values = new Float32Array(wanted * pairs.length * columns);
  let row = 0;
  for (let minute = 0; minute < engine.warmupBars + wanted; minute++) {
    const { bars } = market.next();
    const bySymbol = new Map(symbols.map((symbol, i) => [symbol, bars[i]!]));
    const batch = parsed.map(({ a, b }, pairIndex): PairBars => ({
      pairIndex,
      a: bySymbol.get(a)!,
      b: bySymbol.get(b)!,
    }));
    engine.step(batch);
    if (minute < engine.warmupBars) continue;
    for (let pair = 0; pair < parsed.length; pair++) engine.writeRow(pair, values, row++ * columns);
  }
  shuffleRows(values, columns, createRng(seed));
  return { columns, rows, values: values.subarray(0, rows * columns) };
}

function shuffleRows(values: Float32Array, columns: number, rng: Rng): void {
  const swap = new Float32Array(columns);
  for (let i = values.length / columns - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    swap.set(values.subarray(i * columns, (i + 1) * columns));
    values.copyWithin(i * columns, j * columns, (j + 1) * columns);
    values.set(swap, j * columns);
  }
}

/** Rows of a schema with formulas, of the first configured pairs on the simulated market. */
function formulaRows(settings: Settings, windows: Windows, rows: number): FeatureRows {
  const pair = parsePair(settings.minutehand.pairs[0]!);
  const market = benchMarket([pair.id], 'bench formulas', START);
  const features = new PairFeatures(windows, pair);
  const columns = features.definitions.length;
  const values = new Float32Array(rows * columns);
  for (let minute = 0; minute < features.warmupBars + rows; minute++) {
    const { bars } = market.next();
    const bySymbol = new Map<string, Bar>(bars.map((bar) => [bar.symbol, bar]));
    features.step(bySymbol.get(pair.a)!, bySymbol.get(pair.b)!);
    if (minute >= features.warmupBars) features.writeRow(values, (minute - features.warmupBars) * columns);
  }
  shuffleRows(values, columns, createRng('bench formulas'));
  return { columns, rows, values };
}

/**
 * A bundle of random models as large as those of `benchModels`, with further columns.
 * @param trained bundle whose manifest it has otherwise
 * @param formulas as of `Windows.formulas`
 * @returns its folder in `out`
 */
export function writeFormulaBundle(trained: string, out: string, formulas: string): string {
  const settings = loadSettings({ env: {} });
  const windows = { ...settings.minutehand.windows, formulas };
  const schema = featureSchema(windows);
  const rows = formulaRows(settings, windows, ROWS_FOR_SPLITS + GOLDEN_ROWS);
  return writeRandomBundle(trained, out, 'random_a', rows, {
    windows: { ...windows },
    feature_schema: schema.hash,
    features: schema.definitions.map(({ name }) => name),
  });
}

/** Copies a trained bundle, replacing its models by random ones. @returns the folder of the copy */
function writeRandomBundle(
  trained: string,
  out: string,
  name: keyof typeof BUNDLE_VERSIONS,
  { columns, values }: FeatureRows,
  changes: Partial<Pick<Manifest, 'windows' | 'feature_schema' | 'features'>> = {},
): string {
  const rng = createRng(name);
  const splitRows = values.subarray(0, ROWS_FOR_SPLITS * columns);
  const golden = values.slice(ROWS_FOR_SPLITS * columns);
  const ensembles = perModel(() => randomEnsemble(300, columns, splitRows, rng));
  const answers = perModel((model) => [...predict(ensembles[model], { rows: GOLDEN_ROWS, columns, values: golden })]);
  const goldenRows = Array.from({ length: GOLDEN_ROWS }, (_, row) =>
    Array.from(golden.subarray(row * columns, (row + 1) * columns), (value) => (Number.isNaN(value) ? null : value)),
  );
  const { format, version, created, files, ...rest } = readManifest(trained);
  void [format, version, created, files];
  return writeBundle(out, createdOf(name), {
    manifest: {
      ...rest,
      ...changes,
      engine: { name: 'random', parameters: { trees_ai1: 300, trees_ai2: 300, trees_ai3: 300 } },
      golden: { features: goldenRows, ...answers },
    },
    models: perModel((model) => encodeOnnx(ensembles[model])),
    card: () => 'Random trees of a bench. Not for trading.\n',
  });
}

/**
 * Trees split within the data: always the leaf with most rows, at the value of one of them in a random column, so that
 * the path of a new row is as unpredictable as in trained trees.
 * @param rows `[n, columns]`, n ≥ 2
 */
export function randomEnsemble(trees: number, columns: number, rows: Float32Array, rng: Rng): TreeEnsemble {
  return {
    columns,
    baseScore: 0,
    trees: Array.from({ length: trees }, () => randomTree(LEAVES, columns, rows, rng)),
  };
}

function randomTree(leaves: number, columns: number, rows: Float32Array, rng: Rng): Tree {
  const nodes = 2 * leaves - 1;
  const tree = emptyTree(nodes);
  const open = [{ node: 0, members: Array.from({ length: rows.length / columns }, (_, i) => i) }];
  let used = 1;
  for (let split = 1; split < leaves; split++) {
    open.sort((a, b) => b.members.length - a.members.length);
    const { node, members } = open.shift()!;
    const column = rng.integer(columns);
    const drawn = rows[members[rng.integer(Math.max(1, members.length))]! * columns + column] ?? 0;
    const threshold = Number.isFinite(drawn) ? drawn : 0;
    const missingLeft = rng.integer(2);
    const goesLeft = (row: number): boolean => {
      const x = rows[row * columns + column]!;
      return Number.isNaN(x) ? missingLeft === 1 : x <= threshold;
    };
    tree.feature[node] = column;
    tree.threshold[node] = threshold;
    tree.missingLeft[node] = missingLeft;
    tree.left[node] = used;
    tree.right[node] = used + 1;
    open.push({ node: used++, members: members.filter(goesLeft) });
    open.push({ node: used++, members: members.filter((row) => !goesLeft(row)) });
  }
  for (const { node } of open) tree.value[node] = LEAF_SIGMA * rng.normal();
  return tree;
}
