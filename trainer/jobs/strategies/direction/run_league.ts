import type { Timeframe } from '../../../../shared/pair.ts';
import type { FitCost } from '../../../learning/league/fit_cost.ts';
import type { ServingCost } from '../../../learning/league/serving_cost.ts';
import { failedEntrant, installedEntrants, type FailedEntrant } from '../../../learning/league/failed_entrants.ts';
import { ensembleParameters } from '../../../learning/learners/mixture/ensemble_parameters.ts';
import { complexityOf, refuseMissingLearner } from '../../../learning/learners/registry.ts';
import { simplestWithinError, type Figure, type Standing } from '../../../learning/statistics/standings.ts';
import type { HomePaths } from '../../../../shared/home.ts';
import { codeHash } from '../../fleet/own_code.ts';
import { DEFAULT_LEAGUE_BYTES } from '../../../learning/league/kept_entrants.ts';
import { surroundingsOf } from '../../../learning/league/surroundings.ts';
import { openKeptWays, type WayFiles } from '../../../learning/strategies/direction/kept_ways.ts';
import { earnersOnPlacebo, type PlaceboEarner } from '../../../learning/league/placebo_verdict.ts';
import type { TrainingWarning } from '../../../../shared/bundle/training_warning.ts';
import type { NetResult } from '../../../learning/strategies/direction/direction_net.ts';
import {
  priorBlocks,
  type DirectionMetrics,
  type LossDifference,
} from '../../../learning/strategies/direction/direction_report.ts';
import type { ExaminedWay } from '../../../learning/strategies/direction/examined_way.ts';
import type { Measured } from '../../../learning/strategies/direction/measured_way.ts';
import { PRIOR_BY_INSTRUMENT, type TrainedDirection } from '../../../learning/strategies/direction/train_direction.ts';
import { standBeside, standWays } from '../../../learning/strategies/direction/way_standings.ts';
import { DIRECTION_DEFAULTS, defaultLabel } from '../../kinds/direction_defaults.ts';
import { isDrawn, type DirectionJob } from '../../kinds/direction_job.ts';
import {
  DIRECTION_REFERENCE,
  directionEntrant,
  engineOfWay,
  waysOf,
  type DirectionLeagueJob,
} from '../../kinds/direction_league_job.ts';
import { runDirection, type DirectionContext } from '../../kinds/run_direction.ts';

/** Where answers to the evaluated rows stand. */
export interface DirectionStanding {
  /** Log loss above that of the best entrant, paired row by row; its error is over days. */
  readonly behind_best: Figure;
  /** Whether that is within one standard error. The best one is. */
  readonly is_within_error: boolean;
}

export interface DirectionEntrant extends FitCost, DirectionStanding {
  readonly name: string;
  /** Order of simplicity: a smaller number is simpler. A balance does not change it. */
  readonly complexity: number;
  readonly metrics: DirectionMetrics;
  /** Log loss minus that of the reference, paired bar by bar; null for the reference. */
  readonly against_reference: LossDifference | null;
  readonly net: NetResult;
  /** Log loss of the evaluated blocks by each seed, the first one's first. */
  readonly log_loss_of_seeds: readonly number[];
  /** Evaluated rows, by what the market had done up to them; without those that have none. */
  readonly scenarios: ExaminedWay['scenarios'];
  /** Answers of the calibrated model of the last block in generated markets. */
  readonly generated: ExaminedWay['generated'];
  /** Of the same model, in the daemon. */
  readonly serving: ServingCost;
}

/** Base rates beside the entrants. */
export type DirectionPrior = TrainedDirection['priors'][number] & DirectionStanding;

export interface DirectionLeague {
  readonly strategy: 'direction';
  readonly timeframe: Timeframe;
  readonly symbols: readonly string[];
  /** Whether the bars are the recorded ones, or their direction was drawn. */
  readonly market: 'recorded' | 'coins';
  readonly reference: string;
  readonly entrants: readonly DirectionEntrant[];
  /** Entrants without a result. The others are compared without them. */
  readonly failed: readonly FailedEntrant[];
  /** Entrants whose measures are those of an unfinished league like this one. */
  readonly taken_over: readonly string[];
  /** Log loss of base rates, and that of the reference minus theirs. */
  readonly priors: readonly DirectionPrior[];
  /** The entrant with the lowest log loss. */
  readonly best: string;
  /** The simplest one within one standard error of it. */
  readonly simplest_within_error: string;
  /** Entrants whose log loss is lower than that of the reference, at an error rate of 5 % each. */
  readonly better: readonly string[];
  /** Who shows an edge on a market of coins: not to be trusted with any. Empty on the recorded one. */
  readonly earners_on_placebo: readonly PlaceboEarner[];
  /** Of the rows that the reference learned from. */
  readonly warnings: readonly TrainingWarning[];
  /** Number of this look at the evaluated blocks; null on a market of coins. */
  readonly look: number | null;
}

export interface DirectionLeagueContext extends DirectionContext {
  readonly paths: DirectionContext['paths'] & Pick<HomePaths, 'leagueCache'>;
  /** An entrant has ended: its measures are kept until the league has. */
  readonly onKept?: (entrant: string) => void;
}

/**
 * Ways to learn the direction model on the same blocks: a training that writes nothing, with the others beside the
 * delivered way. All of it is one look at these blocks. A way that fails, or whose library is not installed, is left
 * out and named.
 * @throws MinutehandError as `runDirection`, and LEARNER_MISSING where no other way than the reference is installed
 */
