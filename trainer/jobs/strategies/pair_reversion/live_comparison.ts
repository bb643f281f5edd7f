import type { OpenTime } from '../../../../shared/bar.ts';
import type { Rollout } from '../../../../shared/bundle/rollout.ts';
import { warmUpSeconds } from '../../../../shared/core/features/features.ts';
import { barMinutesOf, parsePair, symbolsOf } from '../../../../shared/pair.ts';
import { tradingCosts } from '../../../../shared/policy/costs.ts';
import { screenPolicy, type Settings } from '../../../../shared/policy/policy.ts';
import type { SignalBody } from '../../../../shared/signal/signal.ts';
import { buildLivePairs } from '../../../learning/profile/live_pairs.ts';
import { labelReversion } from '../../../learning/strategies/pair_reversion/label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../../../learning/strategies/pair_reversion/label/reversion.ts';
import { readKnownBars } from '../../bars/known_bars.ts';
import { advantageOf, type PairedScore } from '../../comparison/advantage.ts';
import type { ArmMinute } from '../../comparison/arms.ts';
import {
  bothArms,
  sharesOf,
  tradedBy,
  type ComparedAxis,
  type ComparedBar,
  type GuardMinute,
} from '../../comparison/compared_bars.ts';
import type {
  LiveComparison,
  RolloutBars,
  RolloutQuestion,
  ShadowPeriod,
  ShadowQuestion,
} from '../../comparison/live_comparison.ts';
import { readShadowScores, spanOf } from '../../comparison/shadow_scores.ts';
import { readArmMinutes, type ArmAnswer } from './arm_answers.ts';

const { horizon: HORIZON, z_entry: CANDIDATE_Z } = EVALUATION_BARRIERS;

type PairMinute = ArmMinute<ArmAnswer>;

/** By pair id and open time. */
export type Labels = ReadonlyMap<string, ReadonlyMap<number, 0 | 1>>;

/** AI1's probability at the candidates of every pair, by the label of all reported metrics. */
export const PAIR_COMPARISON: LiveComparison = { rolloutBars, shadowBars };

async function rolloutBars({ rollout, from, journals, place }: RolloutQuestion): Promise<RolloutBars> {
  const { settings } = place;
  const minutes = readArmMinutes(journals, rollout, from, tradingCosts(settings));
  const labels = await labelsFrom(from, settings, place.journals);
  const axes = pairAxes(minutes, labels, rollout, settings.minutehand.pairs);
  return { axes, newest: minutes.at(-1)?.time ?? null };
}

async function shadowBars({ versions, place }: ShadowQuestion): Promise<ShadowPeriod | null> {
  const { settings, journals } = place;
  const scored = journals.flatMap((path) =>
    readShadowScores(path, versions, settings.retrain.monitor_days, ({ return_prob }: SignalBody) => return_prob),
  );
  if (scored.length === 0) return null;
  const span = spanOf(scored);
  const labels = await labelsFrom(span.from, settings, journals);
  const timeframes = timeframesOf(settings.minutehand.pairs);
  const minutes = new Map<
    string,
    { readonly time: number; readonly timeframe: number; readonly scores: PairedScore[] }
  >();
  for (const { subject, time, champion, challenger } of scored) {
    const label = labels.get(subject)?.get(time);
    if (label === undefined) continue;
    const timeframe = timeframes.indexOf(barMinutesOf(subject));
    const own = minutes.get(`${time} ${timeframe}`) ?? { time, timeframe, scores: [] };
    minutes.set(`${time} ${timeframe}`, own);
    own.scores.push({ champion, challenger, label });
  }
  const history = [...minutes.values()]
    .sort((a, b) => a.time - b.time)
    .map(({ timeframe, scores }) => ({ ...advantageOf(scores), timeframe }));
  return { ...span, history };
}

/**
 * The minutes of a rollout, an axis for each timeframe.
 * @param pairs ids of all pairs
 */
export function pairAxes(
  minutes: readonly PairMinute[],
  labels: Labels,
  rollout: Pick<Rollout, 'stages'>,
  pairs: readonly string[],
): ComparedAxis[] {
  const shareAt = sharesOf(rollout);
  return timeframesOf(pairs).map((barMinutes) => {
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
    return { horizon: HORIZON, bars };
  });
}

/** Known evaluation labels of every pair's candidates from a minute on, by open time. */
async function labelsFrom(from: OpenTime, settings: Settings, journals: readonly string[]): Promise<Labels> {
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

function scoresOf(
  answers: PairMinute['pairs'],
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
function timeframesOf(pairs: readonly string[]): number[] {
  return [...new Set(pairs.map(barMinutesOf))].sort((a, b) => a - b);
}

function isCandidate({ z, returnProb }: ArmAnswer): boolean {
  return z !== null && returnProb !== null && Math.abs(z) >= CANDIDATE_Z;
}

function guardMinute(
  minute: number,
  share: number,
  pairs: PairMinute['pairs'],
  unlabeled: number,
  pairCount: number,
): GuardMinute {
  const answers = [...pairs.values()];
  const both = bothArms(answers);
  const candidates = both.map(({ challenger }) => challenger).filter(isCandidate);
  return {
    minute,
    share,
    ...tradedBy(answers, pairCount),
    candidates: candidates.length,
    passed: candidates.filter(({ riskScore, theta2 }) => riskScore! < theta2!).length,
    due: answers.length,
    missing: answers.length - both.length + unlabeled,
  };
}
