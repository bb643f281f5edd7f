import { SECONDS_PER_BAR, type OpenTime } from '../../../../shared/bar.ts';
import { directionFolder } from '../../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../../shared/bundle/direction/direction_bundle.ts';
import { EARLIER_COSTS } from '../../../../shared/bundle/direction/direction_manifest.ts';
import { barSecondsOf, parseInstrument, TIMEFRAMES, type Pair } from '../../../../shared/pair.ts';
import { pathInside } from '../../../../shared/path_name.ts';
import { screenPolicy, type Settings } from '../../../../shared/policy/policy.ts';
import type { InstrumentBody } from '../../../../shared/signal/instrument_signal.ts';
import { instrumentBarsOf } from '../../../learning/instruments/instrument_bars.ts';
import {
  directionLabels,
  evaluationBars,
  evaluationLabel,
} from '../../../learning/strategies/direction/label/direction.ts';
import { readKnownBars } from '../../bars/known_bars.ts';
import { readArms, type ArmMinute } from '../../comparison/arms.ts';
import { classAdvantageOf, type PairedClasses } from '../../comparison/class_advantage.ts';
import { closedResults } from '../../comparison/closed_results.ts';
import { bothArms, sharesOf, tradedBy, type ComparedBar } from '../../comparison/compared_bars.ts';
import type {
  LiveComparison,
  RolloutBars,
  RolloutQuestion,
  ShadowPeriod,
  ShadowQuestion,
} from '../../comparison/live_comparison.ts';
import { readShadowScores, spanOf } from '../../comparison/shadow_scores.ts';
import { timeframeOfDirection } from '../../../../shared/subject/slot.ts';
import { slotOfRollout } from '../../../../shared/subject/written_names.ts';

/** One virtual answer of an arm to a bar of an instrument. */
interface DirectionAnswer {
  /** Up, down, range, as labels number them; null when nothing was scored. */
  readonly probabilities: readonly number[] | null;
  readonly entered: boolean;
  /** Net result of the position that this bar closed, bps of its notional; 0 without one. */
  readonly resultBps: number;
}

/** Evaluation labels by instrument and minute, as `ArmMinute` has it. */
type DirectionLabelsByBar = ReadonlyMap<string, ReadonlyMap<number, number>>;

/**
 * Probabilities of up, down and range, by the label of all reported metrics. Results of a rollout are from close to
 * close after the fees and slippage of the champion's bundle, without funding, which both arms pay alike.
 */
export const DIRECTION_COMPARISON: LiveComparison = { rolloutBars, shadowBars };

/** @throws MinutehandError as readDirectionBundle */
async function rolloutBars({ rollout, from, journals, place }: RolloutQuestion): Promise<RolloutBars> {
  const { settings, modelsFolder } = place;
  const seconds = TIMEFRAMES[timeframeOfDirection(slotOfRollout(rollout))];
  const instruments = instrumentsOf(settings, seconds);
  const { manifest } = readDirectionBundle(pathInside(directionFolder(modelsFolder), rollout.champion));
  const { taker_fee_bps, slippage_bps } = manifest.costs ?? EARLIER_COSTS;
  const answered = readArms(journals, rollout, from, () => answerer(2 * (taker_fee_bps + slippage_bps)));
  const labels = await labelsFrom(instruments, seconds, from, settings, place.journals);
  const shareAt = sharesOf(rollout);
  const bars = answered.map((bar) => comparedBar(bar, labels, shareAt(bar.time), instruments.length));
  return { axes: [{ horizon: evaluationBars(seconds), bars }], newest: answered.at(-1)?.time ?? null };
}

