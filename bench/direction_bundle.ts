import type { MarketKind } from '../shared/signal/signal.ts';
import { basename } from 'node:path';
import { DIRECTION_GATES, needsLimit, type DirectionGateCode } from '../shared/bundle/gates/gate_codes.ts';
import { directionFolder } from '../shared/bundle/direction/active_direction.ts';
import { writeDirectionBundle } from '../shared/bundle/direction/direction_bundle.ts';
import type { DirectionManifest } from '../shared/bundle/direction/direction_manifest.ts';
import { instrumentSchema } from '../shared/bundle/feature_schema.ts';
import { encodeTreeModel } from '../shared/bundle/onnx/onnx.ts';
import { withCover } from '../shared/bundle/onnx/tree_cover.ts';
import { predictModel, type TreeEnsemble, type TreeModel } from '../shared/bundle/onnx/tree_ensemble.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { TIMEFRAMES, type Timeframe } from '../shared/pair.ts';

export interface RandomDirectionOptions {
  /** All have an edge. */
  readonly symbols: readonly string[];
  readonly timeframe: Timeframe;
  readonly created: Date;
  /** Of the bars; default: live. */
  readonly market?: MarketKind;
  /** Of the bundle, as features.yaml writes them, joined by line breaks; absent: none. */
  readonly formulas?: string;
  /** Of its training rows; absent: it does not describe them, as earlier bundles. */
  readonly inputs?: DirectionManifest['inputs'];
  /** Of the columns of its schema: up, down, range. */
  readonly ensembles: readonly TreeEnsemble[];
  /** `[rows, columns]`: the cover of the trees, and golden vectors. */
  readonly rows: Float32Array;
  readonly goldenRows: Float32Array;
}

/**
 * Writes a valid direction bundle of random trees into a folder of bundles.
 * @returns its version
 */
export function writeRandomDirection(models: string, options: RandomDirectionOptions): string {
  const { symbols, timeframe, created, ensembles, rows, goldenRows } = options;
  const windows = { ...INSTRUMENT_WINDOWS, ...(options.formulas !== undefined && { formulas: options.formulas }) };
  const schema = instrumentSchema(windows, TIMEFRAMES[timeframe]);
  const columns = schema.definitions.length;
  const x = { rows: rows.length / columns, columns, values: rows };
  const model: TreeModel = withCover({ link: 'softmax', ensembles }, x);
  const golden = goldenRows.length / columns;
  const answers = predictModel(model, { rows: golden, columns, values: goldenRows });
  const rowsOf = (of: ArrayLike<number>, width: number): number[][] =>
    Array.from({ length: golden }, (_, row) => Array.from({ length: width }, (__, k) => of[row * width + k]!));
  const up = 0.61;
  const down = 0.6;
  const range = 0.78;
  const features = rowsOf(goldenRows, columns).map((row) => row.map((value) => (Number.isNaN(value) ? null : value)));
  const manifest: Omit<DirectionManifest, 'format' | 'version' | 'created' | 'files'> = {
    git_commit: null,
    market: options.market ?? 'live',
    engine: { name: 'gbdt', parameters: { trees: ensembles[0]!.trees.length } },
    timeframe: TIMEFRAMES[timeframe],
    windows,
    feature_schema: schema.hash,
    features: schema.definitions.map(({ name }) => name),
    instruments: [...symbols],
    sources: [],
    period: { from: '2020-01-01T00:00Z', to: '2020-03-01T00:00Z' },
    data_hash: 'random',
    label: { unit: 'percent', threshold: 0.02, horizon: 24 },
    balance: 'none',
    calibration: { kind: 'vector', slope: [1, 1, 1], intercept: [0, 0, 0] },
    strategy: { theta_up: 0.34, theta_down: 0.34, stop: 0.02, target: 0.02, max_age_bars: 24 },
    metrics: {
      rows: 1000,
      log_loss: 0.96,
      log_loss_prior: 1.09,
      brier: 0.57,
      class_wise_ece: 0.02,
      auc: [up, down, range],
      up_or_down_auc: 0.52,
      net_bps: 3.1,
      lower_5_net_bps: 0.4,
      upper_95_net_bps: 5.9,
      trades: 42,
    },
    ...(options.inputs && { inputs: options.inputs }),
    // Random trees have nothing to judge.
    gates: (Object.keys(DIRECTION_GATES) as DirectionGateCode[]).map((code) => ({
      code,
      role: 'direction',
      passed: true,
      value: needsLimit(code) ? 0 : null,
      relation: needsLimit(code) ? '<=' : null,
      limit: needsLimit(code) ? 0 : null,
      unit: 'score',
      evidence: {},
    })),
    edge: Object.fromEntries(
      symbols.map((symbol) => [symbol, { no_edge: false, trades: 42, net_bps: 3.1, lower_net_bps: 0.4 }]),
    ),
    golden: { features, probabilities: rowsOf(answers, 3) },
  };
  const folder = writeDirectionBundle(directionFolder(models), created, {
    manifest,
    model: encodeTreeModel(model, { metadata: { feature_schema: schema.hash } }),
    report: {},
    card: ({ version }) => `# Direction model ${version}\n`,
  });
  return basename(folder);
}
