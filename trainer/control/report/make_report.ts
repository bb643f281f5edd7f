import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { RetrainPolicy, Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { Report } from '../schema/reports.ts';
import type { Store } from '../../store/store.ts';
import { byWallClock } from '../history/market_clock.ts';
import type { Performance } from '../performance/performance_schema.ts';
import { readPerformance } from '../performance/read_performance.ts';
import { fillFigures } from './fill_figures.ts';
import { modelFigures } from './model_figures.ts';
import { signalFigures } from './signal_figures.ts';

/**
 * Figures from `from` to before `to`: signals by time of publication, fills by time of the fill, bundles by creation,
 * runs by their end, drift and parity by UTC day.
 * @param from ISO 8601, as `to`
 */
export async function makeReport(
  store: Store,
  settings: Settings,
  paths: HomePaths,
  from: string,
  to: string,
  clock: Pick<Clock, 'nowMs'> = MACHINE_CLOCK,
): Promise<Report> {
  const period = { fromMs: Date.parse(from), toMs: Date.parse(to) };
  const { market } = settings.minutehand;
  const performance = await readPerformance({ settings, paths, store, nowMs: clock.nowMs(), from, to });
  const figures = {
    performance,
    positions: positionsOf(performance),
    ...(await modelFigures(store, market, period)),
    ...(await signalFigures(store, settings, period)),
    ...(await fillFigures(store, settings, period)),
  };
  return { from, to, market_period: null, market, ...figures, targets: targetsOf(figures, settings.retrain) };
}

/**
 * The report of a period by the clock of the market: of a simulated one, the days that its pages and signals show.
 * @throws MinutehandError DATA_MISSING where a simulated market has no bar in the period
 */
export async function makeMarketReport(
  store: Store,
  settings: Settings,
  paths: HomePaths,
  asked: { readonly fromMs: number; readonly toMs?: number },
  clock: Pick<Clock, 'nowMs'> = MACHINE_CLOCK,
): Promise<Report> {
  const { fromMs = asked.fromMs, toMs } = await byWallClock(store, settings, asked);
  const nowMs = clock.nowMs();
  const report = await makeReport(store, settings, paths, isoOf(fromMs), isoOf(toMs ?? nowMs), { nowMs: () => nowMs });
  if (settings.minutehand.market === 'live') return report;
  const market_period = { from: isoOf(asked.fromMs), to: asked.toMs === undefined ? null : isoOf(asked.toMs) };
  return { ...report, market_period };
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** Closed positions by account: several on paper follow the same signals, and are not added up. */
function positionsOf({ accounts }: Performance): Report['positions'] {
  return accounts
    .filter(({ closed }) => closed > 0)
    .map(({ id, account, currency, closed, wins, curve }) => {
      return { account, account_id: id, currency, closed, wins, win_rate: wins / closed, pnl: curve.at(-1)!.net };
    });
}

type Target = Report['targets'][number];

/** Policy limits with measured values. Pure. */
export function targetsOf(
  { positions, refusal, drift, parity, costs }: Pick<Report, 'positions' | 'refusal' | 'drift' | 'parity' | 'costs'>,
  policy: RetrainPolicy,
): Target[] {
  const { kpi_win_rate_min, kpi_refusal_rate_min, kpi_refusal_rate_max, drift_psi_max, fill_cost_gap } = policy;
  const largestPsi = drift.length === 0 ? null : drift.reduce((most, { psi }) => Math.max(most, psi), -Infinity);
  const mismatches = parity.length === 0 ? null : parity.filter(({ verdict }) => verdict === 'MISMATCH').length;
  return [
    ...positions.map(({ account_id, win_rate }) => target('win_rate', account_id, win_rate, kpi_win_rate_min, null)),
    target('refusal_rate', '', refusal.rate, kpi_refusal_rate_min, kpi_refusal_rate_max),
    target('largest_psi', '', largestPsi, null, drift_psi_max),
    target('parity_mismatches', '', mismatches, null, 0),
    ...costs
      .filter(({ configured_bps }) => configured_bps !== null && configured_bps > 0)
      .map(({ account, symbol, shortfall_bps, configured_bps }) => {
        const measured = shortfall_bps === null ? null : shortfall_bps / configured_bps!;
        return target(
          'cost_ratio',
          `${account} ${symbol}`,
          measured,
          null,
          fill_cost_gap === null ? null : 1 + fill_cost_gap,
        );
      }),
  ];
}

function target(
  name: string,
  subject: string,
  measured: number | null,
  least: number | null,
  most: number | null,
): Target {
  const hasLimit = least !== null || most !== null;
  const met =
    measured === null || !hasLimit ? null : measured >= (least ?? -Infinity) && measured <= (most ?? Infinity);
  return { name, subject, measured, least, most, met };
}
