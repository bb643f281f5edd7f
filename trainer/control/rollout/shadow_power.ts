import { existsSync } from 'node:fs';
import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import type { Admitted } from '../../../shared/bundle/admission/admission.ts';
import { shelfOfTimeframe } from '../../../shared/bundle/shelf_name.ts';
import { readActiveOfSlot } from '../../../shared/bundle/shelves/registry.ts';
import type { Arm } from '../../../shared/core/rollout/assignment.ts';
import { barMinutesOf, TIMEFRAMES } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { createRng } from '../../../shared/rng.ts';
import type { InstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { trainingOfShelf } from '../../jobs/strategies/registry.ts';
import { classAdvantageOf, type PairedClasses } from './class_scores.ts';
import { directionLabelsFrom, instrumentsOf, probabilitiesOf } from './direction_evidence.ts';
import { labelsFrom, timeframesOf } from './live_evidence.ts';
import { advantageOf, type PairedScore } from './paired_scores.ts';
import { power, type PowerQuestion } from './power.ts';
import { rolloutRules, stagesMs } from './rules.ts';
import { rolloutOutcomes, type RolloutPlace } from './steps.ts';

const DAY_S = 86_400;
/** Five days of a week are trading days. */
const OPEN_SHARE = 5 / 7;

type Candidate = Pick<Admitted, 'version' | 'timeframe'>;

/** Bars that both models have scored. */
interface ShadowPeriod extends Pick<PowerQuestion, 'history'> {
  /** Opens of the first and the last one that were scored. */
  readonly from: number;
  readonly newest: number;
}

/**
 * Power of a rollout that starts now, from the shadow period of its challenger: at the e-value that the next candidate
 * needs. null without a shadow period.
 */
export async function shadowPower(place: RolloutPlace, candidate: Candidate): Promise<number | null> {
  const { settings, paths } = place;
  const { version: challenger, timeframe } = candidate;
  const champion = readActiveOfSlot(paths.models, timeframe)?.version;
  if (champion === undefined) return null;
  const { minutehand, retrain } = settings;
  const journals = Object.keys(minutehand.shards)
    .map((shard) => paths.journal(minutehand.market, shard))
    .filter((path) => existsSync(path));
  const versions = { champion, challenger };
  const period =
    timeframe === null
      ? await pairPeriod(settings, journals, versions)
      : await directionPeriod(settings, journals, versions, TIMEFRAMES[timeframe]);
  if (period === null) return null;
  const { history, from, newest } = period;
  // As many minutes with labels per day as in the shadow period.
  const perDay = history.length / Math.max(1, (newest - from) / DAY_S);
  const rules = rolloutRules(retrain, rolloutOutcomes(paths));
  const minutesIn = (ms: number): number =>
    Math.round(((perDay * ms) / 1000 / DAY_S) * (newest - from > 7 * DAY_S ? 1 : OPEN_SHARE));
  return power({
    history,
    stageMinutes: minutesIn(stagesMs(rules)),
    minutes: minutesIn(rules.timeoutMs),
    promotionEValue: rules.promotionEValue,
    ...trainingOfShelf(shelfOfTimeframe(timeframe)).overlapOf(
      timeframe === null ? SECONDS_PER_BAR : TIMEFRAMES[timeframe],
    ),
    rng: createRng(`${champion} ${challenger}`),
  });
}

type Versions = Readonly<Record<Arm, string>>;

/** A bar of a subject that both models have scored. */
interface ShadowScore<Scores> {
  readonly subject: string;
  readonly time: number;
  readonly champion: Scores;
  readonly challenger: Scores;
}

async function pairPeriod(
  settings: Settings,
  journals: readonly string[],
  versions: Versions,
): Promise<ShadowPeriod | null> {
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

async function directionPeriod(
  settings: Settings,
  journals: readonly string[],
  versions: Versions,
  seconds: number,
): Promise<ShadowPeriod | null> {
  const scored = journals.flatMap((path) =>
    readShadowScores(path, versions, settings.retrain.monitor_days, probabilitiesOf),
  );
  if (scored.length === 0) return null;
  const span = spanOf(scored);
  const labels = await directionLabelsFrom(instrumentsOf(settings, seconds), seconds, span.from, settings, journals);
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

/** @param scored at least one */
function spanOf(scored: readonly { readonly time: number }[]): { readonly from: OpenTime; readonly newest: number } {
  const from = scored.reduce((least, { time }) => Math.min(least, time), Infinity) as OpenTime;
  return { from, newest: scored.reduce((most, { time }) => Math.max(most, time), 0) };
}

/**
 * Bars of the last days scored by both, with signals of the champion.
 * @param scoresOf a body; null where nothing was scored
 */
function readShadowScores<Body extends SignalBody | InstrumentBody, Scores>(
  path: string,
  { champion, challenger }: Versions,
  days: number,
  scoresOf: (body: Body) => Scores | null,
): ShadowScore<Scores>[] {
  const journal = openJournal(path, { readOnly: true });
  try {
    const newest = Math.max(0, ...journal.lastBars().values());
    const from = (newest - days * DAY_S) as OpenTime;
    const shadows = new Map<string, Scores>();
    for (const { pairId, time, body } of journal.shadowsOf(challenger, from)) {
      const scores = scoresOf(JSON.parse(`${body}}`) as Body);
      if (scores !== null) shadows.set(`${pairId} ${time}`, scores);
    }
    if (shadows.size === 0) return [];
    const found: ShadowScore<Scores>[] = [];
    for (const { pairId, time, body } of journal.signals({ after: journal.stateBefore(from)?.signalRow ?? 0 })) {
      const own = shadows.get(`${pairId} ${time}`);
      if (own === undefined) continue;
      const published = JSON.parse(`${body}}`) as Body;
      const scores = scoresOf(published);
      if (scores === null || published.model_version !== champion || published.reason === 'SILENCE') continue;
      found.push({ subject: pairId, time, champion: scores, challenger: own });
    }
    return found;
  } finally {
    journal.close();
  }
}
