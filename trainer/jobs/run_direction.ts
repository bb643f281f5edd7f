import { INSTRUMENT_WINDOWS } from '../../shared/core/features/instrument/definitions.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { makeDirectionBundle } from '../learning/direction/make_direction_bundle.ts';
import {
  DIRECTION_PARAMS,
  DIRECTION_WALK_FORWARD,
  trainDirection,
  type DirectionPlan,
  type TrainedDirection,
} from '../learning/direction/train_direction.ts';
import { f1Floor } from '../learning/validate/quality_gate.ts';
import { holdingFolders } from './held_folders.ts';
import { readInstruments } from './bars/instruments.ts';
import type { DirectionJob } from './direction_job.ts';

export interface DirectionContext {
  readonly settings: Settings;
  /** Folder of the installation. */
  readonly home: string;
  /** Of this program, for the manifest; null outside a repository. */
  readonly gitCommit: string | null;
  onProgress(stage: string, done: number, total: number): void;
  /** Bars of an instrument were joined to longer ones. */
  onJoined(symbol: string, seconds: number): void;
}

/** What a training has made. It has activated nothing. */
export interface DirectionProduct {
  readonly trained: TrainedDirection;
  readonly plan: DirectionPlan;
  /** Of the written bundle; null without `output.folder`. */
  readonly version: string | null;
}

/**
 * Runs a training of the direction model: bars and series → walk-forward → bundle.
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT, MODEL_MARKET, and as `trainDirection` and `makeDirectionBundle`
 */
export async function runDirection(job: DirectionJob, context: DirectionContext): Promise<DirectionProduct> {
  refuseOtherMarket(job, context.settings);
  const { folder } = job.output;
  return await holdingFolders(folder === null ? [context.home] : [context.home, folder], () =>
    makeProduct(job, context),
  );
}

async function makeProduct(job: DirectionJob, context: DirectionContext): Promise<DirectionProduct> {
  const { settings, gitCommit, onProgress, onJoined } = context;
  const plan = planOf(job, settings);
  const { source, symbols, timeframe, market } = job;
  const onRead = (done: number, total: number): void => onProgress('reading bars', done, total);
  const instruments = await readInstruments({ ...source, symbols, timeframe, settings }, onRead);
  for (const { bars } of instruments) if (bars.joinedFrom !== undefined) onJoined(bars.symbol, bars.joinedFrom);
  const trained = await trainDirection(instruments, plan, onProgress);
  if (job.output.folder === null) return { trained, plan, version: null };
  const out = job.output.folder;
  const parts = { instruments, plan, trained, out, market, created: new Date(), gitCommit };
  return { trained, plan, version: (await makeDirectionBundle(parts)).version };
}

/** The bars of an installation are of its own market. @throws MinutehandError MODEL_MARKET */
function refuseOtherMarket({ market, source }: DirectionJob, { minutehand }: Settings): void {
  if (source.folder !== null || market === minutehand.market) return;
  throw new MinutehandError('MODEL_MARKET', {
    seen: `a job on bars of a ${market} market`,
    expected: `those of this installation: ${minutehand.market}`,
    next: 'Name the folder of the bars, or set MINUTEHAND_MARKET.',
  });
}

function planOf({ parameters, seed, resources }: DirectionJob, settings: Settings): DirectionPlan {
  const { label, balance, class_weight_ratio, trials, balance_penalty, stride, compare, peers } = parameters;
  return {
    windows: INSTRUMENT_WINDOWS,
    label,
    balance,
    classWeightRatio: class_weight_ratio,
    search: trials === 0 ? null : { trials, balancePenalty: balance_penalty },
    stride,
    params: DIRECTION_PARAMS,
    walkForward: DIRECTION_WALK_FORWARD,
    costs: { takerFeeBps: parameters.taker_fee_bps, slippageBps: parameters.slippage_bps },
    f1Floor: f1Floor(settings, 'direction'),
    seed: String(seed),
    workers: resources.workers,
    balances: compare,
    peers,
  };
}
