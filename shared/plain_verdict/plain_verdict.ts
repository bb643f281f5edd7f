import { counted } from '../counted.ts';

/** Fewer trades show nothing. */
export const LEAST_TRADES = 20;

/** What bars that no choice has seen showed of one pair or instrument. Basis points a trade. */
export interface ProvenSubject {
  readonly subject: string;
  readonly has_edge: boolean;
  readonly trades: number;
  /** Before costs; null without trades. */
  readonly gross_bps: number | null;
  /** After costs and swaps; null without trades. */
  readonly net_bps: number | null;
  /** Round-trip costs at which the trades earn nothing; null: not known. */
  readonly break_even_cost_bps: number | null;
}

/** Whether something will trade, why, and what could change that: in words, and in the figures that the words have. */
export interface PlainVerdict {
  readonly kind: 'edge' | 'no_edge' | 'few_trades' | 'claims';
  readonly will_trade: boolean;
  /** Pairs or instruments that were judged, and those that showed an edge. */
  readonly subjects: number;
  readonly with_edge: readonly string[];
  /** The one with the most after costs, of those with enough trades; with too few, the one with the most trades. */
  readonly best: ProvenSubject | null;
  /** Of the evaluated bars. */
  readonly days: number;
  readonly least_trades: number;
  readonly text: string;
}

const OWN_IDEA = 'another pair or timeframe (minutehand scan), a formula of your own (config/features.yaml), or a rule';

/**
 * The verdict on a training or a backtest. Each figure of its text is one of its fields.
 * @param days of the evaluated bars, rounded
 */
export function plainVerdict(proven: readonly ProvenSubject[], days: number): PlainVerdict {
  const with_edge = proven.filter(({ has_edge }) => has_edge).map(({ subject }) => subject);
  const enough = proven.filter(({ trades }) => trades >= LEAST_TRADES);
  const candidates = with_edge.length > 0 ? proven.filter(({ has_edge }) => has_edge) : enough;
  const best = candidates.length > 0 ? greatest(candidates, earned) : greatest(proven, ({ trades }) => trades);
  const kind = with_edge.length > 0 ? 'edge' : enough.length > 0 ? 'no_edge' : 'few_trades';
  const known = { kind, will_trade: kind === 'edge', subjects: proven.length, with_edge, best, days } as const;
  return { ...known, least_trades: LEAST_TRADES, text: textOf(known) };
}

/** The verdict on a model whose claims keep it from entries. @param claims in words; null: none does */
export function heldByClaims(verdict: PlainVerdict, claims: string | null): PlainVerdict {
  if (claims === null) return verdict;
  return { ...verdict, kind: 'claims', will_trade: false, text: `This will not trade. ${claims}` };
}

const earned = ({ net_bps }: ProvenSubject): number => net_bps ?? -Infinity;

function greatest(all: readonly ProvenSubject[], of: (one: ProvenSubject) => number): ProvenSubject | null {
  return all.reduce<ProvenSubject | null>((best, one) => (best === null || of(one) > of(best) ? one : best), null);
}

function textOf({
  kind,
  subjects,
  with_edge,
  best,
  days,
}: Pick<PlainVerdict, 'kind' | 'subjects' | 'with_edge' | 'best' | 'days'>): string {
  const period = `over ${counted(days, 'day')}`;
  if (kind === 'edge')
    return `This will trade: ${with_edge.join(', ')} earned more than costs ${period}, beyond chance (best: ${figuresOf(best!)}).`;
  if (kind === 'few_trades') {
    const most =
      best === null || best.trades === 0 ? 'none made any' : `most: ${best.subject}, ${counted(best.trades, 'trade')}`;
    return `This will not trade: ${period} nothing made the ${LEAST_TRADES} trades that an edge needs to show (${most}). What could change that: more history, lower thresholds of entry, or ${OWN_IDEA}.`;
  }
  const of = subjects === 1 ? '' : ` of ${subjects}`;
  const result = best!.net_bps !== null && best!.net_bps > 0 ? 'beyond chance' : 'at all';
  const cheaper =
    best!.break_even_cost_bps !== null && best!.break_even_cost_bps > 0
      ? `round trips of ${best!.subject} that cost less than ${digits(best!.break_even_cost_bps)} bps, `
      : '';
  return `This will not trade: ${period} none${of} earned more than its costs ${result} (best: ${figuresOf(best!)}). What could change that: ${cheaper}more history, or ${OWN_IDEA}.`;
}

function figuresOf({ subject, trades, gross_bps, net_bps }: ProvenSubject): string {
  const gross = gross_bps === null ? '' : `${signed(gross_bps)} bps before costs and `;
  return `${subject}, ${counted(trades, 'trade')}, each ${gross}${signed(net_bps)} bps after`;
}

/** Two digits, without a zero that has a sign. */
function digits(bps: number): string {
  const text = bps.toFixed(2);
  return text === '-0.00' ? '0.00' : text;
}

function signed(bps: number | null): string {
  if (bps === null) return '–';
  const text = digits(bps);
  return text.startsWith('-') ? text.replace('-', '−') : `+${text}`;
}
