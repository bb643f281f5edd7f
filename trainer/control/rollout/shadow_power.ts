import type { Admitted } from '../../../shared/bundle/admission/admission.ts';
import { shelfNameOf } from '../../../shared/bundle/shelf_name.ts';
import { readActiveOfSlot } from '../../../shared/bundle/shelves/registry.ts';
import { createRng } from '../../../shared/rng.ts';
import { trainingOfShelf } from '../../jobs/strategies/registry.ts';
import { power } from './power.ts';
import { rolloutRules, stagesMs } from './rules.ts';
import { rolloutOutcomes, type RolloutPlace } from './steps.ts';
import { isRuleSlot } from '../../../shared/subject/slot.ts';
import { isThere } from '../../../shared/files.ts';

const DAY_S = 86_400;
/** Five days of a week are trading days. */
const OPEN_SHARE = 5 / 7;

type Candidate = Pick<Admitted, 'version' | 'slot'>;

/**
 * Power of a rollout that starts now, from the shadow period of its challenger: at the e-value that the next candidate
 * needs. null without a shadow period, and of a rule: what its shadow period earned says too little about it.
 */
export async function shadowPower(place: RolloutPlace, candidate: Candidate): Promise<number | null> {
  const { settings, paths } = place;
  const { version: challenger, slot } = candidate;
  if (isRuleSlot(slot)) return null;
  const champion = readActiveOfSlot(paths.models, slot)?.version;
  if (champion === undefined) return null;
  const { minutehand, retrain } = settings;
  const journals = Object.keys(minutehand.shards)
    .map((shard) => paths.journal(minutehand.market, shard))
    .filter((path) => isThere(path));
  const strategy = trainingOfShelf(shelfNameOf(slot));
  const versions = { champion, challenger };
  const period = await strategy.comparison.shadowBars({ versions, slot, place: { settings, journals } });
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
    ...strategy.overlapOf(slot),
    rng: createRng(`${champion} ${challenger}`),
  });
}
