import { readFileSync } from 'node:fs';
import { isoMinute, type OpenTime } from '../../../shared/bar.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES, type ModelName } from '../../../shared/core/features/feature.ts';
import { featureDefinitions } from '../../../shared/core/features/features.ts';
import { ERRORS, MinutehandError } from '../../../shared/errors.ts';
import { horizonSeconds, type Settings } from '../../../shared/policy/policy.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import type { Dataset, DatasetRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { columnsOf, type ImportedModel, type Learning } from '../learners/learning.ts';
import { fittedOnnx } from '../learners/onnx/fitted_onnx.ts';
import { decodeWholeModel } from '../learners/onnx/whole_model.ts';
import type { ImportedSource, TrainOptions } from '../options/train_options.ts';
import { calibrationPart, defaultLearnedUntil } from '../role_table/role_table.ts';
import { kFoldSplits } from '../splits/splits.ts';
import { parsePreprocess, refuseOtherLengths, type Preprocess } from './preprocess_file.ts';

/** Fewer rows give no calibration and no thresholds. */
const LEAST_ROWS = 200;
/** Rows whose answers must be probabilities before anything else is done with a model. */
const CHECKED_ROWS = 4096;
/** Most bytes of a file: a model of a million bars is smaller by orders. */
const MOST_BYTES = 256 * 2 ** 20;
const GUIDE = 'Export it as docs/guides/extend/BRING_A_MODEL.md shows.';
/** Key of an ONNX file's metadata with the hash of the features that it was learned from. */
const SCHEMA_KEY = 'feature_schema';

export interface ImportedModels {
  /** The rows of brought roles are those of their calibration. */
  readonly dataset: Dataset;
  readonly models: NonNullable<Learning['imported']>;
  readonly facts: NonNullable<Manifest['imported']>;
}

/**
 * Opens models of other programs and cuts the rows of their roles to those that they cannot have learned from, before
 * the holdout.
 * @throws MinutehandError MODEL_LOAD for a file that cannot be served, with how to export it right; MODEL_SCHEMA when
 * it was learned from other features; DATA_TOO_SHORT when too few rows are left
 */
export async function importModels(
  sources: NonNullable<TrainOptions['imported']>,
  whole: Dataset,
  settings: Settings,
): Promise<ImportedModels> {
  const models: Partial<Record<ModelName, ImportedModel>> = {};
  const facts: NonNullable<Manifest['imported']> = {};
  let dataset = whole;
  for (const role of MODEL_NAMES) {
    const source = sources[role];
    if (source === undefined) continue;
    const opened = await openModel(source, role, dataset, settings);
    dataset = withCalibrationRows(dataset, role, source.learnedUntil, settings);
    refuseNoProbability(opened.model, dataset.train[role], source.file);
    const rows = dataset.train[role];
    models[role] = {
      model: opened.model,
      rows: whole.train[role].y.length,
      foldStarts: foldStarts(rows, source.learnedUntil, settings),
    };
    facts[role] = opened.facts;
  }
  return { dataset, models, facts };
}

/**
 * What is wrong with the files of models can be said before bars are read: that they are no ONNX, have other columns,
 * or were learned from other features.
 * @throws MinutehandError MODEL_LOAD, MODEL_SCHEMA
 */
export async function refuseUnservedModels(
  sources: NonNullable<TrainOptions['imported']>,
  settings: Settings,
): Promise<void> {
  const definitions = featureDefinitions(settings.minutehand.windows);
  for (const role of MODEL_NAMES) {
    const source = sources[role];
    if (source !== undefined) await openModel(source, role, { definitions }, settings);
  }
}

/** Its out-of-fold answers begin with its calibration: before that it may have learned from what it answers. */
function foldStarts(rows: DatasetRows, learnedUntil: number, { minutehand }: Settings): number[] {
  const embargo = horizonSeconds(minutehand);
  const starts = kFoldSplits(rows, minutehand.train.folds, embargo).map(({ from }) => from);
  return [learnedUntil + embargo, ...starts.slice(1)];
}

