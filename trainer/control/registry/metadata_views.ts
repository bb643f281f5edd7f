import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listVersions, readActive, readManifest } from '../../../shared/bundle/bundle.ts';
import {
  directionFolder,
  isDirectionBundle,
  readActiveDirection,
} from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { DIRECTION_REPORT, type DirectionManifest } from '../../../shared/bundle/direction/direction_manifest.ts';
import { VALIDATION_FILE, type Manifest } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES, type ModelName } from '../../../shared/core/features/feature.ts';
import { renamePatiently } from '../../../shared/durable_file.ts';
import { describeError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { TIMEFRAME_NAMES, timeframeOf } from '../../../shared/pair.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { FileSystem } from '../../../shared/ports.ts';
import { utcDay } from '../../../shared/utc_day.ts';
import type { DirectionValidation } from '../../learning/strategies/direction/direction_validation.ts';
import type { ModelValidation } from '../../learning/validate/validation.ts';

/** Below the models folder: of the bundle that was trained last, and of the active ones. Written from the bundles. */
export const TRAINING_METADATA = join('training', 'training_metadata.json');
export const PRODUCTION_METADATA = join('production', 'production_model_metadata.json');

/**
 * Measures of one model on rows that it has not learned from: of a pair's the holdout, of the direction model the
 * evaluated blocks (macro F1, AUC of up against down). F1 and accuracy of AI3's soft label are those that are expected
 * of labels drawn with it; its AUC does not exist. null also where the bundle has no report of its validation.
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

/** By the name of the model, and of each member of an ensemble after a dot: `ai1`, `ai1.lightgbm`, `direction`. */
type Figures = Readonly<Record<string, ModelFigures & SkillFigures>>;

/** What a view states of a bundle. */
interface BundleView {
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
  readonly about: Readonly<Record<string, unknown>>;
  readonly figures: Figures;
  /** One level of numbers: those of the model that decides about entries, and of the backtest. */
  readonly performance: Readonly<Record<string, number | null>>;
}

/**
 * Writes both views. Without an active bundle, production's has no version, and performance figures of 0: programs
 * format them.
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, and what the file system throws
 */
export function writeMetadataViews(modelsFolder: string, files: FileSystem = MACHINE_FILES): void {
  const newest = newestOf([...viewsIn(modelsFolder), ...viewsIn(directionFolder(modelsFolder))]);
  if (newest !== null)
    replace(files, join(modelsFolder, TRAINING_METADATA), { ...newest.about, model_metrics: newest.figures });
  replace(files, join(modelsFolder, PRODUCTION_METADATA), productionView(modelsFolder));
}

/**
 * The same, where a failure does not undo what was done to the bundles.
 * @param note receives what failed
 */
export function followInMetadata(modelsFolder: string, note: (text: string) => void): void {
  try {
    writeMetadataViews(modelsFolder);
  } catch (error) {
    note(`The metadata views were not written: ${describeError(error).message}`);
  }
}

/** The active bundle of pairs, and below `direction` that of each timeframe; without pairs, the newest of these. */
function productionView(modelsFolder: string): object {
  const pairs = readActive(modelsFolder);
  const ofPairs = pairs === null ? null : shown(pairViewOf(pathInside(modelsFolder, pairs.version)), pairs.previous);
  const directions = TIMEFRAME_NAMES.flatMap((timeframe) => {
    const active = readActiveDirection(modelsFolder, timeframe);
    if (active === null) return [];
    const view = directionViewOf(pathInside(directionFolder(modelsFolder), active.version));
    return [{ timeframe, createdMs: view.createdMs, shown: shown(view, active.previous) }];
  });
  const first = ofPairs ?? newestOf(directions)?.shown ?? NOTHING_ACTIVE;
  const direction = Object.fromEntries(directions.map((one) => [one.timeframe, one.shown]));
  return directions.length === 0 ? first : { ...first, direction };
}

function shown({ about, figures, performance }: BundleView, previous_version: string | null): object {
  return { ...about, previous_version, model_metrics: figures, performance_metrics: performance };
}

const NOTHING_ACTIVE = {
  model_version: null,
  previous_version: null,
  model_metrics: {},
  performance_metrics: { f1_score: 0, accuracy: 0, auc: 0, brier: 0, ...resultsOf({}) },
};

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

function newestOf<View extends Pick<BundleView, 'createdMs'>>(views: readonly View[]): View | null {
  return views.reduce<View | null>(
    (newest, one) => (newest === null || one.createdMs >= newest.createdMs ? one : newest),
    null,
  );
}

/** Of all bundles of a folder, which may have those of both strategies. */
function viewsIn(folder: string): BundleView[] {
  return listVersions(folder)
    .map((version) => pathInside(folder, version))
    .map((path) => (isDirectionBundle(path) ? directionViewOf(path) : pairViewOf(path)));
}

function pairViewOf(path: string): BundleView {
  const manifest = readManifest(path);
  const { version, created, market, period, feature_schema, theta1, theta2, engine, pairs } = manifest;
  const figures = figuresOf(path, manifest);
  return {
    createdMs: Date.parse(created),
    about: {
      model_version: version,
      created_at: created,
      strategy: 'pairs',
      market,
      train_period_start: utcDay(Date.parse(period.from)),
      // No bar of the holdout was learned from.
      train_period_end: utcDay(Date.parse(period.holdout_from) - 1),
      feature_schema,
      pairs,
      engine: engine.name,
      theta1,
      theta2,
    },
    figures,
    performance: { ...figures['ai1']!, ...resultsOf(manifest) },
  };
}

function figuresOf(path: string, { metrics, skill }: Manifest): Figures {
  const validation = readValidation(path);
  return Object.fromEntries(
    MODEL_NAMES.flatMap((name): (readonly [string, ModelFigures])[] => {
      const { holdout, members = {} } = validation?.[name] ?? {};
      const { auc, brier } = metrics[name].holdout;
      const own = { ...callsOf(holdout?.pooled), auc, brier, ...(name === 'ai1' ? skillFigures(skill) : {}) };
      const ofMembers = Object.entries(members).map(
        ([member, measured]) =>
          [`${name}.${member}`, { ...callsOf(measured), auc: measured.auc, brier: measured.brier }] as const,
      );
      return [[name, own], ...ofMembers];
    }),
  );
}

interface Calls {
  readonly f1: number | null;
  readonly accuracy: number | null;
  readonly f1_expected: number | null;
  readonly accuracy_expected: number | null;
}

function callsOf(measured: Calls | undefined): Pick<ModelFigures, 'f1_score' | 'accuracy'> {
  const { f1 = null, f1_expected = null, accuracy = null, accuracy_expected = null } = measured ?? {};
  return { f1_score: f1 ?? f1_expected, accuracy: accuracy ?? accuracy_expected };
}

function skillFigures(skill: Manifest['skill']): SkillFigures {
  if (skill === undefined || skill === null) return {};
  const { skill: beyond, standard_error } = skill;
  return { skill: beyond, ...(standard_error !== null && { skill_error: standard_error }) };
}

function directionViewOf(path: string): BundleView {
  const { manifest } = readDirectionBundle(path);
  const { version, created, market = 'live', period, feature_schema, engine, instruments, strategy } = manifest;
  const figures = directionFigures(path, manifest);
  const { net_bps, trades } = manifest.metrics;
  return {
    createdMs: Date.parse(created),
    about: {
      model_version: version,
      created_at: created,
      strategy: 'direction',
      market,
      // The published model has learned from all bars; its measures are of blocks behind what their models know.
      train_period_start: utcDay(Date.parse(period.from)),
      train_period_end: utcDay(Date.parse(period.to) - 1),
      feature_schema,
      instruments,
      timeframe: timeframeOf(manifest.timeframe),
      engine: engine.name,
      theta_up: strategy.theta_up,
      theta_down: strategy.theta_down,
    },
    figures,
    performance: { ...figures['direction']!, mean_pnl_bps: net_bps ?? 0, trades },
  };
}

function directionFigures(path: string, { metrics }: DirectionManifest): Figures {
  const { pooled, members = {} } = readDirectionValidation(path);
  const named: [string, ModelFigures][] = Object.entries(members).map(([name, measured]) => [
    `direction.${name}`,
    classFigures(measured),
  ]);
  const { f1 = null, brier, up_or_down_auc } = metrics;
  const own = { f1_score: f1, accuracy: pooled?.accuracy ?? null, auc: up_or_down_auc, brier };
  return Object.fromEntries([['direction', own], ...named]);
}

function classFigures(measured: DirectionValidation['pooled']): ModelFigures {
  const { macro_f1, accuracy, up_or_down_auc, brier } = measured;
  return { f1_score: macro_f1, accuracy, auc: up_or_down_auc, brier };
}

/** Empty for a bundle whose report is an earlier one. */
function readDirectionValidation(folder: string): Partial<Pick<DirectionValidation, 'pooled' | 'members'>> {
  try {
    const report = JSON.parse(readFileSync(join(folder, DIRECTION_REPORT), 'utf8')) as {
      readonly validation?: DirectionValidation;
    };
    return report.validation ?? {};
  } catch {
    return {};
  }
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
