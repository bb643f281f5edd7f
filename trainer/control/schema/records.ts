import * as z from 'zod';
import { VERSION } from '../../../shared/bundle/bundle.ts';
import { COST_MODELS } from '../../../shared/policy/costs.ts';
import { symbolCosts } from '../../../shared/policy/schema.ts';
import { manifestSchema } from '../../../shared/bundle/manifest.ts';

import { routes } from './routes.ts';

export const limitQuery = z.object({ limit: z.coerce.number().int().min(1).max(10_000).default(200) });

const auditSchema = z.object({
  entries: z
    .array(
      z.object({
        entry_id: z.number().int(),
        at: z.string().describe('ISO 8601 in UTC'),
        actor: z.string(),
        role: z.string(),
        via: z.string().describe('session, token, cli, loopback, trainer or telegram'),
        action: z.string().describe('Method and route, or a command'),
        target: z.string(),
        before: z.unknown(),
        after: z.unknown(),
        outcome: z.string().describe('done, or refused with its status'),
        hash: z.string().describe('Hash chain'),
      }),
    )
    .describe('Newest first'),
});

const tradesQuery = limitQuery.extend({
  subject: z.string().max(80).optional(),
  from: z.iso.datetime().optional().describe('Fill time, inclusive'),
  to: z.iso.datetime().optional().describe('Fill time, exclusive'),
});

const tradesSchema = z.object({
  trades: z
    .array(
      z.looseObject({
        fill_key: z.string(),
        account: z.string().describe('paper, demo or real'),
        account_id: z.string().describe('One account of one program, as `accounts[].id` of GET /api/performance'),
        pair_id: z.string().describe('Subject'),
        position_id: z.string(),
        signal_id: z.string(),
        leg: z.string().describe('A, B, or empty when the whole pair was refused'),
        kind: z.string().describe('open, close or refused'),
        reason: z.string(),
        symbol: z.string(),
        side: z.string(),
        lots: z.number(),
        requested_price: z.number().nullable(),
        filled_price: z.number().nullable(),
        slippage_bps: z.number().nullable().describe('Positive is worse'),
        time_ms: z.number().describe('Fill, epoch ms'),
        signal_ms: z.number().nullable().describe('Publication of the signal, epoch ms'),
        latency_ms: z.number().nullable(),
        pnl: z.number().nullable().describe('P&L of a close, in `currency`'),
        currency: z.string(),
        received_ms: z.number().describe('Receipt by the trainer, epoch ms'),
      }),
    )
    .describe('Newest first; every column of core.live_trades except the line, and the account of the program'),
});

const figure = z.number().nullable();
const comparedSchema = z.looseObject({
  live: figure,
  bundle: figure,
  gap: figure.describe('(live − bundle) / bundle'),
  gap_noise: figure.describe('What chance alone makes of the gap; null with too few rows for a figure'),
  live_count: z.number().describe('Rows or trades'),
});
const livePerformance = z.looseObject({ auc: comparedSchema, win_rate: comparedSchema });
const kpiSchema = z.looseObject({
  trades: z.number(),
  win_rate: figure,
  drawdown: figure,
  candidates: z.number().describe('Entry candidates that AI2 judged'),
  refusal_rate: figure.describe('Share of them that AI2 refused'),
});
const driftSchema = z.looseObject({ psi: figure });

/** What a check says with and without models of pairs. */
const directionLook = z
  .record(z.string(), z.looseObject({ skipped: z.string().optional().describe('Why there is no figure') }))
  .optional()
  .describe('Active direction models by timeframe: bias of published probabilities, drift, age, win rate');
const lookFindings = z.array(z.looseObject({ text: z.string() })).describe('Significant violations of limits');

const lookSchema = z
  .looseObject({
    version: z.string(),
    period: z.object({ from: z.string(), to: z.string(), bars: z.number() }),
    drift: z.looseObject({
      skipped: z.string().optional().describe('Why there is no report'),
      features: z
        .array(driftSchema.extend({ name: z.string(), pairs: z.record(z.string(), driftSchema) }))
        .optional()
        .describe('Live against training'),
    }),
    performance: livePerformance.extend({
      groups: z
        .record(z.string(), livePerformance)
        .optional()
        .describe('Of groups with models of their own; `auc` and `win_rate` beside it are of the other pairs'),
      pass_rate: z.looseObject({ live: figure }),
      risk_streak: z.looseObject({ blocks: z.number(), candidates: z.number(), limit: figure }),
    }),
    direction: directionLook,
    kpi: z.looseObject({ total: kpiSchema, pairs: z.record(z.string(), kpiSchema) }),
    findings: lookFindings,
  })
  .meta({ id: 'MonitorLook' });

