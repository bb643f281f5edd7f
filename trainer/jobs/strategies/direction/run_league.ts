import type { Timeframe } from '../../../../shared/pair.ts';
import type { FitCost } from '../../../learning/league/fit_cost.ts';
import type { NetResult } from '../../../learning/strategies/direction/direction_net.ts';
import type { DirectionMetrics, LossDifference } from '../../../learning/strategies/direction/direction_report.ts';
import type { TrainedDirection } from '../../../learning/strategies/direction/train_direction.ts';
import { DIRECTION_DEFAULTS, defaultLabel } from '../../kinds/direction_defaults.ts';
import { isDrawn, type DirectionJob } from '../../kinds/direction_job.ts';
import {
  DIRECTION_REFERENCE,
  directionEntrant,
  waysOf,
  type DirectionLeagueJob,
} from '../../kinds/direction_league_job.ts';
import { runDirection, type DirectionContext } from '../../kinds/run_direction.ts';

export interface DirectionEntrant extends FitCost {
  readonly name: string;
  readonly metrics: DirectionMetrics;
  /** Log loss minus that of the reference, paired bar by bar; null for the reference. */
  readonly against_reference: LossDifference | null;
  readonly net: NetResult;
  /** Log loss of the evaluated blocks by each seed, the first one's first. */
  readonly log_loss_of_seeds: readonly number[];
}

export interface DirectionLeague {
  readonly strategy: 'direction';
  readonly timeframe: Timeframe;
  readonly symbols: readonly string[];
  /** Whether the bars are the recorded ones, or their direction was drawn. */
  readonly market: 'recorded' | 'coins';
  readonly reference: string;
  readonly entrants: readonly DirectionEntrant[];
  /** Log loss of base rates, and that of the reference minus theirs. */
  readonly priors: TrainedDirection['priors'];
  /** Entrants whose log loss is lower than that of the reference, at an error rate of 5 % each. */
  readonly better: readonly string[];
  /** Number of this look at the evaluated blocks; null on a market of coins. */
  readonly look: number | null;
}

/**
 * Ways to learn the direction model on the same blocks: a training that writes nothing, with the others beside the
 * delivered way. All of it is one look at these blocks.
 * @throws MinutehandError as `runDirection`
 */
export async function runDirectionLeague(job: DirectionLeagueJob, context: DirectionContext): Promise<DirectionLeague> {
  const { seeds = 1 } = job.parameters;
  const { trained } = await runDirection(trainingOf(job), { ...context, seeds });
  const { metrics, net, others, priors, look, log_loss_of_seeds, cost } = trained;
  const entrants: readonly DirectionEntrant[] = [
    {
      name: DIRECTION_REFERENCE,
      metrics,
      against_reference: null,
      net: net.result,
      log_loss_of_seeds,
      ...cost,
    },
    ...others.map((own) => ({
      name: directionEntrant(own.name),
      metrics: own.metrics,
      against_reference: own.against,
      net: own.net,
      log_loss_of_seeds: own.log_loss_of_seeds,
      ...own.cost,
    })),
  ];
  return {
    strategy: 'direction',
    timeframe: job.timeframe,
    symbols: job.symbols,
    market: isDrawn(job.parameters) ? 'coins' : 'recorded',
    reference: DIRECTION_REFERENCE,
    entrants,
    priors,
    better: entrants.flatMap(({ name, against_reference }) => ((against_reference?.upper_95 ?? 0) < 0 ? [name] : [])),
    look,
  };
}

/** The training that measures it. */
function trainingOf({ kind: _kind, parameters, ...job }: DirectionLeagueJob): DirectionJob {
  const { entrants, coins, taker_fee_bps, slippage_bps } = parameters;
  return {
    ...job,
    kind: 'direction',
    parameters: {
      ...DIRECTION_DEFAULTS,
      label: defaultLabel(job.timeframe),
      taker_fee_bps,
      slippage_bps,
      ...waysOf(entrants),
      ...(coins !== undefined && { coins }),
    },
    output: { folder: null, is_dry_run: true },
    adopt: false,
  };
}
