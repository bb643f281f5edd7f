import * as z from 'zod';
import type { Bar } from '../../../shared/bar.ts';
import type { Finding, Verdict } from '../../../shared/bar_file/verdict/finding.ts';
import type { ImportRun } from '../../store/import_runs.ts';
import type { Store } from '../../store/store.ts';
import { knownFindings, NOTHING_KNOWN, type KnownFindings } from './known_findings.ts';

/** Of bars that daemons of a live installation received. Decisions are numbered with the imports, and undone so. */
const MARKET = 'live';
const ALL_RUNS = Number.MAX_SAFE_INTEGER;

const leftOutSchema = z.object({
  left_out: z.object({ symbol: z.string(), from: z.number().nullable(), to: z.number().nullable() }),
});

/** Bars of a symbol that are not learned from: epoch seconds of their opens, `to` exclusive; null = open side. */
export type LeftOut = Readonly<z.infer<typeof leftOutSchema>['left_out']>;

/** What persons decided on received bars. */
export interface ReceivedDecisions {
  /** Whether a finding was accepted: by an import of the symbol, or of the received bars themselves. */
  readonly isAccepted: KnownFindings;
  /** The bars without those that were left out. */
  kept(symbol: string, bars: Iterable<Bar>): Iterable<Bar>;
}

export const NO_DECISIONS: ReceivedDecisions = { isAccepted: NOTHING_KNOWN, kept: (_symbol, bars) => bars };

/** @param store null: nothing was ever decided. @throws MinutehandError as the store */
export async function readReceivedDecisions(store: Store | null): Promise<ReceivedDecisions> {
  return store === null ? NO_DECISIONS : receivedDecisions(await store.importRuns.list(MARKET, ALL_RUNS));
}

type DecidingRun = Pick<ImportRun, 'verdicts' | 'undone_ms' | 'finished_ms'>;

export function receivedDecisions(runs: readonly DecidingRun[]): ReceivedDecisions {
  const periods = runs.flatMap(({ verdicts, undone_ms, finished_ms }) => {
    if (undone_ms !== null || finished_ms === null) return [];
    const read = leftOutSchema.safeParse(JSON.parse(verdicts));
    return read.success ? [read.data.left_out] : [];
  });
  return {
    isAccepted: knownFindings(runs),
    kept(symbol, bars) {
      const own = periods.filter((period) => period.symbol === symbol);
      return own.length === 0 ? bars : without(bars, own);
    },
  };
}

function* without(bars: Iterable<Bar>, periods: readonly LeftOut[]): Generator<Bar, void, undefined> {
  for (const bar of bars)
    if (!periods.some(({ from, to }) => bar.time >= (from ?? -Infinity) && bar.time < (to ?? Infinity))) yield bar;
}

/** A decision of a person. */
export interface Decision {
  readonly by: string;
  readonly reason: string;
}

/** Accepts these findings of a symbol's received bars. @returns the number of the decision */
export function acceptFindings(
  store: Store,
  symbol: string,
  findings: readonly Finding[],
  decision: Decision,
): Promise<number> {
  const accepted = [...new Set(findings.map(({ code }) => code))];
  const verdict: Verdict = { verdict: accepted[0]!, findings };
  return record(
    store,
    'accept',
    `${symbol} ${accepted.join(', ')}`,
    { symbols: { [symbol]: verdict }, accepted },
    decision,
  );
}

/** Leaves received bars out of all that learns. @returns the number of the decision */
export function leaveOut(store: Store, period: LeftOut, decision: Decision): Promise<number> {
  const { symbol, from, to } = period;
  const side = (time: number | null): string => (time === null ? '' : new Date(time * 1000).toISOString().slice(0, 16));
  return record(store, 'leave_out', `${symbol} ${side(from)}/${side(to)}`, { left_out: period }, decision);
}

async function record(
  { importRuns }: Store,
  kind: 'accept' | 'leave_out',
  what: string,
  verdicts: object,
  { by, reason }: Decision,
): Promise<number> {
  const number = await importRuns.begin({ market: MARKET, kind, source: `${what}: ${reason}`, by });
  await importRuns.finish(number, { added: 0, removed: 0, rejected: 0, verdicts: JSON.stringify(verdicts) });
  return number;
}