export const monitorSchema = z
  .looseObject({
    looked_at: z.string().nullable(),
    duration_ms: z.number().nullable(),
    next_look_at: z.string().nullable(),
    report: z
      .union([
        lookSchema,
        z.looseObject({
          skipped: z.string().describe('Why there is no report on the models of pairs'),
          direction: directionLook,
          findings: lookFindings,
        }),
      ])
      .nullable()
      .describe('As GET /monitor'),
  })
  .meta({ id: 'MonitorStatus' });

export const backtestRequest = z
  .strictObject({
    models: z
      .array(z.string().max(60).regex(VERSION))
      .min(1)
      .max(2)
      .optional()
      .describe('Bundles: one, or before and after; the active one when absent'),
    from: z.iso.date().or(z.iso.datetime()).optional().describe('First bar, UTC; minutes'),
    to: z.iso.date().or(z.iso.datetime()).optional().describe('End of the bars, UTC'),
    pairs: z.array(z.string().max(80)).min(1).max(1000).optional().describe('Default: all configured'),
    theta1: z.number().min(0).max(1).optional().describe('Default: the bundle’s'),
    theta2: z.number().min(0).max(1).optional(),
    costs: z.enum(COST_MODELS).default('profile').describe('Spreads by minute of the week, or one per symbol'),
    reason: z.string().max(500).default('').describe('Reason, for the audit'),
  })
  .meta({ id: 'BacktestRequest' });

const backtestFields = {
  backtest_id: z.number().int(),
  market: z.string(),
  status: z.enum(['queued', 'running', 'done', 'failed', 'canceled']),
  requested_by: z.string(),
  reason: z.string(),
  request: z.object({
    models: z.array(z.string()),
    from: z.string().nullable(),
    to: z.string().nullable(),
    pairs: z.array(z.string()).nullable(),
    theta1: z.number().nullable(),
    theta2: z.number().nullable(),
    costs: z.string(),
  }),
  policy_hash: z.string(),
  percent: z.number().describe('0 to 100 of its stage'),
  stage: z.string(),
  requested_ms: z.number(),
  started_ms: z.number().nullable(),
  finished_ms: z.number().nullable(),
  error: z.string().nullable().describe('Of a failed one; of one that is done: requested pairs without bars'),
  restarts: z.number().int().describe('How often it was begun again because its trainer was killed: at most once'),
};
export const backtestSchema = z.object(backtestFields).meta({ id: 'Backtest' });

const shownSharpeSchema = z.object({
  value: figure.describe('Annualized; null below `needed_days`, or without variation'),
  standard_error: figure,
  days: z.number().int().describe('Trading days'),
  needed_days: z.number().int(),
});
const countsSchema = z.record(z.string(), z.number());
/** Of the costs that a backtest states, what a page shows: a profile is a curve. */
export const chargedCosts = z.object(symbolCosts.shape).omit({ spread_profile: true });
const backtestViewSchema = z.object({
  trades: z.number().int(),
  win_rate: figure,
  net_return: figure.describe('Of the capital, after costs'),
  gross_return: figure,
  mean_net_bps_full_size: figure.describe('Per trade at full size, basis points: what an edge is judged by'),
  mean_net_bps: figure.describe('Per trade with position_scale applied, basis points, as the three after it'),
  mean_gross_bps: figure,
  mean_cost_bps: figure,
  mean_swap_bps: figure,
  lower_5_net_bps: figure.describe('Lower bound of the 90 % interval of the net result of a full-size trade'),
  upper_95_net_bps: figure,
  sharpe: shownSharpeSchema,
  max_drawdown: figure.describe('Fraction of the capital'),
  exposure: figure.describe('Share of the time in a position'),
  turnover: figure,
  candidates: z.number().int().describe('Bars at which a pair was flat and |z| ≥ z_entry'),
  refusal_rate: figure.describe('Share that AI2 refused of the candidates that reached it'),
  refusals: countsSchema.describe('Refused candidates by reason'),
  exits: countsSchema.describe('Trades by reason of their exit'),
});

