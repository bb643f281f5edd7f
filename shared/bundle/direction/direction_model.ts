import { MinutehandError } from '../../errors.ts';
import { exp } from '../../elementary.ts';
import { joinedFloat32 } from '../../joined_numbers.ts';
import { bundleInstrumentSchema, type InstrumentSchema } from '../feature_schema.ts';
import { InputNovelty } from '../input_novelty.ts';
import { onnxAnswers } from '../onnx/answers.ts';
import { decodeTreeModel } from '../onnx/tree_graph.ts';
import type { TreeModel } from '../onnx/tree_ensemble.ts';
import { checkRows } from '../tree_kernel/cross_check.ts';
import { packTrees } from '../tree_kernel/pack.ts';
import { openTreeKernel } from '../tree_kernel/tree_kernel.ts';
import { readDirectionBundle } from './direction_bundle.ts';
import { DIRECTION_FILE, type DirectionManifest } from './direction_manifest.ts';

/** Logits beyond 8 are float32 sums of hundreds of leaves in onnxruntime: some 1e-6 of a probability. */
const TOLERANCE = 1e-5;

/** A verified direction model, ready to score. */
export interface DirectionModel {
  readonly manifest: DirectionManifest;
  readonly modelsHash: string;
  /** Of its columns, where there are formulas among them; absent: the hand-written features are all. */
  readonly formulas?: InstrumentSchema;
  /** Measures how unlike its training rows an input is; absent: the bundle does not describe them. */
  readonly novelty?: InputNovelty;
  /** Rows that were compared with onnxruntime, and the largest difference of a probability. */
  readonly check: { readonly rows: number; readonly largestDifference: number };
  /**
   * Probabilities of the first `rows` rows of `features`, by row: up, down, range. Nothing is allocated; they belong to
   * the caller until the next call.
   * @throws RangeError more rows than it was loaded for
   * @throws MinutehandError MODEL_OUTPUT when a probability is not within [0, 1]
   */
  infer(features: Float32Array, rows: number): Float64Array;
}

/** A verified bundle without anything that is bound to a thread. */
export interface PreparedDirection extends Pick<DirectionModel, 'manifest' | 'modelsHash' | 'check' | 'formulas'> {
  readonly model: TreeModel;
}

/** Reads, verifies and opens a bundle, with its own formulas. @throws MinutehandError as prepareDirection */
export async function loadDirectionModel(
  folder: string,
  schema: InstrumentSchema,
  maxRows: number,
): Promise<DirectionModel> {
  return openDirection(await prepareDirection(folder, schema), maxRows);
}

/**
 * Reads and verifies a bundle, and compares the WASM scorer with onnxruntime on rows at all thresholds and with the
 * golden answers.
 * @param configured schema of this version; the formulas of a bundle are its own
 * @throws MinutehandError MODEL_MISSING, MODEL_SIGNATURE, MODEL_MANIFEST, MODEL_HASH, MODEL_SCHEMA, MODEL_LOAD,
 * MODEL_GOLDEN, KERNEL_MISSING
 */
export async function prepareDirection(folder: string, configured: InstrumentSchema): Promise<PreparedDirection> {
  const { manifest, modelsHash, model: bytes } = readDirectionBundle(folder);
  const schema = bundleInstrumentSchema(configured, manifest);
  if (manifest.feature_schema !== schema.hash)
    throw new MinutehandError('MODEL_SCHEMA', {
      seen: `feature schema ${manifest.feature_schema} in ${folder}`,
      expected: schema.hash,
    });
  const { model } = decodeTreeModel(bytes);
  const columns = schema.definitions.length;
  const classes = model.ensembles.length;
  if (model.link !== 'softmax' || classes !== 3 || model.ensembles.some((own) => own.columns !== columns))
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${classes} × ${model.link} of ${model.ensembles[0]!.columns} columns in ${folder}`,
      expected: `3 × softmax of ${columns} columns`,
    });
  const golden = Float32Array.from(manifest.golden.features.flat(), (value) => value ?? NaN);
  const hard = model.ensembles.map((own, k) => checkRows(own, `${manifest.files[DIRECTION_FILE].sha256}/${k}`));
  const rows = joinedFloat32([golden, ...hard]);
  const count = rows.length / columns;
  const expected = (await onnxAnswers(bytes, { rows: count, columns, values: rows })).values;
  const answers = softmaxScorer(model, count)(rows, count);
  const largestDifference = largest(answers, expected);
  if (!(largestDifference <= TOLERANCE))
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${folder}: WASM answers differ by up to ${largestDifference} from onnxruntime`,
      expected: `at most ${TOLERANCE}`,
    });
  checkGolden(manifest, answers, folder);
  const check = { rows: count, largestDifference };
  return { manifest, modelsHash, check, model, ...(schema.windows.formulas !== undefined && { formulas: schema }) };
}

/** @param maxRows of one call @throws MinutehandError KERNEL_MISSING, MODEL_MANIFEST */
export function openDirection(prepared: PreparedDirection, maxRows: number): DirectionModel {
  const { model, ...known } = prepared;
  const { manifest } = known;
  const score = softmaxScorer(model, maxRows);
  const classes = model.ensembles.length;
  return {
    ...known,
    ...(manifest.inputs && { novelty: new InputNovelty(manifest.inputs, manifest.features) }),
    infer(features, wanted) {
      const probabilities = score(features, wanted);
      for (let i = 0; i < wanted * classes; i++)
        if (!(probabilities[i]! >= 0 && probabilities[i]! <= 1))
          throw new MinutehandError('MODEL_OUTPUT', { seen: `${manifest.version} answered ${probabilities[i]}` });
      return probabilities;
    },
  };
}

/** Softmax over the classes' sums, which WASM scores in one call; the result is overwritten by the next one. */
export function softmaxScorer(
  { ensembles }: TreeModel,
  maxRows: number,
): (features: Float32Array, rows: number) => Float64Array {
  const kernel = openTreeKernel(
    ensembles.map((own) => packTrees(own, 'none')),
    maxRows,
  );
  const classes = ensembles.length;
  const probabilities = new Float64Array(maxRows * classes);
  return (features, rows) => {
    kernel.score(features, rows);
    for (let row = 0; row < rows; row++) {
      let greatest = -Infinity;
      for (let k = 0; k < classes; k++) greatest = Math.max(greatest, kernel.answers[k]![row]!);
      let sum = 0;
      for (let k = 0; k < classes; k++) {
        const e = exp(kernel.answers[k]![row]! - greatest);
        probabilities[row * classes + k] = e;
        sum += e;
      }
      for (let k = 0; k < classes; k++) probabilities[row * classes + k] = probabilities[row * classes + k]! / sum;
    }
    return probabilities;
  };
}

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) {
    const distance = Math.abs(a[i]! - b[i]!);
    most = Number.isNaN(distance) ? Infinity : Math.max(most, distance);
  }
  return most;
}

function checkGolden({ golden }: DirectionManifest, answers: Float64Array, folder: string): void {
  golden.features.forEach((_, row) => {
    for (let k = 0; k < 3; k++) {
      const expected = golden.probabilities[row]?.[k];
      const seen = answers[row * 3 + k]!;
      if (expected === undefined || !(Math.abs(seen - expected) <= TOLERANCE))
        throw new MinutehandError('MODEL_GOLDEN', {
          seen: `direction answers ${seen} on golden row ${row} of ${folder}`,
          expected: String(expected),
        });
    }
  });
}
