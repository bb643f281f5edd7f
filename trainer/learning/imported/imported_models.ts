import { isoMinute, type OpenTime } from '../../../shared/bar.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES, type ModelName } from '../../../shared/core/features/feature.ts';
import { featureDefinitions } from '../../../shared/core/features/features.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { horizonSeconds, type Settings } from '../../../shared/policy/policy.ts';
import type { Dataset, DatasetRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import { columnsOf, type ImportedModel, type Learning } from '../learners/learning.ts';
import type { ImportedSource, TrainOptions } from '../options/train_options.ts';
import { calibrationPart, defaultLearnedUntil, learnPart } from '../role_table/role_table.ts';
import { kFoldSplits } from '../splits/splits.ts';
import { openImported, refuseNoProbability, type OpenedImport } from './imported_file.ts';

/** Fewer rows give no calibration and no thresholds. */
const LEAST_ROWS = 200;

export interface ImportedModels {
  /** The rows of brought roles are those of their calibration. */
  readonly dataset: Dataset;
  readonly models: NonNullable<Learning['imported']>;
  readonly facts: NonNullable<Manifest['imported']>;
  /** Rows that a brought AI1 may have learned from, as its owner says; null: it is learned here. */
  readonly learnedByAi1: DatasetRows | null;
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
  let learnedByAi1: DatasetRows | null = null;
  for (const role of MODEL_NAMES) {
    const source = sources[role];
    if (source === undefined) continue;
    const opened = await openModel(source, role, dataset, settings);
    if (role === 'ai1') learnedByAi1 = learnPart(whole.train.ai1, source.learnedUntil);
    dataset = withCalibrationRows(dataset, role, source.learnedUntil, settings);
    refuseNoProbability(opened.model, dataset.train[role].x, source.file);
    const rows = dataset.train[role];
    models[role] = {
      model: opened.model,
      rows: whole.train[role].y.length,
      foldStarts: foldStarts(rows, source.learnedUntil, settings),
    };
    facts[role] = opened.facts;
  }
  return { dataset, models, facts, learnedByAi1 };
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
  source: ImportedSource,
  role: ModelName,
  { definitions }: Pick<Dataset, 'definitions'>,
  settings: Settings,
): Promise<OpenedImport> {
  const columns = columnsOf(definitions, role);
  return await openImported(source, {
    role,
    schema: featureSchema(settings.minutehand.windows).hash,
    names: columns.map((column) => definitions[column]!.name),
    columns,
    width: definitions.length,
  });
}
