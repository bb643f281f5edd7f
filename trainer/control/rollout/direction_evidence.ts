import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import { directionFolder } from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { EARLIER_COSTS } from '../../../shared/bundle/direction/direction_manifest.ts';
import { FAILED_ROLLOUT, type Rollout } from '../../../shared/bundle/rollout.ts';
import { barSecondsOf, parseInstrument, TIMEFRAMES, type Pair } from '../../../shared/pair.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { screenPolicy, type Settings } from '../../../shared/policy/policy.ts';
import type { InstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { readKnownBars } from '../../jobs/bars/known_bars.ts';
import { instrumentBarsOf } from '../../learning/instruments/instrument_bars.ts';
import {
  directionLabels,
  evaluationBars,
  evaluationLabel,
} from '../../learning/strategies/direction/label/direction.ts';
import { readArms, type ArmMinute } from './arm_minutes.ts';
import { classAdvantageOf, type PairedClasses } from './class_scores.ts';
import { closedResults } from './closed_results.ts';
import { addBars, bothArms, sharesOf, type ComparedBar } from './compared_bars.ts';
import { RolloutEvidence } from './evidence.ts';
import type { LiveEvidence } from './live_evidence.ts';
import type { RolloutRules } from './rules.ts';

/** One virtual answer of an arm to a bar of an instrument. */
export interface DirectionAnswer {
  /** Up, down, range, as labels number them; null when nothing was scored. */
  readonly probabilities: readonly number[] | null;
  readonly entered: boolean;
  /** Net result of the position that this bar closed, bps of its notional; 0 without one. */
  readonly resultBps: number;
}

/** Evaluation labels by instrument and minute, as `ArmMinute` has it. */
export type DirectionLabelsByBar = ReadonlyMap<string, ReadonlyMap<number, number>>;

/**
 * Rebuilds the evidence of a rollout of a direction model from the journals, by the label of all reported metrics.
 * Results are from close to close after the fees and slippage of the champion's bundle, without funding, which both
 * arms pay alike.
 * @throws MinutehandError as readDirectionBundle
 */
export async function directionEvidence(
  rollout: Rollout,
  rules: RolloutRules,
  settings: Settings,
  paths: readonly string[],
  modelsFolder: string,
): Promise<LiveEvidence> {
  const seconds = TIMEFRAMES[rollout.timeframe!];
  const from = (Date.parse(rollout.started) / 1000) as OpenTime;
  const instruments = instrumentsOf(settings, seconds);
  const { manifest } = readDirectionBundle(pathInside(directionFolder(modelsFolder), rollout.champion));
  const { taker_fee_bps, slippage_bps } = manifest.costs ?? EARLIER_COSTS;
  const journals = paths.map((path) => openJournal(path, { readOnly: true }));
  try {
    const bars = readArms(journals, rollout, from, () => answerer(2 * (taker_fee_bps + slippage_bps)));
    const evidence = new RolloutEvidence(rules.guards, evaluationBars(seconds));
    const failed = `${FAILED_ROLLOUT}${rollout.id}`;
    if (journals.some((journal) => journal.hasInput('rollout', failed, from))) evidence.guards.fail();
    const labels = await directionLabelsFrom(instruments, seconds, from, settings, paths);
    addDirectionBars(evidence, bars, labels, rollout, instruments.length);
    return { evidence, newest: bars.at(-1)?.time ?? null };
  } finally {
    for (const journal of journals) journal.close();
  }
}

/** The instruments with bars of this length, in seconds. */
export function instrumentsOf({ minutehand }: Settings, seconds: number): Pair[] {
  return minutehand.instruments.map(parseInstrument).filter((instrument) => barSecondsOf(instrument) === seconds);
}

/** Up, down, range, as labels number them; null when nothing was scored. */
export function probabilitiesOf(body: InstrumentBody): readonly number[] | null {
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
export async function directionLabelsFrom(
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

/**
 * Adds the bars of a rollout of a direction model.
 * @param evidence of as many processes as bars lie within a label's horizon
 * @param instruments number of those that the model answers
 */
export function addDirectionBars(
  evidence: RolloutEvidence,
  bars: readonly ArmMinute<DirectionAnswer>[],
  labels: DirectionLabelsByBar,
  rollout: Pick<Rollout, 'stages' | 'timeframe'>,
  instruments: number,
): void {
  const shareAt = sharesOf(rollout);
  const compared = bars.map(({ time, pairs }): ComparedBar => {
    const { scores, unknown } = scoresOf(pairs, labels, time);
    const answers = [...pairs.values()];
    const both = bothArms(answers);
    const mean = (arm: 'champion' | 'challenger'): number =>
      answers.reduce((sum, answer) => sum + (answer[arm]?.resultBps ?? 0), 0) / instruments;
    return {
      advantage: scores.length === 0 ? null : classAdvantageOf(scores),
      unknown,
      guard: (minute, unlabeled) => ({
        minute,
        share: shareAt(time),
        championBps: mean('champion'),
        challengerBps: mean('challenger'),
        entries: both
          .map(({ champion, challenger }) => ({ champion: champion.entered, challenger: challenger.entered }))
          .filter(({ champion, challenger }) => champion || challenger),
        // Nothing like a pair's risk model keeps an instrument from entering.
        candidates: 0,
        passed: 0,
        due: answers.length,
        missing: answers.length - both.length + unlabeled,
      }),
    };
  });
  addBars(evidence, compared, { horizon: evaluationBars(TIMEFRAMES[rollout.timeframe!]), first: 0 });
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
