import { readFileSync } from 'node:fs';
import { isoMinute } from '../../../shared/bar.ts';
import { refuseDependentRows } from '../../../shared/bundle/graph_check/graph_check.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { savedText } from '../../../shared/csv/text_encoding.ts';
import { ERRORS, MinutehandError } from '../../../shared/errors.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { otherShares, SHARES_WANTED } from '../learners/contract/class_shares.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { fittedOnnx } from '../learners/onnx/fitted_onnx.ts';
import { decodeWholeModel } from '../learners/onnx/whole_model.ts';
import type { ImportedSource } from '../options/train_options.ts';
import { parsePreprocess, refuseOtherLengths, type Preprocess } from './preprocess_file.ts';

/** Rows whose answers must be probabilities before anything else is done with a model. */
const CHECKED_ROWS = 4096;
/** Most bytes of a file: a model of a million bars is smaller by orders. */
const MOST_BYTES = 256 * 2 ** 20;
const GUIDE = 'Export it as docs/guides/extend/BRING_A_MODEL.md shows.';
/** Key of an ONNX file's metadata with the hash of the features that it was learned from. */
const SCHEMA_KEY = 'feature_schema';

/** What a model of another program is to answer, and from what. */
export interface ImportPlace {
  /** As `dataset export --role` calls it. */
  readonly role: string;
  /** Hash of the features. */
  readonly schema: string;
  /** Columns that the role has, and their names. */
  readonly columns: readonly number[];
  readonly names: readonly string[];
  /** Columns of the matrix. */
  readonly width: number;
  /** Number of the classes whose probabilities it answers; absent: one probability. */
  readonly classes?: number | undefined;
}

/** A model of another program, and what a manifest says of it. */
export interface OpenedImport {
  readonly model: Fitted;
  readonly facts: NonNullable<NonNullable<Manifest['imported']>['ai1']>;
}

/** @throws MinutehandError as `checkGraph`, for a file that cannot be served; MODEL_SCHEMA for other features */
export async function openImported(
  { file, preprocess: preprocessPath, learnedUntil }: ImportedSource,
  place: ImportPlace,
): Promise<OpenedImport> {
  const bytes = readImported(file);
  const text = preprocessPath === null ? null : readImported(preprocessPath);
  const preprocess =
    text === null || preprocessPath === null ? null : parsePreprocess(savedText(Buffer.from(text)), preprocessPath);
  const about = aboutFile(bytes, file);
  for (const stated of [about.featureSchema, preprocess?.featureSchema ?? null])
    if (stated !== null && stated !== place.schema)
      throw new MinutehandError('MODEL_SCHEMA', {
        seen: `${file} was learned from features ${stated}`,
        expected: place.schema,
        next: 'Export the rows again (`minutehand dataset export --role`) and learn from them.',
      });
  const used = preprocess?.columns == null ? place.columns : chosenColumns(preprocess.columns, place);
  if (preprocess !== null) refuseOtherLengths(preprocess, used.length, preprocessPath!);
  const model = await openGraph({ file, bytes, columns: place.width, used, preprocess, classes: place.classes });
  return {
    model,
    facts: {
      sha256: sha256Hex(bytes),
      producer: about.producer,
      learned_until: isoMinute(learnedUntil),
      preprocess: text === null ? null : sha256Hex(text),
    },
  };
}

interface Opening extends Pick<ImportPlace, 'classes'> {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly columns: number;
  readonly used: readonly number[];
  readonly preprocess: Preprocess | null;
}

async function openGraph({ file, bytes, columns, used, preprocess, classes }: Opening): Promise<Fitted> {
  try {
    return await fittedOnnx({
      learner: 'imported',
      bytes,
      columns,
      used,
      iterations: null,
      preparation: preprocess?.preparation ?? null,
      classes,
    });
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
    const { code, seen, expected, next } = error;
    throw new MinutehandError(code, {
      seen: `${file}: ${seen}`,
      ...(expected !== undefined && { expected }),
      next: next === ERRORS.MODEL_LOAD.next ? GUIDE : next,
      cause: error,
    });
  }
}

function readImported(path: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${path} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`,
      next: 'Name a file that this process can read.',
      cause,
    });
  }
  if (bytes.length <= MOST_BYTES) return bytes;
  throw new MinutehandError('MODEL_LOAD', {
    seen: `${path} has ${bytes.length} bytes`,
    expected: `at most ${MOST_BYTES}`,
    next: 'Export a smaller model: the daemon answers within milliseconds.',
  });
}

function aboutFile(bytes: Uint8Array, file: string): { producer: string | null; featureSchema: string | null } {
  try {
    const { producerName, metadata } = decodeWholeModel(bytes);
    const stated = metadata.find(({ key }) => key === SCHEMA_KEY)?.value;
    return { producer: producerName === '' ? null : producerName.slice(0, 200), featureSchema: stated ?? null };
  } catch (cause) {
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${file} is no ONNX model`,
      expected: 'the bytes of an ONNX file',
      next: GUIDE,
      cause,
    });
  }
}

function chosenColumns(wanted: readonly string[], { names, columns, role }: ImportPlace): number[] {
  const unknown = wanted.filter((name) => !names.includes(name));
  const twice = wanted.filter((name, i) => wanted.indexOf(name) !== i);
  if (unknown.length > 0 || twice.length > 0)
    throw new MinutehandError('MODEL_SCHEMA', {
      seen: unknown.length > 0 ? `columns ${unknown.join(', ')}` : `column ${twice[0]} twice`,
      expected: `columns of ${role}: ${names.join(', ')}`,
      next: 'Take the names and their order from the facts beside an exported table (`features`).',
    });
  return wanted.map((name) => columns[names.indexOf(name)]!);
}

/**
 * Its answers to the first rows, and to missing features, must be probabilities, those of classes with a sum of 1, and
 * of their own row alone.
 * @throws MinutehandError MODEL_LOAD, MODEL_ROWS
 */
export function refuseNoProbability(model: Fitted, x: Matrix, file: string): void {
  const some = takeRows(
    x,
    Array.from({ length: Math.min(x.rows, CHECKED_ROWS) }, (_, i) => i),
  );
  const missing = { rows: 1, columns: x.columns, values: new Float32Array(x.columns).fill(NaN) };
  const isProbability = (value: number): boolean => value >= 0 && value <= 1;
  const known = model.exactAnswers(some);
  const wrong = known.findIndex((value) => !isProbability(value));
  if (wrong >= 0)
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${file} answers ${known[wrong]} for a row of the calibration`,
      expected: 'a probability, in [0, 1]',
      next: 'Export probabilities, not margins or classes, and impute missing values within the model or with --preprocess.',
    });
  const ofNothing = model.exactAnswers(missing);
  const answer = ofNothing.find((value) => !isProbability(value));
  if (answer !== undefined)
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${file} answers ${answer} where all features are missing (NaN)`,
      expected: 'a probability, in [0, 1]',
      next: 'Impute missing values within the model, or with `impute` of --preprocess.',
    });
  refuseDependentRows(x.rows, (rows) => Float32Array.from(model.exactAnswers(takeRows(x, rows))), file);
  if (model.link !== 'softmax') return;
  const other = otherShares(known, model.width) ?? otherShares(ofNothing, model.width);
  if (other !== null)
    throw new MinutehandError('MODEL_LOAD', { seen: `${file} answers ${other.text}`, ...SHARES_WANTED });
}
