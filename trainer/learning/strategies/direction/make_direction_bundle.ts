import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { isoMinute } from '../../../../shared/bar.ts';
import { settingsSummary } from '../../../../shared/bundle/version_name.ts';
import { writeDirectionBundle } from '../../../../shared/bundle/direction/direction_bundle.ts';
import type { DirectionManifest } from '../../../../shared/bundle/direction/direction_manifest.ts';
import { prepareDirection } from '../../../../shared/bundle/direction/direction_model.ts';
import { instrumentSchema } from '../../../../shared/bundle/feature_schema.ts';
import type { DirectionBias } from './direction_bias.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import { barsOf, type ClassEpoch } from '../../learners/contract/fitted.ts';
import { modelInputs, ownTable } from '../../learners/contract/past_rows.ts';
import type { InstrumentWindows } from '../../../../shared/core/features/instrument/definitions.ts';
import { isNetwork } from '../../learners/networks/network_parameters.ts';
import { memberReports } from '../../learners/mixture/member_reports.ts';
import { learnersIn } from '../../learners/registry.ts';
import type { LearningPlan } from './walk_forward.ts';
import { DIRECTIONS } from './label/direction.ts';
import { classShares } from '../../measures/class_table.ts';
import { directionCard } from './direction_card.ts';
import { describeRows, importedRows } from './block_novelties.ts';
import { strategyOf } from './direction_net.ts';
import { directionDatasetId } from './direction_table.ts';
import { directionReference } from './direction_reference.ts';
import { sourcesOf } from './formula_series.ts';
import type { Instrument } from './instrument_rows.ts';
import { successTargets } from './success_targets.ts';
import type { DirectionPlan, TrainedDirection } from './train_direction.ts';

const GOLDEN_ROWS = 12;

type ManifestBias = NonNullable<DirectionManifest['bias']>;

export interface DirectionBundleParts {
  readonly instruments: readonly Instrument[];
  readonly plan: DirectionPlan;
  readonly trained: TrainedDirection;
  readonly out: string;
  readonly created: Date;
  readonly gitCommit: string | null;
  /** Origin of the bars. */
  readonly market: NonNullable<DirectionManifest['market']>;
  /** Whether the version ends in engine and horizon of the label; absent: no. */
  readonly settingsName?: boolean;
  /** Seed and parameters of its job; absent: it cannot be trained again. */
  readonly job?: { readonly seed: number; readonly parameters: Readonly<Record<string, unknown>> };
}

/**
 * Writes the bundle and verifies it like a daemon; removes it if that fails.
 * @throws MinutehandError MODEL_GOLDEN, MODEL_LOAD
 */
