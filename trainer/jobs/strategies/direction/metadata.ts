import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDirectionBundle } from '../../../../shared/bundle/direction/direction_bundle.ts';
import { DIRECTION_REPORT, type DirectionManifest } from '../../../../shared/bundle/direction/direction_manifest.ts';
import { timeframeOf } from '../../../../shared/pair.ts';
import { utcDay } from '../../../../shared/utc_day.ts';
import type { DirectionValidation } from '../../../learning/strategies/direction/direction_validation.ts';
import type { BundleMetadata, ModelFigures } from '../strategy_training.ts';

/**
 * Figures of the evaluated blocks: macro F1, AUC of up against down.
 * @throws MinutehandError as readDirectionBundle
 */
export function directionMetadata(path: string): BundleMetadata {
  const { manifest } = readDirectionBundle(path);
  const { version, created, market = 'live', period, feature_schema, engine, instruments, strategy } = manifest;
  const figures = directionFigures(path, manifest);
  const timeframe = timeframeOf(manifest.timeframe);
  const { net_bps, trades } = manifest.metrics;
  return {
    createdMs: Date.parse(created),
    timeframe,
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
      timeframe,
      engine: engine.name,
      theta_up: strategy.theta_up,
      theta_down: strategy.theta_down,
    },
    figures,
    performance: { ...figures['direction']!, mean_pnl_bps: net_bps ?? 0, trades },
  };
}

function directionFigures(path: string, { metrics }: DirectionManifest): BundleMetadata['figures'] {
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