async function shadowBars({ versions, slot, place }: ShadowQuestion): Promise<ShadowPeriod | null> {
  const { settings, journals } = place;
  const seconds = TIMEFRAMES[timeframeOfDirection(slot)];
  const scored = journals.flatMap((path) =>
    readShadowScores(path, versions, settings.retrain.monitor_days, probabilitiesOf),
  );
  if (scored.length === 0) return null;
  const span = spanOf(scored);
  const labels = await labelsFrom(instrumentsOf(settings, seconds), seconds, span.from, settings, journals);
  const bars = new Map<number, PairedClasses[]>();
  for (const { subject, time, champion, challenger } of scored) {
    const label = labels.get(subject)?.get(time);
    if (label === undefined) continue;
    const own = bars.get(time) ?? [];
    bars.set(time, own);
    own.push({ champion, challenger, label });
  }
  const history = [...bars].sort(([a], [b]) => a - b).map(([, scores]) => classAdvantageOf(scores));
  return { ...span, history };
}

/** The instruments with bars of this length, in seconds. */
function instrumentsOf({ minutehand }: Settings, seconds: number): Pair[] {
  return minutehand.instruments.map(parseInstrument).filter((instrument) => barSecondsOf(instrument) === seconds);
}

/** Up, down, range, as labels number them; null when nothing was scored. */
function probabilitiesOf(body: InstrumentBody): readonly number[] | null {
  const { ml_up_prob: up, ml_down_prob: down, ml_range_prob: range } = body;
  return up === null || down === null || range === null ? null : [up, down, range];
}

/** @param costBps of a round trip */
function answerer(costBps: number): (body: InstrumentBody) => DirectionAnswer {
  const resultOf = closedResults(costBps);
  return (body) => ({
    probabilities: probabilitiesOf(body),
    entered: body.action === 'ENTER',
    resultBps: resultOf(body) ?? 0,
  });
}

/** Known evaluation labels of instruments with bars of this length, from a bar on. */
async function labelsFrom(
  instruments: readonly Pair[],
  seconds: number,
  from: OpenTime,
  settings: Settings,
  journals: readonly string[],
): Promise<DirectionLabelsByBar> {
  const known = await readKnownBars({
    symbols: instruments.map(({ a }) => a),
    market: settings.minutehand.market,
    // The whole bar that the rollout began in.
    from: (from - seconds) as OpenTime,
    screening: screenPolicy(settings),
    journals,
    store: null,
    onProgress: () => undefined,
  });
  const { policy, everySeconds } = evaluationLabel(seconds);
  const labels = new Map<string, Map<number, number>>();
  for (const { id, a } of instruments) {
    const columns = known.get(a);
    if (columns === undefined) continue;
    const bars = instrumentBarsOf(columns, seconds);
    const { label } = directionLabels(bars, policy, null, everySeconds);
    const own = [...label].flatMap((value, t) =>
      value < 0 ? [] : [[bars.time[t]! + seconds - SECONDS_PER_BAR, value] as const],
    );
    labels.set(id, new Map(own));
  }
  return labels;
}

/** @param instruments number of those that the model answers */
function comparedBar(
  { time, pairs }: ArmMinute<DirectionAnswer>,
  labels: DirectionLabelsByBar,
  share: number,
  instruments: number,
): ComparedBar {
  const { scores, unknown } = scoresOf(pairs, labels, time);
  const answers = [...pairs.values()];
  const both = bothArms(answers);
  return {
    advantage: scores.length === 0 ? null : classAdvantageOf(scores),
    unknown,
    guard: (minute, unlabeled) => ({
      minute,
      share,
      ...tradedBy(answers, instruments),
      // Nothing like a pair's risk model keeps an instrument from entering.
      candidates: 0,
      passed: 0,
      due: answers.length,
      missing: answers.length - both.length + unlabeled,
    }),
  };
}

function scoresOf(
  answers: ArmMinute<DirectionAnswer>['pairs'],
  labels: DirectionLabelsByBar,
  time: OpenTime,
): { readonly scores: PairedClasses[]; readonly unknown: number } {
  const scores: PairedClasses[] = [];
  let unknown = 0;
  for (const [id, { champion, challenger }] of answers) {
    if (!champion?.probabilities || !challenger?.probabilities) continue;
    const label = labels.get(id)?.get(time);
    if (label === undefined) unknown++;
    else scores.push({ champion: champion.probabilities, challenger: challenger.probabilities, label });
  }
  return { scores, unknown };
}