function withCalibrationRows(dataset: Dataset, role: ModelName, learnedUntil: OpenTime, settings: Settings): Dataset {
  const embargo = horizonSeconds(settings.minutehand);
  const { train, evaluation } = dataset;
  const cut = calibrationPart(train[role], learnedUntil, embargo);
  if (cut.y.length < LEAST_ROWS)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `${cut.y.length} rows of ${role} from ${isoMinute(learnedUntil)} to the holdout at ${isoMinute(dataset.holdoutFrom)}`,
      expected: `at least ${LEAST_ROWS}, which the model has not learned from: they calibrate it and choose its thresholds`,
      next: `Learn from rows of \`dataset export --role ${role}\`, whose labels were known before ${isoMinute(defaultLearnedUntil(dataset) as OpenTime)}, and state that with --learned-until.`,
    });
  const evaluated =
    role !== 'ai1'
      ? evaluation.train
      : evaluation.train === train.ai1
        ? cut
        : calibrationPart(evaluation.train, learnedUntil, embargo);
  return {
    ...dataset,
    train: { ...train, [role]: cut },
    evaluation: { ...evaluation, train: evaluated },
  };
}

async function openModel(
  { file, preprocess: preprocessPath, learnedUntil }: ImportedSource,
  role: ModelName,
  { definitions }: Pick<Dataset, 'definitions'>,
  settings: Settings,
): Promise<{ readonly model: Fitted; readonly facts: NonNullable<NonNullable<Manifest['imported']>[ModelName]> }> {
  const bytes = readImported(file);
  const text = preprocessPath === null ? null : readImported(preprocessPath);
  const preprocess =
    text === null || preprocessPath === null
      ? null
      : parsePreprocess(Buffer.from(text).toString('utf8'), preprocessPath);
  const about = aboutFile(bytes, file);
  const own = featureSchema(settings.minutehand.windows).hash;
  for (const stated of [about.featureSchema, preprocess?.featureSchema ?? null])
    if (stated !== null && stated !== own)
      throw new MinutehandError('MODEL_SCHEMA', {
        seen: `${file} was learned from features ${stated}`,
        expected: own,
        next: 'Export the rows again (`minutehand dataset export --role`) and learn from them.',
      });
  const roleColumns = columnsOf(definitions, role);
  const names = roleColumns.map((column) => definitions[column]!.name);
  const used = preprocess?.columns == null ? roleColumns : chosenColumns(preprocess.columns, names, roleColumns, role);
  if (preprocess !== null) refuseOtherLengths(preprocess, used.length, preprocessPath!);
  const model = await openGraph({ file, bytes, columns: definitions.length, used, preprocess });
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

interface Opening {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly columns: number;
  readonly used: readonly number[];
  readonly preprocess: Preprocess | null;
}

async function openGraph({ file, bytes, columns, used, preprocess }: Opening): Promise<Fitted> {
  try {
    return await fittedOnnx({
      learner: 'imported',
      bytes,
      columns,
      used,
      iterations: null,
      preparation: preprocess?.preparation ?? null,
    });
  } catch (error) {
    if (!(error instanceof MinutehandError) || error.code !== 'MODEL_LOAD') throw error;
    const { seen, expected, next } = error;
    throw new MinutehandError('MODEL_LOAD', {
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

function chosenColumns(
  wanted: readonly string[],
  names: readonly string[],
  columns: readonly number[],
  role: ModelName,
): number[] {
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

/** @throws MinutehandError MODEL_LOAD */
function refuseNoProbability(model: Fitted, { x }: DatasetRows, file: string): void {
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
  const [answer] = model.exactAnswers(missing);
  if (!isProbability(answer!))
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${file} answers ${answer} where all features are missing (NaN)`,
      expected: 'a probability, in [0, 1]',
      next: 'Impute missing values within the model, or with `impute` of --preprocess.',
    });
}