const periodClaimSchema = z.object({
  no_edge: z.boolean(),
  trades: z.number().int(),
  net_bps: figure.describe('Per trade at full size'),
  lower_net_bps: figure.describe('At the level at which the claim was tested; null: too few trades'),
  p_value: figure.describe('Adjusted for all claims of the bundle (Holm)'),
});

export const backtestFiguresSchema = z
  .object({
    period: z.object({ from: z.string(), to: z.string() }).describe('First and last bar, UTC'),
    bars: z.number().int(),
    trading_days: z.number().int(),
    pairs: z.array(z.string()),
    missing_pairs: z.array(z.string()).describe('Requested, without common bars in this period'),
    cost_model: z.string(),
    costs: z.record(z.string(), chargedCosts).describe('Basis points by symbol, as they were applied'),
    assumptions: z.array(z.string()),
    bundles: z
      .array(
        z.object({
          version: z.string(),
          trained: z.object({ from: z.string(), holdout_from: z.string(), to: z.string() }),
          trained_on_period: z.boolean().describe('true: results are partly in-sample'),
          theta1: z.number(),
          theta2: z.number(),
          pairs_without_edge: z.array(z.string()),
          evaluation_look: z
            .number()
            .int()
            .nullable()
            .describe(
              'Number of this evaluation of the holdout, these bars; null: in-sample, or by an earlier version',
            ),
          edge_level: figure.describe(
            'Significance level at this evaluation of the holdout: the part of 5 % that earlier ones left. An adjusted p below it is an edge',
          ),
          edge: z
            .object({
              pairs: z.record(z.string(), periodClaimSchema),
              all_pairs: periodClaimSchema,
              edge_pairs: periodClaimSchema,
            })
            .nullable()
            .describe('What the trades of this period claim'),
          all_pairs: backtestViewSchema.describe('As if each pair had an edge'),
          edge_pairs: backtestViewSchema.describe('With NO_EDGE applied'),
        }),
      )
      .describe('One, or those before and after a change'),
  })
  .meta({ id: 'BacktestFigures' });

export const backtestResultSchema = z
  .object({
    ...backtestFields,
    result: z.unknown().describe('As `minutehand backtest --json`; null until done'),
    figures: backtestFiguresSchema
      .nullable()
      .describe('What a page shows of the result; null until done, and of results of another version'),
  })
  .meta({ id: 'BacktestResult' });

export const backtestComparisonSchema = z
  .object({
    before: z.number().int(),
    after: z.number().int(),
    is_same_period: z.boolean().describe('Same bars and pairs'),
    all_pairs: z.record(z.string(), z.number().nullable()).describe('after − before, as if each pair had an edge'),
    edge_pairs: z.record(z.string(), z.number().nullable()).describe('after − before, with NO_EDGE applied'),
  })
  .meta({ id: 'BacktestComparison' });
const { backtest, edge, gates } = manifestSchema.shape;

export const backtestsSchema = z.object({
  backtests: z
    .array(
      z.object({
        version: z.string().describe('Bundle of the holdout'),
        created: z.string(),
        market: z.string(),
        theta1: z.number(),
        theta2: z.number(),
        holdout: backtest.nullable().describe('All pairs as if each had an edge, after costs'),
        sharpe: shownSharpeSchema.describe('Of `holdout`, as people are shown it: never without its error'),
        edge: edge.describe('By subject'),
        gates: gates.nullable(),
      }),
    )
    .describe('Holdout backtests of the bundles, newest first'),
  bars: z
    .object({ from: z.string(), to: z.string() })
    .nullable()
    .describe('Opens of the first and the last bar of the configured pairs in this market, UTC; null: none'),
  requested: z.array(backtestSchema).describe('Backtests requested by the API, newest first, without results'),
});

/** Routes of `api/routes/records.ts`. */
export const recordRoutes = routes({
  'GET /api/audit': {
    role: 'viewer',
    tags: ['records'],
    summary: 'Writes by the API',
    querystring: limitQuery,
    response: { 200: auditSchema },
  },
  'GET /api/trades': {
    role: 'viewer',
    tags: ['records'],
    summary: 'Fills',
    querystring: tradesQuery,
    response: { 200: tradesSchema },
  },
  'GET /api/monitor': {
    role: 'viewer',
    tags: ['records'],
    summary: 'Drift, live KPIs, halts',
    response: { 200: monitorSchema },
  },
});
