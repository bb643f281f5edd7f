import { join } from 'node:path';
import { MinutehandError } from '../../errors.ts';
import { sequenceBars } from '../../core/features/windows.ts';
import type { EntryVeto } from '../../strategies/direction/direction_input.ts';
import { goldenFeatures } from '../bundle_models.ts';
import type { ClaimReason } from '../gates/gate_codes.ts';
import { failedClaim, recordedDirectionGates } from '../recorded_gates.ts';
import { bundleInstrumentSchema, type InstrumentSchema } from '../feature_schema.ts';
import { InputNovelty } from '../input_novelty.ts';
import { orRelease } from '../or_release.ts';
import type { ScoringEngine } from '../scoring_engine.ts';
import { rowWidth, type RowShape } from '../scorer.ts';
import { ANSWER_TOLERANCE, chooseScoring, largestDifference, sessionAnswers } from './choose_scoring.ts';
import { readDirectionBundle } from './direction_bundle.ts';
import {
  answersText,
  areProbabilities,
  inferenceOf,
  ownInference,
  type DirectionInference,
} from './direction_inference.ts';
import { DIRECTION_FILE, directionBars, type DirectionManifest } from './direction_manifest.ts';
import {
  CLASSES,
  openDirectionSession,
  type DirectionScoring,
  type DirectionSession,
  type OwnDirectionScoring,
} from './direction_scoring.ts';

const WARM_UP_RUNS = 8;

/** A verified direction model, ready to score. */
export interface DirectionModel extends DirectionInference {
  readonly manifest: DirectionManifest;
  /** Which claim about it has failed; null: none. */
  readonly failedClaim: ClaimReason | null;
  readonly modelsHash: string;
  readonly engine: ScoringEngine;
  /** What was compared, or why onnxruntime scores it. */
  readonly engineNote: string;
  /** Of its rows, where they have formulas or a sequence; absent: they are the newest hand-written features. */
  readonly rowSchema?: InstrumentSchema;
  /** Measures how unlike its training rows an input is; absent: the bundle does not describe them. */
  readonly novelty?: InputNovelty;
  /**
   * Rows on which our own code was compared with onnxruntime, or onnxruntime with the golden answers where it scores;
   * and the largest difference of a probability.
   */
  readonly check: { readonly rows: number; readonly largestDifference: number };
}

/** A verified bundle without anything that is bound to a thread. */
export interface PreparedDirection extends Pick<
  DirectionModel,
  'manifest' | 'failedClaim' | 'modelsHash' | 'check' | 'rowSchema'
> {
  readonly folder: string;
  readonly scoring: DirectionScoring;
}

/** The same of a model that our own code scores. */
export interface OwnDirection extends PreparedDirection {
  readonly scoring: OwnDirectionScoring;
}

