import { describeRejections, readRejections } from '../../../shared/bundle/recorded_gates.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES } from '../../../shared/core/features/feature.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { Report } from '../schema/reports.ts';
import type { Store } from '../../store/store.ts';
import type { ReportPeriod } from './signal_figures.ts';

type ModelFigures = Pick<Report, 'evaluations' | 'runs' | 'thresholds' | 'drift' | 'parity'>;

/** Figures of bundles, training runs, drift and parity in the period. */
export async function modelFigures({ db }: Store, market: Market, period: ReportPeriod): Promise<ModelFigures> {
  const from = isoOf(period.fromMs);
  const to = isoOf(period.toMs);
  const firstDay = from.slice(0, 10);
  const lastDay = isoOf(period.toMs - 1).slice(0, 10);
  const ended = db
    .selectFrom('core.training_runs')
    .where('market', '=', market)
    .where('finished_at', '>=', from)
    .where('finished_at', '<', to);
  const bundles = await db
    .selectFrom('core.model_registry')
    .select(['version', 'created', 'status', 'reasons', 'manifest'])
    .where('created', '>=', from)
    .where('created', '<', to)
    .where('slot', '=', 'pairs')
    .orderBy('created')
    .orderBy('version')
    .execute();
  const runs = await ended
    .select(['kind', 'status'])
    .select(({ fn }) => fn.countAll().as('count'))
    .groupBy(['kind', 'status'])
    .orderBy('kind')
    .orderBy('status')
    .execute();
  const thresholds = await ended
    .select(['run_id', 'finished_at', 'model_version', 'theta1', 'theta2'])
    .where('status', '=', 'adopted')
    .orderBy('run_id')
    .execute();
  const drift = await db
    .selectFrom('core.drift_figures')
    .select(['day', 'model_version', 'feature', 'psi', 'psi_noise'])
    .where('market', '=', market)
    .where('day', '>=', firstDay)
    .where('day', '<=', lastDay)
    .orderBy('day')
    .orderBy('model_version')
    .orderBy('feature')
    .execute();
  const parity = await db
    .selectFrom('core.parity_results')
    .select(['day', 'shard', 'verdict', 'signals', 'equal_signals', 'mismatches'])
    .where('market', '=', market)
    .where('day', '>=', firstDay)
    .where('day', '<=', lastDay)
    .orderBy('day')
    .orderBy('shard')
    .execute();
  return {
    evaluations: bundles
      .map((row) => ({ ...row, manifest: JSON.parse(row.manifest) as Manifest }))
      .filter(({ manifest }) => manifest.market === market)
      .map(evaluationOf),
    runs: runs.map((row) => ({ ...row, count: Number(row.count) })),
    thresholds: thresholds.map((row) => ({ ...row, run_id: Number(row.run_id) })),
    drift,
    parity: parity.map((row) => ({
      ...row,
      signals: Number(row.signals),
      equal_signals: Number(row.equal_signals),
      mismatches: Number(row.mismatches),
    })),
  };
}

interface Bundle {
  readonly version: string;
  readonly created: string;
  readonly status: string;
  readonly reasons: string;
  readonly manifest: Manifest;
}

function evaluationOf({ manifest, reasons, ...row }: Bundle): Report['evaluations'][number] {
  const { theta1, theta2, metrics, backtest = null, skill = null } = manifest;
  const models = MODEL_NAMES.map((name) => {
    const { rows, auc, brier, ece, log_loss } = metrics[name].holdout;
    return [name, { rows, auc, brier, ece, log_loss }] as const;
  });
  return {
    version: row.version,
    created: row.created,
    status: row.status,
    reasons: describeRejections(readRejections(reasons)).reasons,
    theta1,
    theta2,
    models: Object.fromEntries(models),
    skill,
    backtest,
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
