import { sql } from 'kysely';
import type { Settings } from '../../../shared/policy/policy.ts';
import { riskRefusal } from '../../../shared/strategies/pair_reversion/risk_refusal.ts';
import type { Report } from '../schema/reports.ts';
import { openSignalTables } from '../history/signal_tables.ts';
import type { Store } from '../../store/store.ts';

const BINS = 10;
/** Signals that repeat the values of an earlier bar. */
const REPEATED = ['SILENCE', 'SHUTDOWN'];

/** Only the id of a pair has an underscore (shared/pair.ts). */
const SUBJECTS = sql<Subjects>`CASE WHEN pair_id LIKE '%!_%' ESCAPE '!' THEN 'pairs' ELSE 'instruments' END`;
type Subjects = Report['signals'][number]['subjects'];

/** A period by the times of the store: epoch ms, from inclusive, to exclusive. */
export interface ReportPeriod {
  readonly fromMs: number;
  readonly toMs: number;
}

type SignalFigures = Pick<Report, 'signals' | 'refusal' | 'risk_score_histogram'>;

/** Figures of the signals that were published in the period. */
export async function signalFigures(
  store: Store,
  { signals, minutehand }: Settings,
  { fromMs, toMs }: ReportPeriod,
): Promise<SignalFigures> {
  const { db } = store;
  const { market, decision } = minutehand;
  const { history } = await openSignalTables(store, signals);
  const within = sql`market = ${market} AND generated_at_ms >= ${fromMs} AND generated_at_ms < ${toMs}`;
  const counted = await sql<Report['signals'][number]>`
    SELECT ${SUBJECTS} AS subjects, action, reason, count(*) AS count FROM ${sql.table(history)} WHERE ${within}
    GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3`.execute(db);
  const refused = await sql<{ reason: string; count: number }>`
    SELECT reason, count(*) AS count FROM ${sql.table(history)}
    WHERE ${within} AND action = 'HOLD' AND target = 0 AND abs(z_score) >= ${decision.z_entry}
      AND reason NOT IN (${sql.join(REPEATED)})
    GROUP BY reason ORDER BY reason`.execute(db);
  const risks = await sql<{ bin: number; count: number }>`
    SELECT CASE WHEN risk_score >= 1 THEN ${sql.lit(BINS - 1)} ELSE CAST(floor(risk_score * ${sql.lit(BINS)}) AS integer) END AS bin,
      count(*) AS count
    FROM ${sql.table(history)} WHERE ${within} AND risk_score IS NOT NULL GROUP BY 1`.execute(db);
  const signalCounts = counted.rows.map((row) => ({ ...row, count: Number(row.count) }));
  return {
    signals: signalCounts,
    refusal: refusalOf(
      signalCounts,
      refused.rows.map((row) => ({ ...row, count: Number(row.count) })),
    ),
    risk_score_histogram: Array.from({ length: BINS }, (_none, bin) =>
      Number(risks.rows.find((row) => Number(row.bin) === bin)?.count ?? 0),
    ),
  };
}

/** Of pairs: an instrument has no distance from a mean that would make it a candidate. */
function refusalOf(signals: Report['signals'], reasons: Report['refusal']['reasons']): Report['refusal'] {
  const entered = sumOf(signals.filter(({ subjects, action }) => subjects === 'pairs' && action === 'ENTER'));
  const refused = sumOf(reasons);
  const risk = riskRefusal(Object.fromEntries(reasons.map(({ reason, count }) => [reason, count])), entered);
  return {
    candidates: entered + refused,
    entered,
    refused,
    judged: risk.judged,
    risk_refused: risk.refused,
    rate: risk.rate,
    reasons,
  };
}

function sumOf(rows: readonly { readonly count: number }[]): number {
  return rows.reduce((sum, { count }) => sum + count, 0);
}
