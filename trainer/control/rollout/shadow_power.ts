import { existsSync } from 'node:fs';
import type { OpenTime } from '../../../shared/bar.ts';
import type { Admitted } from '../../../shared/bundle/admission/admission.ts';
import { readActive } from '../../../shared/bundle/bundle.ts';
import { barMinutesOf } from '../../../shared/pair.ts';
import { createRng } from '../../../shared/rng.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { EVALUATION_BARRIERS } from '../../learning/label/reversion.ts';
import { labelsFrom, timeframesOf } from './live_evidence.ts';
import { advantageOf, type PairedScore } from './paired_scores.ts';
import { power } from './power.ts';
import { rolloutRules, stagesMs } from './rules.ts';
import { rolloutOutcomes, type RolloutPlace } from './steps.ts';

const DAY_S = 86_400;
/** Five days of a week are trading days. */
const OPEN_SHARE = 5 / 7;

/**
 * Power of a rollout that starts now, from the shadow period of its challenger: at the e-value that the next candidate
 * needs. null without a shadow period, which direction models do not have.
 */
export async function shadowPower(
  { settings, paths }: RolloutPlace,
  { version: challenger, timeframe }: Pick<Admitted, 'version' | 'timeframe'>,
): Promise<number | null> {
  if (timeframe !== null) return null;
  const { minutehand, retrain } = settings;
  const champion = readActive(paths.models)?.version;
  const journals = Object.keys(minutehand.shards)
    .map((shard) => paths.journal(minutehand.market, shard))
    .filter((path) => existsSync(path));
  const scored = journals.flatMap((path) => readShadowScores(path, champion, challenger, retrain.monitor_days));
  if (scored.length === 0) return null;
  const from = scored.reduce((least, { time }) => Math.min(least, time), Infinity) as OpenTime;
  const labels = await labelsFrom(from, settings, journals);
  const timeframes = timeframesOf(minutehand.pairs);
  const minutes = new Map<string, Scored>();
  for (const { pairId, time, ...scores } of scored) {
    const label = labels.get(pairId)?.get(time);
    if (label === undefined) continue;
    const timeframe = timeframes.indexOf(barMinutesOf(pairId));
    const own = minutes.get(`${time} ${timeframe}`) ?? { time, timeframe, scores: [] };
    minutes.set(`${time} ${timeframe}`, own);
    own.scores.push({ ...scores, label });
  }
  const history = [...minutes.values()]
    .sort((a, b) => a.time - b.time)
    .map(({ timeframe, scores }) => ({ ...advantageOf(scores), timeframe }));
  const newest = scored.reduce((most, { time }) => Math.max(most, time), 0);
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
    horizon: EVALUATION_BARRIERS.horizon,
    rng: createRng(`${champion} ${challenger}`),
  });
}

/** Scores of the pairs of one timeframe at one minute. */
interface Scored {
  readonly time: number;
  readonly timeframe: number;
  readonly scores: PairedScore[];
}

interface ShadowScore {
  readonly pairId: string;
  readonly time: number;
  readonly champion: number;
  readonly challenger: number;
}

/** Minutes of the last days scored by both, with signals of the champion. */
function readShadowScores(path: string, champion: string | undefined, challenger: string, days: number): ShadowScore[] {
  const journal = openJournal(path, { readOnly: true });
  try {
    const newest = Math.max(0, ...journal.lastBars().values());
    const from = (newest - days * DAY_S) as OpenTime;
    const shadows = new Map<string, number>();
    for (const { pairId, time, body } of journal.shadowsOf(challenger, from)) {
      const { return_prob } = JSON.parse(`${body}}`) as SignalBody;
      if (return_prob !== null) shadows.set(`${pairId} ${time}`, return_prob);
    }
    if (shadows.size === 0) return [];
    const scores: ShadowScore[] = [];
    for (const { pairId, time, body } of journal.signals({ after: journal.stateBefore(from)?.signalRow ?? 0 })) {
      const own = shadows.get(`${pairId} ${time}`);
      if (own === undefined) continue;
      const { return_prob, model_version, reason } = JSON.parse(`${body}}`) as SignalBody;
      if (return_prob === null || model_version !== champion || reason === 'SILENCE') continue;
      scores.push({ pairId, time, champion: return_prob, challenger: own });
    }
    return scores;
  } finally {
    journal.close();
  }
}
