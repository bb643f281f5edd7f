import { MinutehandError } from '../../../shared/errors.ts';
import { embargoSeconds } from '../../../shared/policy/policy.ts';
import { countResult } from '../../learning/backtest/holdout_looks.ts';
import { countTrials, type TriedWork } from '../../learning/backtest/trial_ledger.ts';
import { runLeague, type Entrant, type LeagueReport } from '../../learning/league/league.ts';
import {
  complexityOf,
  learnersIn,
  openLearner,
  refuseMissingLearner,
  refuseUnusedDevice,
} from '../../learning/learners/registry.ts';
import { ensembleParameters } from '../../learning/learners/mixture/ensemble_parameters.ts';
import { comparisonNamed } from '../../learning/learners/comparison/registry.ts';
import { networkParameters, withSequence } from '../../learning/learners/networks/network_parameters.ts';
import { openFitPool } from '../../learning/learners/trees/fit_pool.ts';
import { placeboMarkets } from '../../learning/placebo/placebo_rows.ts';
import { holdoutOf } from '../../learning/proof/prove_models.ts';
import { outlineTraining } from '../../learning/training/pipeline.ts';
import { withTrainOptions, type TrainingContext } from './run_training.ts';
import type { LeagueJob } from './league_job.ts';
import { trainingOfExperiment } from './experiment_training.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { entrantColumns, entrantComplexity, entrantGroups, entrantNamed } from '../../learning/league/entrants.ts';
import { coinsOf, mirrorBars } from '../../learning/placebo/mirrored_bars.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { groupProblems, type SubjectGroups } from '../../../shared/policy/subject_groups.ts';
import { sha256Hex } from '../../../shared/sha256.ts';

export interface LeagueOutcome extends LeagueReport {
  /** Looks at this holdout so far, the entrants of this league included; 0 on a market of coins. */
  readonly holdout_looks: number;
  /** Configurations that were ever tried on the bars before this holdout, those of this league included; 0 of coins. */
  readonly trials: number;
}

/**
 * A league on the rows that a training of these bars would have. It writes no bundle and adopts nothing; each answer of
 * an entrant to the holdout counts as a look at it, so that a training after the league needs more evidence.
 * @throws MinutehandError as `rehearseTraining`, and LEARNER_MISSING for an entrant whose engine is not installed
 */
export async function runLeagueJob(job: LeagueJob, context: TrainingContext): Promise<LeagueOutcome> {
  const {
    entrants: chosen,
    seeds = 1,
    coins = null,
    groups = context.settings.minutehand.train.groups ?? {},
  } = job.parameters;
  refuseGroups(groups, context.settings);
  const entrants = chosen.map((name) => ({ name, ...entrantNamed(name) }));
  for (const { learner } of entrants) comparisonNamed(learner)?.refuseMissing();
  const names = entrants.map(({ learner }) => learner).filter((name) => comparisonNamed(name) === null);
  const ensembles = ensembleParameters(context.settings.minutehand.train);
  // The rows are those of the configured engine, which may learn on the processor alone.
  const { minutehand } = context.settings;
  const { device, ...train } = minutehand.train;
  refuseUnusedDevice(names, device, ensembles);
  for (const name of names) refuseMissingLearner(name, ensembles);
  const settings = withSequence(
    { ...context.settings, minutehand: { ...minutehand, train } },
    names.flatMap((name) => learnersIn(name, ensembles)),
  );
  const sequential = { ...context, settings };
  return await withTrainOptions(trainingOfExperiment(job, job.resources), sequential, async (recorded) => {
    const bars = coins === null ? recorded.bars : withCoins(recorded.bars, coins);
    const options = { ...recorded, bars };
    const { settings: own, seed, workers, openPool = openFitPool, onProgress } = options;
    const { dataset } = await outlineTraining(options);
    const pairs = dataset.histories.map(({ pair }) => pair.id);
    // Before an hour of fits.
    for (const { kind } of entrants) entrantGroups(groups, pairs, kind);
    const placebo = await placeboMarkets({
      dataset,
      bars,
      seed,
      workers,
      windows: own.minutehand.windows,
      onProgress: (done, total) => onProgress('placebo markets', done, total),
    });
    const pool = openPool(workers);
    let looks = 0;
    try {
      const setup = {
        parameters: own.minutehand.train.ai1,
        fitTrees: pool.fit,
        ensembles,
        device,
        network: networkParameters(own.minutehand.train.networks, 'ai1'),
        columnNames: dataset.definitions.map(({ name }) => name),
      };
      const report = await runLeague({
        dataset,
        placebo,
        entrants: entrants.map(({ name, learner, kind }): Entrant => {
          const compared = comparisonNamed(learner);
          return {
            name,
            kind,
            complexity: entrantComplexity(compared?.complexity ?? complexityOf(learner, ensembles), kind),
            groups: entrantGroups(groups, pairs, kind),
            columns: entrantColumns(dataset.definitions, kind),
            learner: compared?.open(setup) ?? openLearner(learner, setup),
          };
        }),
        folds: own.minutehand.train.folds,
        embargo: embargoSeconds(own.minutehand),
        seed,
        seeds,
        settings: own,
        market: coins === null ? 'recorded' : 'coins',
        onHoldout(_entrant, probabilities) {
          // Nothing of the recorded holdout can be learned from a market whose direction was drawn.
          if (coins !== null) return;
          const { buffer, byteOffset, byteLength } = probabilities;
          const result = sha256Hex(Buffer.from(buffer, byteOffset, byteLength));
          looks = Math.max(looks, countResult(options.out, holdoutOf(dataset, options), result));
        },
        onProgress: (entrant, done, total) => onProgress(`league: ${entrant}`, done, total),
      });
      const trials = coins === null ? countTrials(options.out, holdoutOf(dataset, options), triedBy(job, report)) : 0;
      return { ...report, holdout_looks: looks, trials };
    } finally {
      await pool.close();
    }
  });
}

/** @throws MinutehandError USAGE for a pair that is not configured, or in two groups */
function refuseGroups(groups: SubjectGroups, { minutehand }: Settings): void {
  const [problem] = groupProblems(groups, minutehand.pairs);
  if (problem !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `groups: pair ${problem.index + 1} of ${problem.group} ${problem.text}`,
    });
}

/** Each entrant, and each seed of it, is a trial. */
function triedBy(
  { parameters: { entrants, seeds = 1, groups } }: LeagueJob,
  { dataset_id, seed }: LeagueReport,
): TriedWork {
  const work = sha256Hex(JSON.stringify(['league', dataset_id, seed, seeds, entrants, ...(groups ? [groups] : [])]));
  return { kind: 'league', work, trials: entrants.length * seeds };
}

/** The market whose direction was drawn, one coin per bar time for all symbols. */
function withCoins(bars: ReadonlyMap<string, BarColumns>, seed: number): ReadonlyMap<string, BarColumns> {
  const coins = coinsOf(`${seed}/league market`);
  return new Map([...bars].map(([symbol, own]) => [symbol, mirrorBars(own, coins)]));
}
