import * as z from 'zod';

const count = z.int().nonnegative();
const figure = z.number().nullable();

const rowSchema = z.object({
  key: z.string(),
  closed: count.describe('Closed positions'),
  wins: count,
  net: z.number().describe('Net of costs, in the account’s currency'),
  mean_net_bps: figure.describe('Per position, basis points of its gross notional'),
  expected_bps: figure.describe('The same in the backtest of its models, of the positions that it has pairs for'),
});

const legSchema = z.object({
  leg: z.string(),
  symbol: z.string(),
  side: z.string(),
  size: z.number().describe('Units on paper, else the broker’s lots'),
  price: z.number().describe('Mean price of its fills'),
  now: figure.describe('Close of the last bar'),
});

const openSchema = z.object({
  position_id: z.string(),
  subject: z.string(),
  opened: z.string().nullable().describe('Close of the bar of its signal'),
  opened_ms: z.number().describe('Wall clock, epoch ms'),
  model_version: z.string().nullable(),
  legs: z.array(legSchema),
  realised: z.number().describe('Of legs that are closed already'),
  floating: figure.describe('Sold at the last closes, half the spread worse; null where the size of a lot is unknown'),
  floating_bps: figure,
});

const exposureSchema = z.object({
  key: z.string(),
  net: z.number(),
  positions: z.number().describe('The same in gross notionals of one position at its entry, as the policy limits it'),
});

const daySchema = z.object({
  day: z.string().describe('Trading day: it ends at 17:00 in New York on this date'),
  closed: count,
  wins: count,
  net: z.number(),
  cumulative: z.number().describe('At its end'),
  drawdown: z.number().describe('Of the cumulative result at its end, from its maximum: ≤ 0'),
});

const pointSchema = z.object({
  time: z.number().describe('Epoch seconds on the market’s clock, of the close of a position'),
  net: z.number().describe('Cumulative, in the account’s currency'),
  drawdown: z.number(),
  net_bps: figure.describe('Cumulative basis points per position'),
  expected_bps: figure.describe('What the backtest expects of the positions so far'),
  low_bps: figure.describe('Band of 95 % around it'),
  high_bps: figure,
});

export const accountSchema = z
  .object({
    id: z.string().describe('Where an account reports several currencies, each has an entry of its own: `demo/x JPY`'),
    account: z.string().describe('paper, demo or real'),
    place: z.string().describe('Folder of its result.json, or the Redis stream'),
    currency: z.string().describe('Of all money here: two are never added'),
    mixed_currencies: count.describe('Positions whose fills are in several currencies, which no figure counts'),
    begun: z.number().nullable().describe('Money at its start; null where unknown'),
    equity: figure.describe('At the end of the period: begun + all results until then + floating'),
    realised: z.number().describe('In the period, net of costs'),
    floating: figure.describe('Of positions that are open; null where a value is unknown, as at an end before now'),
    open_at_end: count.describe('Positions that were open as the period ended'),
    first: z.string().nullable(),
    last: z.string().nullable().describe('Close of the last position'),
    opened: count,
    closed: count,
    wins: count,
    refused: count.describe('Entries that it did not make'),
    win_rate: figure,
    mean_win: figure,
    mean_loss: figure,
    profit_factor: figure.describe('Wins ÷ losses; null without a loss'),
    mean_net_bps: figure,
    expected_bps: figure,
    expected_positions: count.describe('Closed positions whose pair has trades in the backtest of its models'),
    max_drawdown: z.number().describe('Of closed positions, ≥ 0'),
    max_drawdown_share: figure.describe('Of the equity at its maximum'),
    sharpe: z
      .object({
        value: figure.describe('Annualized; null below `needed_days`, or without variation'),
        standard_error: figure,
        days: count.describe('Trading days from the first entry on'),
        needed_days: count,
      })
      .describe('Of net results of trading days'),
    costs: z
      .object({
        spread_and_slippage: figure.describe('From the bar’s close to the filled price'),
        commission: figure,
        total: figure,
        mean_bps: figure.describe('Spread and slippage per fill, basis points'),
        slippage_bps: figure.describe('Mean from the requested to the filled price'),
      })
      .describe(
        'On paper, where a lot is a unit, of the positions closed in the period; else of its fills, without money',
      ),
    turnover: figure.describe('Notional of all fills'),
    time_in_market: figure.describe('Share of the time since the first entry with an open position'),
    exposure: z
      .object({
        gross: figure,
        by_symbol: z.array(exposureSchema),
        by_currency: z.array(exposureSchema),
        limits: z
          .object({ symbol: figure, currency: figure })
          .describe('max_symbol_exposure and max_currency_exposure, in the unit of `positions`; null = no limit'),
      })
      .describe('Notional of open positions at the last closes; null where the size of a lot is unknown'),
    days: z.array(daySchema),
    curve: z.array(pointSchema).describe('At most 2,000 points; figures beside it are of all positions'),
    by_subject: z.array(rowSchema),
    by_hour: z.array(rowSchema).describe('Hour of the entry, UTC'),
    by_reason: z.array(rowSchema).describe('Reason of the exit'),
    open: z.array(openSchema).describe('As of now; none where the period ended earlier'),
  })
  .meta({ id: 'AccountPerformance' });

export const performanceSchema = z
  .object({
    market: z.string(),
    is_simulated: z.boolean().describe('Prices are made by a program: no figure says what a real market pays'),
    from: z.string().nullable(),
    to: z.string().nullable(),
    accounts: z.array(accountSchema).describe('One per program and currency; never added up'),
  })
  .meta({ id: 'Performance' });

export type AccountPerformance = z.infer<typeof accountSchema>;
export type Performance = z.infer<typeof performanceSchema>;
export type PerformanceRow = z.infer<typeof rowSchema>;