export async function runDirectionLeague(
  job: DirectionLeagueJob,
  context: DirectionLeagueContext,
): Promise<DirectionLeague> {
  const { seeds = 1 } = job.parameters;
  const { able, missing } = partitionMissing(job.parameters);
  const failed: FailedEntrant[] = [...missing];
  const onFailed = (way: string, error: unknown): void => void failed.push(failedEntrant(directionEntrant(way), error));
  const training = trainingOf({ ...job, parameters: { ...job.parameters, entrants: able } });
  const takenOver: string[] = [];
  const held: { files: WayFiles | null } = { files: null };
  const openKept = (of: unknown): WayFiles => {
    held.files = openKeptWays({
      folder: context.paths.leagueCache,
      maxBytes: DEFAULT_LEAGUE_BYTES,
      training: [of, codeHash()],
      surroundingsOf: (way) => surroundingsOf(engineOfWay(way), ensembleParameters(job.parameters.ensemble ?? {})),
      onRead: (way) => void takenOver.push(directionEntrant(way)),
      onWritten: (way) => context.onKept?.(directionEntrant(way)),
    });
    return held.files;
  };
  const isKept = job.resources.cache !== false;
  const played = { ...context, seeds, isExamined: true, onFailed, ...(isKept && { openKept }) };
  const { trained } = await runDirection(training, played).finally(() => held.files?.prune());
  // What failed may be mended, and the others need not be measured again then.
  if (failed.length === 0) held.files?.remove();
  const ways = waysIn(trained);
  const standings = standWays(
    ways.map(({ examined }) => examined.losses),
    trained.rows,
    trained.blocks,
  );
  const ensembles = ensembleParameters(job.parameters.ensemble ?? {});
  const complexities = ways.map(({ name }) => complexityOf(engineOfWay(name), ensembles));
  const entrants = ways.map(({ name, metrics, against, net, log_loss_of_seeds, cost, examined }, index) => {
    const entrant: DirectionEntrant = {
      name: directionEntrant(name),
      complexity: complexities[index]!,
      metrics,
      against_reference: against,
      ...standingFigures(standings.of[index]!),
      net,
      log_loss_of_seeds,
      scenarios: examined.scenarios,
      generated: examined.generated,
      serving: examined.serving,
      ...cost,
    };
    return entrant;
  });
  const market = isDrawn(job.parameters) ? 'coins' : 'recorded';
  return {
    strategy: 'direction',
    timeframe: job.timeframe,
    symbols: job.symbols,
    market,
    reference: DIRECTION_REFERENCE,
    entrants,
    failed,
    taken_over: takenOver,
    priors: standPriors(trained, ways[standings.order[0]!]!),
    best: entrants[standings.order[0]!]!.name,
    simplest_within_error: entrants[simplestWithinError(standings, complexities)]!.name,
    better: entrants.flatMap(({ name, against_reference }) => ((against_reference?.upper_95 ?? 0) < 0 ? [name] : [])),
    earners_on_placebo: earnersOnPlacebo(
      market,
      // The edge of an entrant is of all instruments together, at the error rate of all ways together.
      entrants.map(({ name, net: own }) => ({ name, edges: own.no_edge ? [] : job.symbols })),
    ),
    warnings: trained.validation.warnings,
    look: trained.look,
  };
}

/** A way that a league has examined. */
type Examined = Measured & Required<Pick<Measured, 'examined'>>;

/** The reference first. */
function waysIn({ metrics, net, log_loss_of_seeds, cost, examined, others }: TrainedDirection): Examined[] {
  const reference = { metrics, against: null, net: net.result, log_loss_of_seeds, cost };
  return [
    { name: DIRECTION_REFERENCE, ...reference, examined: examined! },
    ...others.map((own) => ({ ...own, examined: own.examined! })),
  ];
}

function standPriors({ rows, blocks, priors }: TrainedDirection, best: Examined): DirectionPrior[] {
  return priors.map((prior) => {
    const own = priorBlocks(rows, blocks, prior.name === PRIOR_BY_INSTRUMENT);
    return { ...prior, ...standingFigures(standBeside(best.examined.losses, rows, own)) };
  });
}

function standingFigures({ behind, isWithinError }: Standing): DirectionStanding {
  return { behind_best: behind, is_within_error: isWithinError };
}

/**
 * Entrants whose libraries are on this machine, and the others.
 * @throws MinutehandError LEARNER_MISSING where nothing is left that the reference could be compared with
 */
function partitionMissing({ entrants, ensemble = {} }: DirectionLeagueJob['parameters']): {
  readonly able: string[];
  readonly missing: readonly FailedEntrant[];
} {
  const { peers } = waysOf(entrants);
  const { missing, error } = installedEntrants(
    peers.map((name) => ({ name })),
    ({ name }) => refuseMissingLearner(name, ensembleParameters(ensemble)),
  );
  const able = entrants.filter((name) => !missing.some((own) => own.name === name));
  if (error !== undefined && able.every((name) => name === DIRECTION_REFERENCE)) throw error;
  return { able, missing };
}

/** The training that measures it. */
function trainingOf({ kind: _kind, parameters, ...job }: DirectionLeagueJob): DirectionJob {
  const { entrants, ensemble, networks, device, coins, taker_fee_bps, slippage_bps } = parameters;
  return {
    ...job,
    kind: 'direction',
    parameters: {
      ...DIRECTION_DEFAULTS,
      label: defaultLabel(job.timeframe),
      taker_fee_bps,
      slippage_bps,
      ...waysOf(entrants),
      ...(ensemble && { ensemble }),
      ...(networks && { networks }),
      ...(device && { device }),
      ...(coins !== undefined && { coins }),
    },
    output: { folder: null, is_dry_run: true },
    adopt: false,
  };
}