/** Why a model, or none, makes no entries of an instrument, where the policy asks for what it claims; null: it may. */
export function entryVeto(
  model: Pick<DirectionModel, 'manifest' | 'failedClaim'> | null,
  symbol: string,
): EntryVeto | null {
  return model?.failedClaim ?? (model?.manifest.edge[symbol]?.no_edge === false ? null : 'NO_EDGE');
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
 * Reads and verifies a bundle, and finds out what scores it: our own code where the graph is trees and a softmax, or
 * trees and arithmetic around them, which is compared with onnxruntime on rows at all thresholds; else onnxruntime. Any
 * has to give the golden answers.
 * @param configured schema of this version; the formulas of a bundle are its own
 * @throws MinutehandError MODEL_MISSING, MODEL_SIGNATURE, MODEL_MANIFEST, MODEL_HASH, MODEL_SCHEMA, MODEL_LOAD,
 * MODEL_GOLDEN
 */
export async function prepareDirection(folder: string, configured: InstrumentSchema): Promise<PreparedDirection> {
  const { manifest, modelsHash, model: bytes } = readDirectionBundle(folder);
  const schema = bundleInstrumentSchema(configured, manifest);
  if (manifest.feature_schema !== schema.hash)
    throw new MinutehandError('MODEL_SCHEMA', {
      seen: `feature schema ${manifest.feature_schema} in ${folder}`,
      expected: schema.hash,
    });
  const shape: RowShape = { columns: schema.definitions.length, bars: sequenceBars(schema.windows) };
  const path = join(folder, DIRECTION_FILE);
  const { scoring, answers, check } = await chooseScoring({
    bytes,
    shape,
    path,
    seed: manifest.files[DIRECTION_FILE].sha256,
    rows: () => wholeGoldenRows(manifest, shape, folder),
  });
  refuseWrongGolden(manifest, answers, folder);
  const { formulas, sequence } = schema.windows;
  const isOwn = formulas !== undefined || sequence !== undefined;
  return {
    folder,
    manifest,
    failedClaim: failedClaim(recordedDirectionGates(manifest)),
    modelsHash,
    ...(isOwn && { rowSchema: schema }),
    scoring,
    check: check ?? {
      rows: manifest.golden.features.length,
      largestDifference: largestDifference(answers, manifest.golden.probabilities.flat()),
    },
  };
}

/** @throws MinutehandError MODEL_MANIFEST */
function wholeGoldenRows(manifest: DirectionManifest, shape: RowShape, folder: string): Float32Array {
  const width = rowWidth(shape);
  if (manifest.golden.features.some((row) => row.length !== width))
    throw new MinutehandError('MODEL_MANIFEST', { seen: `golden rows of the wrong length in ${folder}` });
  return goldenFeatures(manifest.golden);
}

/** @throws MinutehandError MODEL_LOAD for a graph that gives no probabilities, MODEL_GOLDEN for other ones */
async function refuseOtherAnswers(
  session: DirectionSession,
  manifest: DirectionManifest,
  folder: string,
): Promise<void> {
  const answers = await sessionAnswers(session, goldenFeatures(manifest.golden), {
    rows: manifest.golden.features.length,
    path: join(folder, DIRECTION_FILE),
  });
  refuseWrongGolden(manifest, answers, folder);
}

/** @throws MinutehandError MODEL_LOAD for answers that are no probabilities, MODEL_GOLDEN for other ones */
function refuseWrongGolden(manifest: DirectionManifest, answers: Float64Array, folder: string): void {
  for (let row = 0; row < manifest.golden.features.length; row++) {
    if (!areProbabilities(answers, row))
      throw new MinutehandError('MODEL_LOAD', {
        seen: `${join(folder, DIRECTION_FILE)} answers ${answersText(answers, row)} on golden row ${row}`,
        expected: 'probabilities of up, down and range, which add up to 1: logits need a Softmax as the last operator',
      });
  }
  checkGolden(manifest, answers, folder);
}

/**
 * Opens a prepared model on this thread, and warms it.
 * @param maxRows of one call
 * @throws MinutehandError KERNEL_MISSING, MODEL_MANIFEST, MODEL_LOAD, MODEL_GOLDEN
 */
export async function openDirection(prepared: PreparedDirection, maxRows: number): Promise<DirectionModel> {
  const { scoring, ...known } = prepared;
  if (scoring.engine !== 'onnxruntime-node') return openOwnDirection({ ...known, scoring }, maxRows);
  const session = await openSession(prepared, scoring.bytes);
  return { ...describe(prepared), ...inferenceOf(session, { name: known.manifest.version, maxRows }) };
}

/** The same of a model that our own code scores, at once. @throws MinutehandError KERNEL_MISSING, MODEL_MANIFEST */
export function openOwnDirection(prepared: OwnDirection, maxRows: number): DirectionModel {
  const { scoring, manifest } = prepared;
  return { ...describe(prepared), ...ownInference(scoring, { name: manifest.version, maxRows }) };
}

/** All of a model but its scores. */
function describe({
  folder: _folder,
  scoring,
  ...known
}: PreparedDirection): Omit<DirectionModel, 'infer' | 'release'> {
  const { manifest } = known;
  return {
    ...known,
    engine: scoring.engine,
    engineNote: scoring.note,
    ...(manifest.inputs && { novelty: new InputNovelty(manifest.inputs, manifest.features) }),
  };
}

async function openSession({ manifest, folder }: PreparedDirection, bytes: Uint8Array): Promise<DirectionSession> {
  const shape: RowShape = { columns: manifest.features.length, bars: directionBars(manifest) };
  const opened = await openDirectionSession(bytes, shape, join(folder, DIRECTION_FILE));
  return orRelease(opened, async (session) => {
    await refuseOtherAnswers(session, manifest, folder);
    const golden = goldenFeatures(manifest.golden);
    for (let run = 0; run < WARM_UP_RUNS; run++) await session.score(golden, 1);
  });
}

function checkGolden({ golden }: DirectionManifest, answers: Float64Array, folder: string): void {
  golden.features.forEach((_, row) => {
    for (let k = 0; k < CLASSES; k++) {
      const expected = golden.probabilities[row]?.[k];
      const seen = answers[row * CLASSES + k]!;
      if (expected === undefined || !(Math.abs(seen - expected) <= ANSWER_TOLERANCE))
        throw new MinutehandError('MODEL_GOLDEN', {
          seen: `direction answers ${seen} on golden row ${row} of ${folder}`,
          expected: String(expected),
        });
    }
  });
}
