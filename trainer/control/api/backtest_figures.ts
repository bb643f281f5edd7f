import * as z from 'zod';
import { shownSharpe } from '../../../shared/bundle/holdout_sharpe.ts';
import { chargedCosts, type backtestFiguresSchema } from '../schema/records.ts';

export type BacktestFigures = z.infer<typeof backtestFiguresSchema>;
type View = BacktestFigures['bundles'][number]['all_pairs'];

const figure = z.number().nullable();
const counts = z.record(z.string(), z.number());
const view = z.object({
  trades: z.int(),
  win_rate: figure,
  net_return: figure,
  gross_return: figure,
  mean_net_bps: figure,
  /** Earlier results have none. */
  mean_net_bps_full_size: figure.default(null),
  mean_gross_bps: figure,
  mean_cost_bps: figure,
  mean_swap_bps: figure,
  net_sharpe: figure,
  max_drawdown: figure,
  exposure: figure,
  turnover: figure,
  candidates: z.int(),
  refusal_rate: figure,
  refusals: counts,
  exits: counts,
  interval: z.object({ lower_5_net_bps: figure, upper_95_net_bps: figure }),
});
const claim = z.object({
  no_edge: z.boolean(),
  trades: z.int(),
  net_bps: figure,
  lower_net_bps: figure,
  p_value: figure,
});
/** Earlier results have none of these three. */
const claims = {
  evaluation_look: z.int().nullable().default(null),
  edge_level: figure.default(null),
  edge: z
    .object({ pairs: z.record(z.string(), claim), all_pairs: claim, edge_pairs: claim })
    .nullable()
    .default(null),
};
const bundle = z.object({
  version: z.string(),
  trained: z.object({ from: z.string(), holdout_from: z.string(), to: z.string() }),
  trained_on_period: z.boolean(),
  theta1: z.number(),
  theta2: z.number(),
  pairs_without_edge: z.array(z.string()),
  ...claims,
  all_pairs: view,
  edge_pairs: view,
});
/** What `minutehand backtest --json` writes, as far as a page shows it. */
const document = bundle.extend({
  challenger: bundle.optional(),
  period: z.object({ from: z.string(), to: z.string() }),
  bars: z.int(),
  trading_days: z.int(),
  pairs: z.array(z.string()),
  missing_pairs: z.array(z.string()),
  cost_model: z.string(),
  costs: z.record(z.string(), chargedCosts),
  assumptions: z.array(z.string()),
});

export type BacktestDocument = z.infer<typeof document>;

/**
 * The figures of a stored result, with Sharpe ratios as people are shown them.
 * @param result document of `minutehand backtest --json`
 * @returns null for one that another version wrote in another form
 */
export function backtestFigures(result: unknown): BacktestFigures | null {
  const parsed = document.safeParse(result);
  if (!parsed.success) return null;
  const { period, bars, trading_days, pairs, missing_pairs, cost_model, costs, assumptions } = parsed.data;
  const shown = ({ all_pairs, edge_pairs, ...own }: z.infer<typeof bundle>): BacktestFigures['bundles'][number] => ({
    version: own.version,
    trained: own.trained,
    trained_on_period: own.trained_on_period,
    theta1: own.theta1,
    theta2: own.theta2,
    pairs_without_edge: own.pairs_without_edge,
    evaluation_look: own.evaluation_look,
    edge_level: own.edge_level,
    edge: own.edge,
    all_pairs: viewOf(all_pairs, trading_days),
    edge_pairs: viewOf(edge_pairs, trading_days),
  });
  const { challenger } = parsed.data;
  const bundles = [shown(parsed.data), ...(challenger === undefined ? [] : [shown(challenger)])];
  return { period, bars, trading_days, pairs, missing_pairs, cost_model, costs, assumptions, bundles };
}

function viewOf({ net_sharpe, interval, ...figures }: z.infer<typeof view>, days: number): View {
  return { ...figures, ...interval, sharpe: shownSharpe(net_sharpe, days) };
}
