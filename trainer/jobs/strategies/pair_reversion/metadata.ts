import { readManifest } from '../../../../shared/bundle/bundle.ts';
import type { Manifest } from '../../../../shared/bundle/manifest.ts';
import { MODEL_NAMES } from '../../../../shared/core/features/feature.ts';
import { utcDay } from '../../../../shared/utc_day.ts';
import { readValidation } from '../../../learning/validate/read_validation.ts';
import type { BundleMetadata, ModelFigures } from '../strategy_training.ts';

/** AI1's AUC beyond that of placebo markets, and its standard error; absent where they were not measured. */
interface SkillFigures {
  readonly skill?: number;
  readonly skill_error?: number;
}

/**
 * Figures of the holdout. F1 and accuracy of AI3's soft label are those that are expected of labels drawn with it; its
 * AUC does not exist. F1 and accuracy are null where the bundle has no report of its validation.
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST
 */
export function pairMetadata(path: string): BundleMetadata {
  const manifest = readManifest(path);
  const { version, created, market, period, feature_schema, theta1, theta2, engine, pairs } = manifest;
  const figures = figuresOf(path, manifest);
  return {
    createdMs: Date.parse(created),
    timeframe: null,
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

function figuresOf(path: string, { metrics, skill }: Manifest): BundleMetadata['figures'] {
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
