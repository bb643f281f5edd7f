/**
 * The decision once more, written from docs/reference/PROTOCOL.md#reasons and slow on purpose: every condition of the
 * table is evaluated, and the first one that holds, in the order of the table, is the answer. It imports nothing, so it
 * shares no defect with `decide` and `position`.
 */

/** The current bar of a pair. */
export interface ObservedBar {
  readonly z: number;
  readonly alpha: number;
  readonly beta: number;
  readonly zMean: number;
  readonly zStd: number;
  readonly lnA: number;
  readonly lnB: number;
}

/** A virtual position; `ageBars` counts the current bar too. */
export interface HeldPosition {
  readonly side: number;
  readonly entryZ: number;
  readonly alpha: number;
  readonly beta: number;
  readonly zMean: number;
  readonly zStd: number;
  readonly ageBars: number;
}

export interface DecisionInput {
  readonly bar: ObservedBar;
  /** null: no models. */
  readonly scores: {
    readonly return_prob: number;
    readonly risk_score: number;
    readonly expected_net_bps: number;
    /** Share of AI1's training rows that are farther out; absent or NaN: not known. */
    readonly novelty?: number;
  } | null;
  /** Epoch seconds of the bar's open. */
  readonly time: number;
  /** As core_policy.yaml has them. */
  readonly noEntryWindows: readonly string[];
  readonly hasEdge: boolean;
  /** A live KPI halts the pair under the active models. */
  readonly isHalted: boolean;
  /**
   * Net exposures over all open positions, by symbol and by currency, without and with the entry, in gross notionals of
   * one position, and the limits; absent: no limits.
   */
  readonly exposures?: readonly { readonly before: number; readonly after: number; readonly limit: number }[];
  /** Known events that matter for the pair, minutes around them, and whether positions are closed; absent: none. */
  readonly news?: {
    /** Epoch seconds. */
    readonly events: readonly number[];
    readonly minutesBefore: number;
    readonly minutesAfter: number;
    readonly closes: boolean;
  };
  /** A person's order for the pair: no entries, or close as well. */
  readonly stop?: 'entries' | 'close' | null;
  readonly theta1: number;
  readonly theta2: number;
  readonly policy: {
    readonly z_entry: number;
    readonly z_exit: number;
    readonly stop: number;
    readonly max_age_bars: number;
    readonly beta_min: number;
    readonly beta_max: number;
    readonly risk_exit: number;
    readonly require_edge: boolean;
    readonly min_expected_net_bps: number;
    /** Absent: novelty refuses nothing. */
    readonly novelty_min?: number;
  };
  readonly position: HeldPosition;
}

export interface ExpectedDecision {
  readonly action: string;
  readonly reason: string;
  readonly target: number;
  /** All reasons whose condition holds, in the order of the table. */
  readonly met: readonly string[];
}

type Row = readonly [reason: string, isMet: (input: DecisionInput) => boolean];

/** z of the bar's prices, by the parameters frozen at the entry. */
function zSinceEntry({ bar, position }: DecisionInput): number {
  const spread = bar.lnA - position.alpha - position.beta * bar.lnB;
  return (spread - position.zMean) / position.zStd;
}

/** A position that sold leg A was entered at a positive z, and loses while z rises. */
function zAgainstPosition(input: DecisionInput): number {
  return input.position.side < 0 ? zSinceEntry(input) : -zSinceEntry(input);
}

/** With an open position: the reasons to leave, in the order of evaluation. */
export const EXITS: readonly Row[] = [
  ['Z_EXIT', (input) => zAgainstPosition(input) <= input.policy.z_exit],
  ['STOP', (input) => zAgainstPosition(input) >= Math.abs(input.position.entryZ) + input.policy.stop],
  ['MAX_AGE', ({ position, policy }) => position.ageBars >= policy.max_age_bars],
  ['RISK_EXIT', ({ scores, policy }) => scores !== null && scores.risk_score >= policy.risk_exit],
  ['NEWS_CLOSE', (input) => input.news?.closes === true && isNearNews(input)],
  ['CLOSE_ALL', ({ stop }) => stop === 'close'],
];

/** Flat: the reasons not to enter, in the order of evaluation. NaN satisfies no condition of an entry. */
export const REFUSALS: readonly Row[] = [
  ['STOPPED', ({ stop }) => stop === 'entries' || stop === 'close'],
  ['NO_MODEL', ({ scores }) => scores === null],
  ['KPI_HALT', ({ isHalted }) => isHalted],
  ['NO_EDGE', ({ hasEdge, policy }) => policy.require_edge && !hasEdge],
  [
    'BETA_RANGE',
    ({ bar, policy }) => {
      const size = Math.abs(bar.beta);
      return Number.isNaN(size) || size < policy.beta_min || size > policy.beta_max;
    },
  ],
  ['NO_SETUP', ({ bar, policy }) => Number.isNaN(bar.z) || Math.abs(bar.z) < policy.z_entry],
  ['SESSION', ({ time, noEntryWindows }) => noEntryWindows.some((window) => isWithin(window, time + 60))],
  ['NEWS', isNearNews],
  [
    'NOVEL_INPUT',
    ({ scores, policy: { novelty_min } }) =>
      scores?.novelty !== undefined && novelty_min !== undefined && scores.novelty < novelty_min,
  ],
  [
    'PROB_LOW',
    ({ scores, theta1 }) => scores !== null && (Number.isNaN(scores.return_prob) || scores.return_prob <= theta1),
  ],
  [
    'RISK_HIGH',
    ({ scores, theta2 }) => scores !== null && (Number.isNaN(scores.risk_score) || scores.risk_score >= theta2),
  ],
  ['COST_HIGH', ({ scores, policy }) => scores !== null && !(scores.expected_net_bps > policy.min_expected_net_bps)],
  [
    'EXPOSURE',
    ({ exposures = [] }) =>
      exposures.some(({ before, after, limit }) => Math.abs(after) > limit && Math.abs(after) > Math.abs(before)),
  ],
];

/** Whether the open of the next bar is at most so many minutes before an event, or less than so many after it. */
function isNearNews({ time, news }: DecisionInput): boolean {
  if (news === undefined) return false;
  const fill = time + 60;
  return news.events.some((event) => event - fill <= news.minutesBefore * 60 && fill - event < news.minutesAfter * 60);
}

const NEW_YORK = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/New_York',
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/** Returns whether a clock in New York shows a time in the window, `16:45-18:15` or `Sun 17:00-18:30`. */
export function isWithin(window: string, time: number): boolean {
  const parts = NEW_YORK.formatToParts(time * 1000);
  const shown = (type: string): string => parts.find((part) => part.type === type)!.value;
  const clock = `${shown('hour')}:${shown('minute')}`;
  const [hours, day = shown('weekday')] = window.split(' ').reverse();
  const [from, to] = hours!.split('-');
  return day === shown('weekday') && clock >= from! && clock < to!;
}

/** Decision by the documents for a bar of a warm pair with both legs. */
export function expectedDecision(input: DecisionInput): ExpectedDecision {
  const isOpen = input.position.side !== 0;
  const met = (isOpen ? EXITS : REFUSALS).filter(([, isMet]) => isMet(input)).map(([reason]) => reason);
  const [first] = met;
  if (isOpen && first !== undefined) return { action: 'EXIT', reason: first, target: 0, met };
  if (isOpen) return { action: 'HOLD', reason: 'IN_POSITION', target: input.position.side, met };
  if (first !== undefined) return { action: 'HOLD', reason: first, target: 0, met };
  return { action: 'ENTER', reason: 'ENTRY', target: input.bar.z > 0 ? -1 : 1, met };
}
