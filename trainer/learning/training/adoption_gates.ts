import { isoMinute, type OpenTime } from '../../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../../../shared/bundle/model_set.ts';
import { describeError } from '../../../shared/errors.ts';
import { parsePair } from '../../../shared/pair.ts';
import { warmUpSeconds } from '../../../shared/core/features/features.ts';
import { tradingCosts } from '../../../shared/policy/costs.ts';
import { decisionPolicy, type Settings } from '../../../shared/policy/policy.ts';
import { backtestPeriod, ROWS_PER_SCORE, type BundleResult } from '../strategies/pair_reversion/backtest/period.ts';
import { datasetPolicy } from '../strategies/pair_reversion/dataset/dataset_policy.ts';
import { findChampion } from './champion.ts';
import type { TrainResult } from './pipeline.ts';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import { checkCandidates, type NoChampion } from '../gates/champion.ts';
import { brierLossOf } from '../gates/brier_loss.ts';
import { checkAdoption } from '../gates/registry.ts';
import type { AdoptionEvidence, Compared, Comparison } from '../gates/gate.ts';
import { goldenResult } from '../gates/golden_vectors.ts';

export interface AdoptionContext {
  readonly settings: Settings;
  /** The bars that the challenger was trained on, and those of other symbols that the champion reads. */
  readonly bars: ReadonlyMap<string, BarColumns>;
  /** The folder with active.json, which names the champion. */
  readonly modelsFolder: string;
  readonly workers: number;
  onProgress(stage: string, done: number, total: number): void;
}

/**
 * Whether a new bundle may become active: it loads and answers in onnxruntime like its learner, all gates of its
 * training have passed, and it is not worse than the champion on the same bars, unseen by both.
 */
export async function adoptionGates(result: TrainResult, context: AdoptionContext): Promise<RecordedGate[]> {
  return [...result.gates, ...checkAdoption(await adoptionEvidence(result, context))];
}

async function adoptionEvidence(result: TrainResult, context: AdoptionContext): Promise<AdoptionEvidence> {
  const limits = context.settings.retrain;
  let challenger: ModelSet;
  try {
    challenger = await loadModelSet(result.path, schemaOf(context), ROWS_PER_SCORE);
  } catch (error) {
    const { code, message } = describeError(error);
    const golden = goldenResult(false, { error_code: code, error: message });
    return { role: null, golden, comparison: null, limits };
  }
  try {
    const rows = result.manifest.golden.features.length;
    return {
      role: null,
      golden: goldenResult(true, { rows }),
      comparison: await compareWithChampion(result, challenger, context),
      limits,
    };
  } finally {
    await challenger.release();
  }
}

async function compareWithChampion(
  result: TrainResult,
  challenger: ModelSet,
  context: AdoptionContext,
): Promise<Comparison> {
  const champion = await openChampion(result, context);
  if ('reason' in champion) return { kind: 'none', evidence: champion };
  try {
    return await compare(result, champion, challenger, context);
  } finally {
    await champion.release();
  }
}

async function compare(
  { dataset }: TrainResult,
  champion: ModelSet,
  challenger: ModelSet,
  { settings, bars, workers, onProgress }: AdoptionContext,
): Promise<Comparison> {
  const championFrom = Date.parse(champion.manifest.period.holdout_from) / 1000;
  const from = Math.max(dataset.holdoutFrom, championFrom) as OpenTime;
  const refusal = checkCandidates(dataset.evaluation.holdout.time, from, champion.version, settings.retrain);
  if (refusal !== null) return { kind: 'refused', result: refusal };
  const warmUp = Math.max(...[champion, challenger].map(({ schema }) => warmUpSeconds(schema.windows)));
  const warmFrom = (from - warmUp) as OpenTime;
  const { bundles, ai1Times } = await backtestPeriod({
    pairs: settings.minutehand.pairs.map(parsePair),
    bars: new Map([...bars].map(([symbol, columns]) => [symbol, clipBars(columns, warmFrom)])),
    from,
    sets: [champion, challenger],
    policy: decisionPolicy(settings),
    labels: datasetPolicy(settings),
    costs: tradingCosts(settings),
    workers,
    onProgress: (done, total) => onProgress('champion and challenger', done, total),
  });
  const [old, young] = bundles as [BundleResult, BundleResult];
  const brierLoss = brierLossOf(old, young, ai1Times);
  return {
    kind: 'compared',
    champion: comparedBundle(old),
    challenger: comparedBundle(young),
    brierLoss,
    since: isoMinute(from),
  };
}

function comparedBundle({ version, models, all_pairs, edge_pairs }: BundleResult): Compared {
  return { version, scores: models.ai1, all: all_pairs.total, withEdge: edge_pairs.total };
}

/** The active bundle, or the reason for no comparison: an unusable champion does not block its successor. */
async function openChampion({ manifest }: TrainResult, context: AdoptionContext): Promise<ModelSet | NoChampion> {
  const champion = findChampion({ ...context, market: manifest.market });
  if ('reason' in champion) return champion;
  try {
    return await loadModelSet(champion.folder, schemaOf(context), ROWS_PER_SCORE);
  } catch (error) {
    const { code, message } = describeError(error);
    return { reason: 'unusable', error_code: code, error: message };
  }
}

function schemaOf({ settings }: AdoptionContext): ReturnType<typeof featureSchema> {
  return featureSchema(settings.minutehand.windows);
}
