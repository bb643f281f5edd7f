import * as z from 'zod';
import { performanceSchema } from '../performance/performance_schema.ts';

import { routes } from './routes.ts';

const reportQuery = z.object({
  from: z.iso.datetime().describe('Start, inclusive, by the clock of the market: of a simulated one, that of its bars'),
  to: z.iso.datetime().describe('End, exclusive'),
  format: z.enum(['json', 'html']).default('json').describe('html: a readable page'),
});

const count = z.number().int();
const figure = z.number().nullable();
const account = {
  account: z.string().describe('paper, demo or real'),
  account_id: z.string().describe('One account of one program, as `accounts[].id` of GET /api/performance'),
  currency: z.string(),
};

const evaluation = z.object({
  version: z.string(),
  created: z.string(),
  status: z.string().describe('candidate, active, archived or rejected'),
  reasons: z.array(z.string()).describe('Failed gates'),
  theta1: z.number(),
  theta2: z.number(),
  models: z
    .record(z.string(), z.object({ rows: count, auc: figure, brier: figure, ece: figure, log_loss: figure }))
    .describe('Holdout metrics of ai1, ai2, ai3'),
  skill: z
    .object({
      auc: z.number(),
      placebo_auc: z.number(),
      skill: z.number(),
      standard_error: figure,
      lower_95: figure,
      draws: count,
      days: count,
    })
    .nullable()
    .describe('AUC of ai1 minus its AUC in placebo markets, whose bars are mirrored by coins; null where not measured'),
  backtest: z
    .object({
      trades: count,
      win_rate: figure,
      mean_net_bps: figure,
      net_sharpe: figure,
      max_drawdown: z.number(),
    })
    .nullable()
    .describe('Holdout backtest after costs'),
});

export const reportSchema = z
  .object({
    from: z.string().describe('By the wall clock, as `to`'),
    to: z.string(),
    market_period: z
      .object({ from: z.string(), to: z.string().nullable() })
      .nullable()
      .describe('The period by the clock of a simulated market; null: a live one, or asked for by the wall clock'),
    market: z.string(),
    evaluations: z.array(evaluation).describe('Bundles created in the period'),
    runs: z
      .array(z.object({ kind: z.string(), status: z.string(), count }))
      .describe('Training runs that ended in the period'),
    signals: z
      .array(z.object({ subjects: z.enum(['pairs', 'instruments']), action: z.string(), reason: z.string(), count }))
      .describe('Signals of pairs and of instruments by action and reason'),
    refusal: z
      .object({
        candidates: count.describe('Bars at which a pair was flat and |z| ≥ z_entry'),
        entered: count.describe('Entries of pairs'),
        refused: count.describe('Candidates without an entry, for any reason'),
        judged: count.describe('Candidates that reached AI2: RISK_HIGH, or a later reason, or an entry'),
        risk_refused: count.describe('Judged candidates that AI2 refused: RISK_HIGH'),
        rate: figure.describe('risk_refused / judged; null where nothing reached AI2'),
        reasons: z.array(z.object({ reason: z.string(), count })),
      })
      .describe('Refusal rate of AI2 (やらない勇気発動率), and all refused candidates by reason'),
    risk_score_histogram: z.array(count).describe('Ten bins from 0 to 1'),
    pnl: z
      .array(z.object({ ...account, closes: count, pnl: z.number(), mean_slippage_bps: figure }))
      .describe('Closed legs by account and currency'),
    positions: z
      .array(z.object({ ...account, closed: count, wins: count, win_rate: figure, pnl: z.number() }))
      .describe('Positions whose last close is in the period'),
    performance: performanceSchema.describe('As GET /api/performance'),
    costs: z
      .array(
        z.object({
          account: account.account,
          symbol: z.string(),
          fills: count,
          slippage_bps: figure.describe('Mean from requested to filled price; positive is a cost'),
          configured_slippage_bps: figure,
          shortfall_bps: figure.describe('Mean from the signal’s close to the filled price; positive is a cost'),
          configured_bps: figure.describe('Half of spread_bps plus slippage_bps, without the profile of the week'),
        }),
      )
      .describe('Costs per side, by account and symbol'),
    thresholds: z
      .array(
        z.object({
          run_id: count,
          finished_at: z.string().nullable(),
          model_version: z.string().nullable(),
          theta1: z.number().nullable(),
          theta2: z.number().nullable(),
        }),
      )
      .describe('Adopted bundles, oldest first'),
    drift: z
      .array(
        z.object({
          day: z.string(),
          model_version: z.string(),
          feature: z.string(),
          psi: z.number(),
          psi_noise: figure,
        }),
      )
      .describe('PSI by feature, last report of each UTC day'),
    parity: z
      .array(
        z.object({
          day: z.string(),
          shard: z.string(),
          verdict: z.string(),
          signals: count,
          equal_signals: count,
          mismatches: count,
        }),
      )
      .describe('Certificates of the days of the period'),
    targets: z
      .array(
        z.object({
          name: z.string(),
          subject: z.string().describe('Account, or empty'),
          measured: figure,
          least: figure,
          most: figure,
          met: z.boolean().nullable().describe('null: no measurement or no limit'),
        }),
      )
      .describe('Policy limits with measurements'),
  })
  .meta({ id: 'Report' });

export type Report = z.infer<typeof reportSchema>;

/** Routes of `api/routes/reports.ts`. */
export const reportRoutes = routes({
  'GET /api/reports': {
    role: 'viewer',
    errors: ['EA_STATE'],
    tags: ['records'],
    summary: 'Report of a period',
    querystring: reportQuery,
    response: {
      200: {
        description: 'The report',
        content: {
          'application/json': { schema: reportSchema },
          'text/html': { schema: z.string() },
        },
      },
    },
  },
});
