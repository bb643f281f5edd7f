import { MinutehandError } from '../../../shared/errors.ts';
import { embargoSeconds } from '../../../shared/policy/policy.ts';
import { countResult } from '../../learning/backtest/holdout_looks.ts';
import { countTrials, type TriedWork } from '../../learning/backtest/trial_ledger.ts';
import { DEFAULT_LEAGUE_BYTES, openKeptEntrants } from '../../learning/league/kept_entrants.ts';
import { installedEntrants, type InstalledEntrants } from '../../learning/league/failed_entrants.ts';
import { runLeague, type Entrant, type LeagueReport } from '../../learning/league/league.ts';
import {
  complexityOf,
  learnersIn,
  openLearner,
  refuseMissingLearner,
  refuseUnusedDevice,
} from '../../learning/learners/registry.ts';
import { ensembleParameters, type EnsembleParameters } from '../../learning/learners/mixture/ensemble_parameters.ts';
import { networkParameters, withSequence } from '../../learning/learners/networks/network_parameters.ts';
import { openFitPool } from '../../learning/learners/trees/fit_pool.ts';
import { generatedMarkets, marketsOf } from '../../learning/generated/generated_pairs.ts';
import { placeboMarkets } from '../../learning/placebo/placebo_rows.ts';
import { holdoutOf } from '../../learning/proof/prove_models.ts';
import { outlineTraining } from '../../learning/training/pipeline.ts';
import { withTrainOptions, type TrainingContext } from './run_training.ts';
import type { LeagueJob } from './league_job.ts';
import { trainingOfExperiment } from './experiment_training.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import {
  entrantColumns,
  entrantComplexity,
  entrantGroups,
  entrantNamed,
  type NamedEntrant,
} from '../../learning/league/entrants.ts';
import { surroundingsOf } from '../../learning/league/surroundings.ts';
import { barsHash } from '../../learning/strategies/pair_reversion/dataset/pair_cache.ts';
import { type TrainOptions } from '../../learning/options/train_options.ts';
import { codeHash } from '../fleet/own_code.ts';
import { coinsOf, mirrorBars } from '../../learning/placebo/mirrored_bars.ts';
import type { Device } from '../../../shared/policy/engines.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { groupProblems, type SubjectGroups } from '../../../shared/policy/subject_groups.ts';
import { sha256Hex } from '../../../shared/sha256.ts';

export interface LeagueContext extends TrainingContext {
  /** @param entrant whose measures the same league takes over from now on, should this one be interrupted */
  readonly onKept?: (entrant: string) => void;
}

export interface LeagueOutcome extends LeagueReport {
  /** Looks at this holdout so far, the entrants of this league included; 0 on a market of coins. */
  readonly holdout_looks: number;
  /** Configurations that were ever tried on the bars before this holdout, those of this league included; 0 of coins. */
  readonly trials: number;
}

/**
 * A league on the rows that a training of these bars would have. It writes no bundle and adopts nothing; each answer of
 * an entrant to the holdout counts as a look at it, so that a training after the league needs more evidence.
 * An entrant that fails, or whose learner is not installed, is left out and named; what is finished is kept until all
 * are, so that the same league takes it over after an interruption.
 * @throws MinutehandError as `rehearseTraining`, and LEARNER_MISSING where fewer than two entrants are installed
 */