export async function makeDirectionBundle(parts: DirectionBundleParts): Promise<DirectionManifest> {
  const { instruments, trained, out, created } = parts;
  const { timeframe } = instruments[0]!.bars;
  const windows = windowsOf(parts);
  const schema = instrumentSchema(windows, timeframe);
  const metadata = { model: 'direction', feature_schema: schema.hash, classes: JSON.stringify(DIRECTIONS) };
  // Time and memory are of the machine: the same training makes the same bundle.
  const { metrics, blocks: _, cost: _cost, others, rows, model, ...report } = trained;
  const { trades } = report.net;
  const symbols = instruments.map(({ bars: { symbol } }) => symbol);
  const reference = directionReference({ rows, symbols, windows, timeframe, trades });
  const manifest = manifestOf(parts, schema.hash, timeframe);
  const summary = parts.settingsName === true ? settingsSummary(manifest.engine.name, manifest.label.horizon) : null;
  const folder = writeDirectionBundle(out, created, {
    manifest,
    summary,
    model: model.toOnnx({ metadata, trained: rows.x }),
    report: {
      ...report,
      learning: reportedLearning(report.learning),
      others: others.map(({ cost: _ofOther, ...measured }) => measured),
      metrics,
      net: { ...report.net, trades: trades.length },
      reference,
    },
    card: directionCard,
  });
  try {
    return (await prepareDirection(folder, schema)).manifest;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** What the model reads: a sequence only where it gets one, whatever it was compared with. */
function windowsOf({ plan, trained }: Pick<DirectionBundleParts, 'plan' | 'trained'>): InstrumentWindows {
  const { sequence: _ofTraining, ...windows } = plan.windows;
  const bars = barsOf(trained.model);
  return bars > 1 ? { ...windows, sequence: bars } : windows;
}

/** How the model was learned, as the report states it: members and networks where some took part. */
function reportedLearning({ learner, fixed, ...learning }: LearningPlan): object {
  if (fixed !== undefined) return { engine: fixed.learner };
  const { engine, ensembles, network, device } = learner;
  const parts = learnersIn(engine, ensembles);
  return {
    engine,
    ...learning,
    ...(parts.length > 1 && { ensembles }),
    ...(parts.some(isNetwork) && { network }),
    ...(device && { device }),
  };
}

function manifestOf(
  { instruments, plan, trained, gitCommit, market, job }: DirectionBundleParts,
  schema: string,
  timeframe: number,
): Parameters<typeof writeDirectionBundle>[2]['manifest'] {
  const { rows, metrics, net, priors, scaling, theta, bias, gates, blocks } = trained;
  const { params, balance } = trained.learning;
  const period = rows.time.reduce(([from, to], time) => [Math.min(from!, time), Math.max(to!, time)], [Infinity, 0]);
  const { imported } = plan;
  const members = memberReports(trained.model);
  const inputs = describeRows(imported === undefined ? rows : importedRows(rows, imported), `${plan.seed}/inputs`);
  const numbers = Object.entries(params).filter((own): own is [string, number] => typeof own[1] === 'number');
  return {
    git_commit: gitCommit,
    market,
    engine:
      imported === undefined
        ? {
            name: trained.learning.learner.engine,
            parameters: {
              ...Object.fromEntries(numbers),
              stride: plan.stride,
              class_weight_ratio: balance.classWeightRatio,
            },
          }
        : { name: imported.model.learner, parameters: {} },
    ...(imported && { imported: imported.facts }),
    timeframe,
    windows: { ...windowsOf({ plan, trained }) },
    feature_schema: schema,
    features: [...rows.columns],
    instruments: instruments.map(({ bars }) => bars.symbol),
    sources: sourcesOf(instruments),
    period: { from: isoMinute(period[0]!), to: isoMinute(period[1]!) },
    data_hash: hashInstruments(instruments),
    ...(job && {
      training: {
        ...job,
        ...spanOf(instruments),
        dataset_id: directionDatasetId(rows, instruments, plan),
        ...(plan.noveltyMin !== undefined && { novelty_min: plan.noveltyMin }),
      },
    }),
    label: { ...plan.label },
    balance: plan.balance,
    calibration: { kind: scaling.kind, slope: [...scaling.slope], intercept: [...scaling.intercept] },
    strategy: strategyOf(theta, timeframe),
    metrics: {
      rows: metrics.rows,
      log_loss: metrics.log_loss,
      log_loss_prior: Math.min(...priors.map(({ log_loss }) => log_loss)),
      brier: metrics.brier,
      class_wise_ece: metrics.class_wise_ece,
      auc: [...metrics.auc],
      auc_errors: [...metrics.auc_errors],
      up_or_down_auc: metrics.up_or_down_auc,
      up_or_down_error: metrics.up_or_down_error,
      f1: metrics.f1,
      f1_by_class: [...metrics.f1_by_class],
      f1_chance: metrics.f1_chance,
      f1_gain_lower: metrics.f1_gain_lower,
      balanced_accuracy: trained.validation.pooled.balanced_accuracy,
      net_bps: net.result.net_bps,
      lower_5_net_bps: net.result.lower_5_net_bps,
      upper_95_net_bps: net.result.upper_95_net_bps,
      trades: net.result.trades,
    },
    ...(inputs && { inputs }),
    base_rates: classShares(rows.evaluation, DIRECTIONS.length),
    costs: { taker_fee_bps: plan.costs.takerFeeBps, slippage_bps: plan.costs.slippageBps },
    bias: biasOf(bias),
    targets: successTargets({
      metrics,
      bias,
      net,
      instruments: instruments.length,
      seconds: period[1]! - blocks[0]!.split.from,
      isPlausible: gates.find(({ code }) => code === 'plausible')?.passed !== false,
    }),
    ...(trained.validation.warnings.length > 0 && { warnings: [...trained.validation.warnings] }),
    gates: [...gates],
    edge: net.edge,
    ...(trained.look !== null && { evaluation_look: trained.look }),
    ...(trained.model.classEpochs && { epochs: epochsOf(trained.model.classEpochs) }),
    ...(members && {
      members: members.map(({ learner, weight, classEpochs }) => ({
        learner,
        weight,
        ...(classEpochs && { epochs: epochsOf(classEpochs) }),
      })),
    }),
    golden: goldenOf(trained),
  };
}

function epochsOf(epochs: readonly ClassEpoch[]): DirectionManifest['epochs'] {
  return epochs.map(({ class_shares, ...losses }) => ({ ...losses, class_shares: [...class_shares] }));
}

function biasOf(all: DirectionBias): ManifestBias {
  const { overall: _all, bull: _bull, bear: _bear, hours: _hours, outcome, biased, ...figures } = all;
  const { predicted, observed } = outcome;
  return {
    ...figures,
    outcome_predicted: predicted,
    outcome_observed: observed,
    biased: [...biased],
  };
}

/** Evenly spread rows, and one with every value missing. */
function goldenOf({ rows: { x }, model }: TrainedDirection): DirectionManifest['golden'] {
  const chosen = Array.from({ length: GOLDEN_ROWS }, (_, i) => Math.floor((i * x.rows) / GOLDEN_ROWS));
  const taken = takeRows(x, chosen);
  const bars = barsOf(model);
  const width = bars * x.columns;
  const inputs = bars > 1 ? modelInputs(taken, 0, GOLDEN_ROWS) : taken.values;
  const values = new Float32Array(inputs.length + width).fill(NaN);
  values.set(inputs);
  const answers = model.exactAnswers(ownTable(values, { rows: GOLDEN_ROWS + 1, columns: x.columns, bars }));
  const row = <T>(of: ArrayLike<number>, width: number, i: number, map: (value: number) => T): T[] =>
    Array.from({ length: width }, (_, k) => map(of[i * width + k]!));
  const indices = Array.from({ length: GOLDEN_ROWS + 1 }, (_, i) => i);
  return {
    features: indices.map((i) => row(values, width, i, (value) => (Number.isFinite(value) ? value : null))),
    probabilities: indices.map((i) => row(answers, DIRECTIONS.length, i, (value) => value)),
  };
}

function spanOf(instruments: readonly Instrument[]): { readonly from: string; readonly to: string } {
  let from = Infinity;
  let to = -Infinity;
  for (const { bars } of instruments) {
    from = Math.min(from, bars.time[0]!);
    to = Math.max(to, bars.time[bars.length - 1]! + bars.timeframe);
  }
  return { from: instantOf(from), to: instantOf(to) };
}

const instantOf = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** The data hash of a manifest: bars and series. */
export function hashInstruments(instruments: readonly Instrument[]): string {
  const hash = createHash('sha256');
  const add = (column: Float64Array): void => {
    hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
  };
  for (const { bars, series } of instruments) {
    hash.update(bars.symbol);
    for (const column of [bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.takerBuyVolume])
      add(column);
    for (const [name, history] of Object.entries(series)) {
      hash.update(name);
      for (const column of [history.eventTime, history.arrivalTime, history.value]) add(column);
    }
  }
  return hash.digest('hex');
}
