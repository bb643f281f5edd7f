import type * as z from 'zod';
import type { Settings } from '../../../shared/policy/policy.ts';
import { barSecondsOf, parseInstrument, TIMEFRAME_NAMES, TIMEFRAMES, type Timeframe } from '../../../shared/pair.ts';
import { defaultSymbols, DIRECTION_DEFAULTS, DIRECTION_SEED } from '../../jobs/kinds/direction_defaults.ts';
import {
  DIRECTION_ENTRANTS,
  DIRECTION_REFERENCE,
  DIRECTION_VARIANTS,
  type DirectionLeagueJob,
} from '../../jobs/kinds/direction_league_job.ts';
import { ENTRANTS, USUAL_ENTRANTS, type LeagueJob } from '../../jobs/kinds/league_job.ts';
import type { leaguesSchema } from '../schema/leagues.ts';

const WINDOW = { from: null, to: null, days: null };
/** The seed of a training of pairs of which no other is asked. */
const SEED = 1;
/** Of the direction model where no instrument is configured. */
const TIMEFRAME: Timeframe = '1h';

/** A document of each kind of league, as a person would begin it, and what can take part. */
export function usualLeagues({ minutehand }: Pick<Settings, 'minutehand'>): z.infer<typeof leaguesSchema>['leagues'] {
  const trigger = { code: 'request' as const, values: { door: 'api' as const, options: {}, settings: {} } };
  const { market } = minutehand;
  const timeframe = timeframeOf(minutehand.instruments);
  const ofPairs: LeagueJob = {
    kind: 'league',
    market,
    window: WINDOW,
    seed: SEED,
    source: { folder: null },
    parameters: { holdout_from: null, entrants: [...USUAL_ENTRANTS], seeds: 1, coins: null },
    resources: { workers: 0, cache: true },
    trigger,
  };
  const ofDirection: DirectionLeagueJob = {
    kind: 'direction_league',
    market,
    timeframe,
    symbols: defaultSymbols({ minutehand }, timeframe),
    window: WINDOW,
    seed: DIRECTION_SEED,
    source: { folder: null, series: null },
    parameters: {
      entrants: [DIRECTION_REFERENCE, ...DIRECTION_VARIANTS],
      seeds: 1,
      coins: null,
      taker_fee_bps: DIRECTION_DEFAULTS.taker_fee_bps,
      slippage_bps: DIRECTION_DEFAULTS.slippage_bps,
    },
    resources: { workers: 1 },
    trigger,
  };
  return [
    { kind: 'league', entrants: [...ENTRANTS], job: ofPairs },
    { kind: 'direction_league', entrants: [...DIRECTION_ENTRANTS], job: ofDirection },
  ];
}

/** Of the first configured instrument. */
function timeframeOf([first]: readonly string[]): Timeframe {
  if (first === undefined) return TIMEFRAME;
  const seconds = barSecondsOf(parseInstrument(first));
  return TIMEFRAME_NAMES.find((name) => TIMEFRAMES[name] === seconds) ?? TIMEFRAME;
}