export async function runLeagueJob(job: LeagueJob, context: LeagueContext): Promise<LeagueOutcome> {
  const {
    entrants: chosen,
    seeds = 1,
    coins = null,
    groups = context.settings.minutehand.train.groups ?? {},
  } = job.parameters;
  refuseGroups(groups, context.settings);
  const ensembles = ensembleParameters(context.settings.minutehand.train);
  const { able: entrants, missing } = partitionMissing(
    chosen.map((name) => ({ name, ...entrantNamed(name) })),
    ensembles,
  );
  const names = entrants.map(({ learner }) => learner);
  // The rows are those of the configured engine, which may learn on the processor alone.
  const { minutehand } = context.settings;
  const { device, ...train } = minutehand.train;
  refuseUnusedDevice(names, device, ensembles);
  const settings = withSequence(
    { ...context.settings, minutehand: { ...minutehand, train } },
    names.flatMap((name) => learnersIn(name, ensembles)),
  );
  const sequential = { ...context, settings };
  return await withTrainOptions(trainingOfExperiment(job, job.resources), sequential, async (recorded) => {
    const bars = coins === null ? recorded.bars : withCoins(recorded.bars, coins);
    const options = { ...recorded, bars };
    const { settings: own, seed, workers, openPool = openFitPool, onProgress } = options;
    const { dataset, plan } = await outlineTraining(options);
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
    const generated = await generatedMarkets({
      dataset,
      bars,
      policy: plan.policy,
      seed: `${seed}/generated`,
      onProgress: (done, total) => onProgress('generated markets', done, total),
    });
    const kept = job.resources.cache
      ? openKeptEntrants({
          folder: context.paths.leagueCache,
          maxBytes: DEFAULT_LEAGUE_BYTES,
          league: identityOf(options, { datasetId: dataset.snapshotId, seeds, coins, device: device ?? 'cpu' }),
          surroundingsOf: (name) => surroundingsOf(entrantNamed(name).learner, ensembles),
          ...(context.onKept && { onWritten: context.onKept }),
        })
      : null;
    const pool = openPool(workers);
    let looks = 0;
    let trials = 0;
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
        generated: marketsOf(generated, 'ai1', dataset),
        entrants: entrants.map(({ name, learner, kind }): Entrant => ({
          name,
          kind,
          complexity: entrantComplexity(complexityOf(learner, ensembles), kind),
          groups: entrantGroups(groups, pairs, kind),
          columns: entrantColumns(dataset.definitions, kind),
          learner: openLearner(learner, setup),
        })),
        folds: own.minutehand.train.folds,
        embargo: embargoSeconds(own.minutehand),
        seed,
        seeds,
        settings: own,
        market: coins === null ? 'recorded' : 'coins',
        kept,
        onHoldout({ name }, probabilities) {
          // Nothing of the recorded holdout can be learned from a market whose direction was drawn.
          if (coins !== null) return;
          const { buffer, byteOffset, byteLength } = probabilities;
          const result = sha256Hex(Buffer.from(buffer, byteOffset, byteLength));
          const holdout = holdoutOf(dataset, options);
          looks = Math.max(looks, countResult(options.counts, holdout, result, { earlier: [options.out] }));
          const tried = triedBy(name, job, dataset.snapshotId);
          trials = Math.max(trials, countTrials(options.counts, holdout, tried));
        },
        onProgress: (entrant, done, total) => onProgress(`league: ${entrant}`, done, total),
      });
      const failed = [...missing, ...report.failed];
      // What failed may be mended, and the others need not be measured again then.
      if (failed.length === 0) kept?.remove();
      return { ...report, failed, holdout_looks: looks, trials };
    } finally {
      kept?.prune();
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

interface NamedLearner extends NamedEntrant {
  readonly name: string;
}

/** @throws MinutehandError LEARNER_MISSING where fewer than two entrants are on this machine */
function partitionMissing(
  entrants: readonly NamedLearner[],
  ensembles: EnsembleParameters,
): InstalledEntrants<NamedLearner> {
  const found = installedEntrants(entrants, ({ learner }) => refuseMissingLearner(learner, ensembles));
  if (found.able.length < 2 && found.error !== undefined) throw found.error;
  return found;
}

interface LeagueIdentity {
  readonly datasetId: string;
  readonly seeds: number;
  readonly coins: number | null;
  readonly device: Device;
}

/** All that the measures of every entrant depend on, beside libraries and packages: see `openKeptEntrants`. */
function identityOf(
  { settings: { sources: _sources, ...settings }, bars, seed }: Pick<TrainOptions, 'settings' | 'bars' | 'seed'>,
  { datasetId, seeds, coins, device }: LeagueIdentity,
): unknown {
  const symbols = [...bars.keys()].sort();
  return {
    code: codeHash(),
    dataset: datasetId,
    bars: symbols.map((symbol) => barsHash(bars.get(symbol)!, true)),
    settings,
    seed,
    seeds,
    coins,
    device,
  };
}

/** Each seed of an entrant is a trial, and the same ones again are none. */
function triedBy(entrant: string, { parameters, seed }: LeagueJob, datasetId: string): TriedWork {
  const { seeds = 1, groups } = parameters;
  const work = sha256Hex(JSON.stringify(['league', datasetId, seed, seeds, entrant, ...(groups ? [groups] : [])]));
  return { kind: 'league', work, trials: seeds };
}

/** The market whose direction was drawn, one coin per bar time for all symbols. */
function withCoins(bars: ReadonlyMap<string, BarColumns>, seed: number): ReadonlyMap<string, BarColumns> {
  const coins = coinsOf(`${seed}/league market`);
  return new Map([...bars].map(([symbol, own]) => [symbol, mirrorBars(own, coins)]));
}
