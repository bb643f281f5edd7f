import { utcDay } from '../../../shared/utc_day.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renamePatiently } from '../../../shared/durable_file.ts';
import { listVersions, readActive, readManifest } from '../../../shared/bundle/bundle.ts';
import { VALIDATION_FILE, type Manifest } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { FileSystem } from '../../../shared/ports.ts';
import type { ModelValidation } from '../../learning/validate/validation.ts';
import { pathInside } from '../../../shared/path_name.ts';

/** Below the models folder: of the bundle that was trained last, and of the active one. Written from the bundles. */
export const TRAINING_METADATA = join('training', 'training_metadata.json');
export const PRODUCTION_METADATA = join('production', 'production_model_metadata.json');

/**
 * Measures of one model on the holdout. F1 and accuracy of AI3's soft label are those that are expected of labels drawn
 * with it; its AUC does not exist. null also where the bundle has no report of its validation.
 */
interface ModelFigures {
  readonly f1_score: number | null;
  readonly accuracy: number | null;
  readonly auc: number | null;
  readonly brier: number | null;
}

/** AI1's AUC beyond that of placebo markets, and its standard error; absent where they were not measured. */
interface SkillFigures {
  readonly skill?: number;
  readonly skill_error?: number;
}

type Figures = Record<ModelName, ModelFigures> & { readonly ai1: ModelFigures & SkillFigures };

/**
 * Writes both views; that of the active bundle is removed when there is none.
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, and what the file system throws
 */
export function writeMetadataViews(modelsFolder: string, files: FileSystem = MACHINE_FILES): void {
  const newest = newestBundle(modelsFolder);
  if (newest !== null)
    replace(files, join(modelsFolder, TRAINING_METADATA), {
      ...about(newest),
      model_metrics: figuresOf(modelsFolder, newest),
    });
  const active = readActive(modelsFolder);
  const place = join(modelsFolder, PRODUCTION_METADATA);
  if (active === null) return files.remove(place);
  const manifest = readManifest(join(modelsFolder, active.version));
  const figures = figuresOf(modelsFolder, manifest);
  replace(files, place, {
    ...about(manifest),
    previous_version: active.previous,
    model_metrics: figures,
    // One level of numbers: those of AI1, which decides about entries, and of the backtest.
    performance_metrics: { ...figures.ai1, ...resultsOf(manifest) },
  });
}

/** Of the backtest of the holdout: numbers always, for programs that format them; 0 where it has no trade. */
export function resultsOf({ backtest }: Pick<Manifest, 'backtest'>): Readonly<Record<string, number>> {
  return {
    sharpe: backtest?.net_sharpe ?? 0,
    win_rate: backtest?.win_rate ?? 0,
    mean_pnl_bps: backtest?.mean_net_bps ?? 0,
    max_drawdown: backtest?.max_drawdown ?? 0,
    trades: backtest?.trades ?? 0,
  };
}

/** The one that was created last. */
function newestBundle(modelsFolder: string): Manifest | null {
  const manifests = listVersions(modelsFolder).map((version) => readManifest(pathInside(modelsFolder, version)));
  return manifests.reduce<Manifest | null>(
    (newest, one) => (newest === null || Date.parse(one.created) >= Date.parse(newest.created) ? one : newest),
    null,
  );
}

function about({ version, created, market, period, feature_schema, theta1, theta2, engine, pairs }: Manifest): object {
  return {
    model_version: version,
    created_at: created,
    market,
    train_period_start: utcDay(Date.parse(period.from)),
    // No bar of the holdout was learned from.
    train_period_end: utcDay(Date.parse(period.holdout_from) - 1),
    feature_schema,
    pairs,
    engine: engine.name,
    theta1,
    theta2,
  };
}

function figuresOf(modelsFolder: string, { version, metrics, skill }: Manifest): Figures {
  const validation = readValidation(pathInside(modelsFolder, version));
  const figures = perModel((name): ModelFigures => {
    const pooled = validation?.[name].holdout.pooled;
    const { auc, brier } = metrics[name].holdout;
    const f1_score = pooled?.f1 ?? pooled?.f1_expected ?? null;
    const accuracy = pooled?.accuracy ?? pooled?.accuracy_expected ?? null;
    return { f1_score, accuracy, auc, brier };
  });
  return { ...figures, ai1: { ...figures.ai1, ...skillFigures(skill) } };
}

function skillFigures(skill: Manifest['skill']): SkillFigures {
  if (skill === undefined || skill === null) return {};
  const { skill: beyond, standard_error } = skill;
  return { skill: beyond, ...(standard_error !== null && { skill_error: standard_error }) };
}

/** @returns null for a bundle without the report */
export function readValidation(folder: string): Readonly<Record<ModelName, ModelValidation>> | null {
  try {
    const read = JSON.parse(readFileSync(join(folder, VALIDATION_FILE), 'utf8')) as Readonly<
      Record<ModelName, ModelValidation>
    >;
    return MODEL_NAMES.every((name) => read[name]?.holdout?.pooled !== undefined) ? read : null;
  } catch {
    return null;
  }
}

function replace(files: FileSystem, path: string, content: object): void {
  files.makeFolder(join(path, '..'));
  const draft = `${path}.${process.pid}.tmp`;
  files.write(draft, `${JSON.stringify(content, null, 2)}\n`);
  renamePatiently(files, draft, path);
}
