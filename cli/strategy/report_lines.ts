import type { FormulaStrategy } from '../../shared/policy/strategy_file.ts';
import type { RuleReport } from '../../trainer/learning/formula_rules/rule_report.ts';

/** The strategy for programs: formulas in their canonical form. */
export function documentOf(strategy: FormulaStrategy): object {
  const { name, description, subject, thresholds, entryLong, entryShort, exit, limits } = strategy;
  const known = (value: number): number | null => (value === Infinity ? null : value);
  return {
    name,
    description,
    subject,
    thresholds,
    entry_long: entryLong?.text ?? null,
    entry_short: entryShort?.text ?? null,
    exit: exit?.text ?? null,
    stop_bps: known(limits.stopBps),
    stop_sigmas: known(limits.stopSigmas),
    target_bps: known(limits.targetBps),
    target_sigmas: known(limits.targetSigmas),
    max_age: limits.maxAgeBars,
  };
}

export function reportLines(report: RuleReport): string[] {
  const { performance, interval, edge, one_bar_later_net_bps, series_one_bar_later_net_bps, doubled_costs_net_bps } =
    report;
  const { trades, win_rate, mean_gross_bps, mean_cost_bps, mean_swap_bps, mean_net_bps } = performance;
  const exits = Object.entries(performance.exits).map(([reason, count]) => `${reason} ${count}`);
  return [
    `trades ${trades}, won ${share(win_rate)}, exposure ${share(performance.exposure)}${exits.length === 0 ? '' : `; ${exits.join(', ')}`}`,
    `bps per trade: gross ${figure(mean_gross_bps)}, costs ${figure(mean_cost_bps)}, swaps and funding ${figure(mean_swap_bps)}, net ${figure(mean_net_bps)}`,
    `net return ${share(performance.net_return)}, Sharpe ${figure(performance.net_sharpe)}, maximum drawdown ${share(performance.max_drawdown)}, ${performance.trading_days} trading days`,
    `result by trades: ${edge.p === null ? 'no test with fewer than 20 trades' : `p ${edge.p.toFixed(4)}, lower 5 % bound ${figure(edge.lower_5_net_bps)}`}${edgeText(edge)}`,
    ...(interval.lower_5_net_bps === null
      ? []
      : [
          `net bps per trade by trading days: 90 % interval ${figure(interval.lower_5_net_bps)} to ${figure(interval.upper_95_net_bps)}`,
        ]),
    `net bps with fills one bar later ${figure(one_bar_later_net_bps)}, with series one bar later ${figure(series_one_bar_later_net_bps)}, with doubled costs ${figure(doubled_costs_net_bps)}`,
  ];
}

function edgeText({ has_edge, level }: RuleReport['edge']): string {
  if (level === null) return '; no edge is claimed: evaluations of these bars are not counted';
  return `: ${has_edge === true ? 'edge' : 'NO_EDGE'} at the level of this evaluation of the holdout, ${Number(level.toPrecision(3))}`;
}

function share(value: number | null): string {
  return value === null ? '–' : `${(100 * value).toFixed(1)} %`;
}

export function figure(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}
