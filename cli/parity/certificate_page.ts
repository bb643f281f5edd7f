import { CAUSES, type Cause } from '../../trainer/control/parity/causes.ts';
import { htmlPage, htmlTable } from '../../trainer/learning/backtest/report/page.ts';
import { escapeHtml } from '../../trainer/learning/backtest/report/chart.ts';
import type { SymbolFills } from '../../trainer/control/monitor/fill_performance.ts';
import type { Certificate, PairParity, ParityVerdict } from './certificate.ts';

const VERDICTS: Readonly<Record<ParityVerdict, string>> = {
  EQUAL: 'Every signal equals its replay byte for byte, and every decision on a pair equals the backtest’s.',
  EXPLAINED:
    'Every signal of the journal equals its replay byte for byte; every decision on a pair that differs from the backtest’s has a known cause.',
  MISMATCH: 'Signals differ without a known cause.',
};

/** One sentence. */
export function verdictText({ verdict }: Pick<Certificate, 'verdict'>): string {
  return `${verdict}: ${VERDICTS[verdict]}`;
}

/** How many signals of the journal its replay gives again, and what the journal does not have yet. */
export function replayText({ replay }: Pick<Certificate, 'replay'>): string {
  const { signals, equal, unanswered = 0 } = replay;
  const compared = `${equal} of ${signals - unanswered} signals equal in the replay of the journal.`;
  if (unanswered === 0) return compared;
  const what = unanswered === 1 ? '1 signal is' : `${unanswered} signals are`;
  return `${compared} ${what} replayed but not in the journal, which ends before: the daemon runs, or was killed and has not been started again.`;
}

/** The certificate as one HTML file for people. */
export function renderCertificate(certificate: Certificate): string {
  const { day, market, shard, replay, decisions, mismatches, fills, policy_hash, model_versions, created_at } =
    certificate;
  const rows = Object.entries(decisions).map(([pair, parity]) => [pair, ...parityCells(parity)]);
  const causes = new Set(Object.values(decisions).flatMap(({ explained }) => Object.keys(explained) as Cause[]));
  const fillRows = Object.entries(fills).flatMap(([account, symbols]) =>
    Object.entries(symbols).map(([symbol, costs]) => [account, symbol, ...fillCells(costs)]),
  );
  return htmlPage(`Parity of ${day}`, [
    `<h1>Parity of ${day}, market ${escapeHtml(market)}, shard ${escapeHtml(shard)}</h1>`,
    `<p class="${certificate.verdict === 'MISMATCH' ? 'warning' : 'verdict'}">${escapeHtml(verdictText(certificate))}</p>`,
    `<p>${escapeHtml(replayText(certificate))} sha256 ${replay.sha256}.</p>`,
    '<h2>Decisions beside the backtest</h2>',
    rows.length === 0 ? '<p>No pairs.</p>' : htmlTable(PARITY_COLUMNS, rows),
    ...instrumentsText(certificate).map((text) => `<p>${escapeHtml(text)}</p>`),
    ...[...causes].sort().map((cause) => `<p><b>${cause}</b>: ${escapeHtml(CAUSES[cause])}.</p>`),
    ...(mismatches.length === 0 ? [] : ['<h2>Differences without a cause</h2>', mismatchTable(certificate)]),
    '<h2>Late</h2>',
    ...lateRows(certificate),
    '<h2>Costs paid, basis points a side</h2>',
    fillRows.length === 0 ? '<p>No fills.</p>' : htmlTable(FILL_COLUMNS, fillRows),
    ...auditRow(certificate),
    `<p>Models ${escapeHtml(model_versions.join(', ') || 'none')}, policy ${escapeHtml(policy_hash)}, written ${escapeHtml(created_at)}.</p>`,
  ]);
}

/** What is said of signals without a backtest; none: no instruments. */
export function instrumentsText({ instruments = {} }: Pick<Certificate, 'instruments'>): string[] {
  const texts = Object.entries(instruments).map(([id, count]) => `${id} ${count}`);
  if (texts.length === 0) return [];
  return [
    `Instruments, compared by the replay alone: ${texts.join(', ')} signals. They have no backtest of decisions.`,
  ];
}

function auditRow({ audit }: Certificate): string[] {
  if (!audit) return [];
  const isWhole = audit.breaks === 0 && audit.missing === null;
  const state = isWhole ? 'whole' : `${audit.breaks} do not fit, ${audit.missing?.entries ?? 0} are missing`;
  return [`<p>Audit: ${audit.entries} entries (${state}), last hash ${escapeHtml(audit.head)}.</p>`];
}

function lateRows({ late }: Certificate): string[] {
  const rows = lateCells(late);
  return [rows.length === 0 ? '<p>Nothing.</p>' : htmlTable(['', 'what', 'count', 'when'], rows)];
}

/** Subject, what was late, how often, and when or by how much. */
export function lateCells(late: Certificate['late']): string[][] {
  const { legs = {}, backfilled = {}, signals = {} } = late ?? {};
  return [
    ...Object.entries(legs).map(([pair, minutes]) => {
      const shown = minutes.slice(0, SHOWN_MINUTES).join(', ');
      return [pair, 'minute without a leg', `${minutes.length}`, shown + (minutes.length > SHOWN_MINUTES ? ' …' : '')];
    }),
    ...Object.entries(backfilled).map(([symbol, count]) => [symbol, 'bar as backfill', `${count}`, '']),
    ...Object.entries(signals).map(([pair, { signals: count, worst_seconds }]) => [
      ...[pair, 'signal expired when made', `${count}`, `up to ${worst_seconds.toFixed(0)} s after the close`],
    ]),
  ];
}

const SHOWN_MINUTES = 20;

export const PARITY_COLUMNS = ['pair', 'compared', 'equal', 'explained', 'mismatches'] as const;

export function parityCells({ compared, equal, explained, mismatches }: PairParity): string[] {
  const causes = Object.entries(explained).map(([cause, count]) => `${cause} ${count}`);
  return [`${compared}`, `${equal}`, causes.join(', ') || '–', `${mismatches}`];
}

const FILL_COLUMNS = ['account', 'symbol', 'fills', 'slippage', 'assumed', 'shortfall', 'assumed'];

function fillCells({ slippage, shortfall }: SymbolFills): string[] {
  const text = (bps: number | null): string => (bps === null ? '–' : bps.toFixed(2));
  return [
    `${slippage.fills}`,
    text(slippage.bps),
    text(slippage.configured_bps),
    text(shortfall.bps),
    text(shortfall.configured_bps),
  ];
}

function mismatchTable({ mismatches }: Certificate): string {
  const rows = mismatches.flatMap(({ pair_id, time, fields }) =>
    Object.entries(fields).map(([field, { live, backtest }]) => [pair_id, time, field, String(live), String(backtest)]),
  );
  return htmlTable(['pair', 'bar open', 'field', 'live', 'backtest'], rows);
}
