/** Coverage: states that the seeds must reach, since a state that no seed reaches is untested. */
export const SIGHTINGS = [
  'power cut while the journal waits',
  'power cut loses commits',
  'successor has minutes to catch up on',
  'minute answered by the next process',
  'predecessor answers for failed models',
  'no models left after failures',
  'slow models dropped',
  'models refused',
  'journal refuses, then recovers',
  'journal stalls',
  'journal thread dies',
  'shadow waits in a refused flush',
  'heartbeat DEGRADED',
  'heartbeat HALT',
  'heartbeat HALT obeyed',
  'halt lifted while a position is open',
  'halt kept that its file lost',
  'STOPPING answered',
  'clock set back by over a minute',
  'boot_id ahead of the clock',
  'signal born expired',
  'degraded: file',
  'degraded: journal',
  'degraded: models',
  'ENTRY',
  'Z_EXIT',
  'STOP',
  'MAX_AGE',
  'RISK_EXIT',
  'IN_POSITION',
  'NO_MODEL',
  'KPI_HALT',
  'BETA_RANGE',
  'NO_SETUP',
  'SESSION',
  'PROB_LOW',
  'RISK_HIGH',
  'COST_HIGH',
  'LEG_MISSING',
  'LEG_EMPTY',
  'BAR_SUSPECT',
  'SHUTDOWN',
  'STOP and MAX_AGE at once',
  'Z_EXIT and MAX_AGE at once',
  'start amid a longer bar',
  'longer bar ended by a later minute',
  'longer bar ended by a time-out',
  'longer bar with missing minutes',
  'late value seen',
  'revised value seen',
  'value that arrived after the close',
  'value seen after a restart',
  'series refused: SERIES_FUTURE',
  'series refused: SERIES_CLOCK',
  'direction model fails',
  'instrument position after a restart',
  'instrument ENTRY',
  'instrument STOP_EXIT',
  'instrument TARGET_EXIT',
  'instrument AGE_EXIT',
  'instrument OPPOSITE_EXIT',
  'instrument THETA',
  'instrument NO_EDGE',
  'instrument NO_MODEL',
  'instrument SILENCE',
  'consumer refuses TORN',
  'consumer refuses STALE',
  'consumer refuses FUTURE',
  'consumer refuses OLDER_BOOT',
  'consumer refuses OUT_OF_ORDER',
  'consumer refuses REPEATED',
] as const;
export type Sighting = (typeof SIGHTINGS)[number];

/** Number of seeds from which every state must have been reached. */
export const SEEDS_TO_SEE_ALL = 2000;

const known: ReadonlySet<string> = new Set(SIGHTINGS);

export function isSighting(name: string): name is Sighting {
  return known.has(name);
}

/** States that no seed reached, if there were enough seeds to require all; otherwise none. */
export function neverSeen(seeds: number, counts: Readonly<Record<Sighting, number>>): readonly Sighting[] {
  return seeds < SEEDS_TO_SEE_ALL ? [] : SIGHTINGS.filter((name) => counts[name] === 0);
}
