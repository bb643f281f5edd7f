import type { OpenTime } from '../../../shared/bar.ts';
import { FAILED_ROLLOUT, type Rollout } from '../../../shared/bundle/rollout.ts';
import { warmUpSeconds } from '../../../shared/core/features/features.ts';
import { barMinutesOf, parsePair, symbolsOf } from '../../../shared/pair.ts';
import { tradingCosts } from '../../../shared/policy/costs.ts';
import { screenPolicy, type Settings } from '../../../shared/policy/policy.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { readKnownBars } from '../../jobs/bars/known_bars.ts';
import { labelReversion } from '../../learning/strategies/pair_reversion/label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../../learning/strategies/pair_reversion/label/reversion.ts';
import { buildLivePairs } from '../../learning/profile/live_pairs.ts';
import { readArmMinutes, type ArmAnswer, type ArmMinute } from './arm_minutes.ts';
import { RolloutEvidence } from './evidence.ts';
import type { GuardMinute } from './guards.ts';
import { addBars, bothArms, sharesOf, type ComparedBar } from './compared_bars.ts';
import { advantageOf, type PairedScore } from './paired_scores.ts';
import type { RolloutRules } from './rules.ts';

const { horizon: HORIZON, z_entry: CANDIDATE_Z } = EVALUATION_BARRIERS;

export interface LiveEvidence {
  readonly evidence: RolloutEvidence;
  /** Open of the newest minute that both arms answered, epoch seconds; null before the first. */
  readonly newest: OpenTime | null;
}

/** By pair id and open time. */
export type Labels = ReadonlyMap<string, ReadonlyMap<number, 0 | 1>>;

/** Rebuilds the evidence of a rollout from the journals: the same rows give the same evidence. */
export async function liveEvidence(
  rollout: Rollout,
  rules: RolloutRules,
  settings: Settings,
  paths: readonly string[],
): Promise<LiveEvidence> {
  const from = (Date.parse(rollout.started) / 1000) as OpenTime;
  const journals = paths.map((path) => openJournal(path, { readOnly: true }));
  try {
    const minutes = readArmMinutes(journals, rollout, from, tradingCosts(settings));
    const { pairs } = settings.minutehand;
    const evidence = new RolloutEvidence(rules.guards, processesOf(pairs));
    const failed = `${FAILED_ROLLOUT}${rollout.id}`;
    if (journals.some((journal) => journal.hasInput('rollout', failed, from))) evidence.guards.fail();
    const labels = await labelsFrom(from, settings, paths);
    addMinutes(evidence, minutes, labels, rollout, pairs);
    return { evidence, newest: minutes.at(-1)?.time ?? null };
  } finally {
    for (const journal of journals) journal.close();
  }
}

/** Known evaluation labels of every pair's candidates from a minute on, by open time. */
export async function labelsFrom(from: OpenTime, settings: Settings, journals: readonly string[]): Promise<Labels> {
  const { minutehand } = settings;
  const pairs = minutehand.pairs.map(parsePair);
  const bars = await readKnownBars({
    symbols: symbolsOf(pairs),
    market: minutehand.market,
    from: (from - warmUpSeconds(minutehand.windows)) as OpenTime,
    screening: screenPolicy(settings),
    journals,
    store: null,
    onProgress: () => undefined,
  });
  const live = buildLivePairs({ pairs, bars, windows: minutehand.windows, from, farOut: Infinity });
  return new Map(
    live.map(({ pair, history }) => {
      const { bar, label } = labelReversion(history, EVALUATION_BARRIERS);
      return [pair.id, new Map([...bar].map((t, i) => [history.time[t]!, label[i] as 0 | 1]))];
    }),
  );
}

/**
 * Adds the minutes of a rollout. Outcomes overlap for a number of bars, so each timeframe has its own axis and its own
 * share of the interleaved processes.
 * @param evidence of `processesOf(pairs)` processes
 * @param pairs ids of all pairs
 */
export function addMinutes(
  evidence: RolloutEvidence,
  minutes: readonly ArmMinute[],
  labels: Labels,
  rollout: Pick<Rollout, 'stages'>,
  pairs: readonly string[],
): void {
  const shareAt = sharesOf(rollout);
  timeframesOf(pairs).forEach((barMinutes, group) => {
    const own = minutes.flatMap(({ time, pairs: answers }) => {
      const ofTimeframe = new Map([...answers].filter(([pairId]) => barMinutesOf(pairId) === barMinutes));
      return ofTimeframe.size === 0 ? [] : [{ time, pairs: ofTimeframe }];
    });
    const bars = own.map(({ time, pairs: answers }): ComparedBar => {
      const { scores, unknown } = scoresOf(answers, labels, time);
      return {
        advantage: scores.length === 0 ? null : advantageOf(scores),
        unknown,
        guard: (step, unlabeled) => guardMinute(step, shareAt(time), answers, unlabeled, pairs.length),
      };
    });
    addBars(evidence, bars, { horizon: HORIZON, first: group * HORIZON });
  });
}

function scoresOf(
  answers: ArmMinute['pairs'],
  labels: Labels,
  time: OpenTime,
): { readonly scores: PairedScore[]; readonly unknown: number } {
  const scores: PairedScore[] = [];
  let unknown = 0;
  for (const [pairId, { champion, challenger }] of answers) {
    if (champion === undefined || challenger === undefined || !isCandidate(champion)) continue;
    const label = labels.get(pairId)?.get(time);
    if (label === undefined) unknown++;
    else scores.push({ champion: champion.returnProb!, challenger: challenger.returnProb!, label });
  }
  return { scores, unknown };
}

/** Minutes per bar of each timeframe among these pairs, ascending. */
export function timeframesOf(pairs: readonly string[]): number[] {
  return [...new Set(pairs.map(barMinutesOf))].sort((a, b) => a - b);
}

/** Interleaved processes of the evidence on these pairs: one per bar of the horizon, for each timeframe. */
export function processesOf(pairs: readonly string[]): number {
  return HORIZON * timeframesOf(pairs).length;
}

function isCandidate({ z, returnProb }: ArmAnswer): boolean {
  return z !== null && returnProb !== null && Math.abs(z) >= CANDIDATE_Z;
}

function guardMinute(
  minute: number,
  share: number,
  pairs: ArmMinute['pairs'],
  unlabeled: number,
  pairCount: number,
): GuardMinute {
  const answers = [...pairs.values()];
  const both = bothArms(answers);
  const candidates = both.map(({ challenger }) => challenger).filter(isCandidate);
  const mean = (arm: 'champion' | 'challenger'): number =>
    answers.reduce((sum, answer) => sum + (answer[arm]?.resultBps ?? 0), 0) / pairCount;
  return {
    minute,
    share,
    championBps: mean('champion'),
    challengerBps: mean('challenger'),
    entries: both
      .map(({ champion, challenger }) => ({ champion: champion.entered, challenger: challenger.entered }))
      .filter(({ champion, challenger }) => champion || challenger),
    candidates: candidates.length,
    passed: candidates.filter(({ riskScore, theta2 }) => riskScore! < theta2!).length,
    due: answers.length,
    missing: answers.length - both.length + unlabeled,
  };
}
