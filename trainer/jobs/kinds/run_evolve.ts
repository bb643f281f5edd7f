import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { stringify } from 'yaml';
import { SearchedRules } from '../../../shared/bundle/rule/searched_rules.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { readsProbabilities } from '../../../shared/core/formula/probabilities.ts';
import { makeOutputFolder } from '../../../shared/folder.ts';
import { openOutputFile } from '../../../shared/output_file.ts';
import { keyText } from '../../../shared/policy/problem.ts';
import type { StrategyDocument } from '../../../shared/policy/strategy_file.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { isoSecond } from '../../learning/strategies/pair_reversion/backtest/ledger.ts';
import { countTrials, trialsOnSubject } from '../../learning/backtest/trial_ledger.ts';
import { RuleIdentities } from '../../learning/evolve/rule_identities.ts';
import { searchFingerprint } from '../../learning/evolve/evolution_file.ts';
import { evolve, type EvolveResult } from '../../learning/evolve/judge.ts';
import { spaceOf, type SpaceDocument } from '../../learning/evolve/search_space.ts';
import { CSCV_BLOCKS } from '../../learning/statistics/overfitting_probability.ts';
import { fleetOfSearches, type FleetOfSearches } from '../fleet/fleet_training.ts';
import { refuseForeignBars } from '../other_market.ts';
import { holdoutOf } from './holdout.ts';
import { openGenerations, TriedRules } from './kept_generations.ts';
import { refuseMissingDirection } from './missing_direction.ts';
import { toStandardError } from '../bars/bar_notes.ts';
import { readRuleSubject, refuseFewBars } from './read_rule_subject.ts';
import {
  lookAtHoldout,
  refusePairCandidate,
  ruleHoldout,
  writeCandidate,
  type KeptRule,
  type RuleContext,
} from './rule_candidate.ts';
import type { EvolveJob } from './evolve_job.ts';
import { blockUntilUnlocked } from '../../../shared/process/home_lock.ts';

/** All figures of a search, as report.json has them. */
export interface EvolveReport extends EvolveResult {
  readonly space: SpaceDocument;
  readonly subject: string;
  readonly seed: string;
  readonly development: { readonly from: string; readonly to: string; readonly blocks: number };
  readonly holdout: { readonly from: string; readonly to: string };
  /** Conditions of the grid. */
  readonly conditions: number;
  readonly fingerprint: string;
  /** Rules that others had tried on the bars before this holdout, by which the Sharpe ratio is deflated as well. */
  readonly trials_before: number;
}

export interface EvolveProduct {
  readonly report: EvolveReport;
  /** Files in the folder of the job; null: it names none. */
  readonly files: { readonly report: string; readonly rule?: string } | null;
  /** null: it was not asked for, or no rule was proposed. */
  readonly candidate: KeptRule | null;
}

/**
 * Searches rules and judges the one that it proposes; a search that was killed continues from its last generation, and
 * one that has ended is judged again without searching. It activates nothing.
 * @throws MinutehandError CONFIG_INVALID for a space, USAGE for one that reads probabilities without a direction
 * model, DATA_TOO_SHORT, OUTPUT_UNWRITABLE, SEARCH_JOURNAL, HOLDOUT_SEARCHED; as readRuleSubject
 */
export async function runEvolve(job: EvolveJob, context: RuleContext): Promise<EvolveProduct> {
  const { settings, paths, onProgress } = context;
  refuseForeignBars(job, settings);
  const { windows } = settings.minutehand;
  const { market, seed, resamples, output } = job;
  const space = spaceOf(job.space, windows, keyText);
  const reads = space.conditions.some(({ formula }) => readsProbabilities(formula));
  refuseMissingDirection('a space', reads, job);
  const tell = context.onNote?.bind(context) ?? toStandardError;
  const onRead = (done: number, total: number): void => onProgress('reading bars', done, total);
  const bars = await readRuleSubject(job, space.subject, settings, onRead, tell);
  refuseFewBars(bars);
  const { subject, from, to } = bars;
  if (output.candidate) refusePairCandidate(subject);
  const holdoutFrom = holdoutOf(bars, job.holdout_from, settings);
  const search = { subject, space, windows, bars: { from, to }, holdoutFrom, seed };
  const fingerprint = searchFingerprint(search);
  if (output.folder !== null) makeOutputFolder(output.folder);
  const generations = openGenerations(job, paths, fingerprint);
  const judged = { from, holdoutFrom, to };
  const place = ruleHoldout(subject, judged, market);
  // A search that goes on after a kill, or is repeated, is the same one.
  const work = sha256Hex(`evolution ${fingerprint}`);
  const before = trialsOnSubject(paths.models, place, work);
  const tried = new TriedRules(generations.searches);
  const identities = new RuleIdentities(space);
  const begun = new Date(MACHINE_CLOCK.nowMs());
  const searched = new SearchedRules(paths.models, work, identities.questions, begun);
  // Before anyone can see them: what a search that is never continued has tried is not lost.
  const count = (): void => {
    for (const key of tried.fresh()) searched.add(identities.of(key));
    const trials = tried.count;
    if (trials === 0) return;
    blockUntilUnlocked(() => searched.keep(trials));
    countTrials(paths.models, place, { kind: 'evolution', work, trials, before });
  };
  count();
  const ofFleet = { space, windows, seed, usesKnown: job.cache !== false };
  const fleet = await fleetOfSearches(settings, paths, ofFleet, tell);
  const searching = evolve({
    ...search,
    resamples,
    trialsBefore: before,
    searches: generations.searches,
    ...(fleet !== null && { searchElsewhere: fleet.searchElsewhere }),
    lookAt: lookAtHoldout(subject, judged, market, paths.models, { work }),
    onGeneration: async (done, total) => {
      onProgress('generations', done, total);
      count();
      generations.keep();
      // Lets an interruption be answered.
      await setImmediate();
    },
  });
  const result = await closedAfter(searching, fleet);
  const { time } = subject.history;
  const report: EvolveReport = {
    space: space.document,
    subject: subject.id,
    seed,
    development: { from: isoSecond(time[from]!), to: isoSecond(time[holdoutFrom]!), blocks: CSCV_BLOCKS },
    holdout: { from: isoSecond(time[holdoutFrom]!), to: isoSecond(time[to - 1]!) },
    conditions: space.conditions.length,
    fingerprint,
    trials_before: before,
    ...result,
  };
  const { proposed, trials, checks } = result;
  const files = output.folder === null ? null : writeResults(output.folder, report);
  const candidate =
    output.candidate && proposed !== null
      ? writeCandidate(
          {
            strategy: proposed.strategy,
            origin: 'evolved',
            trials,
            seed,
            checks,
            holdout: proposed.holdout,
            look: proposed.holdout_look!,
            // Where the rule is taken to, its near copies are known.
            report: { ...report, tried_rules: searched.kept() },
          },
          subject,
          judged,
          market,
          context,
        )
      : null;
  return { report, files, candidate };
}

/** Closes the fleet of a search once it has ended, however it has. */
async function closedAfter<Result>(searching: Promise<Result>, fleet: FleetOfSearches | null): Promise<Result> {
  try {
    return await searching;
  } finally {
    await fleet?.close();
  }
}

function writeResults(folder: string, report: EvolveReport): NonNullable<EvolveProduct['files']> {
  const path = join(folder, 'report.json');
  writeText(path, `${JSON.stringify(report, null, 2)}\n`);
  if (report.proposed === null) return { report: path };
  const rule = join(folder, 'rule.yaml');
  writeText(rule, stringify(evolvedFile(report.proposed.strategy, report.trials)));
  return { report: path, rule };
}

/** A strategy file with the number of rules that were tried, which `judge` counts. */
function evolvedFile(strategy: StrategyDocument, trials: number): StrategyDocument {
  const { name, description, subject, ...rule } = strategy;
  return { name, description, subject, trials, ...rule };
}

function writeText(path: string, text: string): void {
  const file = openOutputFile(path);
  file.write(text);
  file.close();
}
