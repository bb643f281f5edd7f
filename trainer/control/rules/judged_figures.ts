import * as z from 'zod';
import { instrumentStrategy, STRATEGY_SCHEMA, type StrategyDocument } from '../../../shared/policy/strategy_file.ts';
import { ruleSentence } from '../../learning/formula_rules/rule_sentence.ts';
import { ruleTradeSchema } from '../schema/strategies.ts';

const figure = z.number().nullable();

const periodSchema = z
  .object({
    performance: z.object({ trades: z.int(), mean_net_bps: figure }),
    one_bar_later_net_bps: figure,
    // Reports of earlier versions have neither this nor trades.
    series_one_bar_later_net_bps: figure.default(null),
    doubled_costs_net_bps: figure,
  })
  .transform(({ performance, ...figures }) => ({
    trades: performance.trades,
    net_bps: performance.mean_net_bps,
    ...figures,
  }));

const judgedSchema = z.object({
  development: periodSchema,
  holdout: periodSchema,
  trades: z.array(ruleTradeSchema).default([]),
  lineage: z.array(STRATEGY_SCHEMA).default([]),
});

/** Of a judgement, or of a search with the rule that it proposed. */
const reportSchema = z.union([
  z
    .object({
      proposed: judgedSchema,
      front: z.array(
        z.object({ strategy: STRATEGY_SCHEMA, sharpe: z.number(), drawdown: z.number(), trades: z.int() }),
      ),
    })
    .transform(({ proposed, front }) => ({ ...proposed, front })),
  judgedSchema.transform((judged) => ({ ...judged, front: [] })),
]);

export type Sentence = Readonly<Record<'en' | 'ja', string>>;

/** What a person sees of the report of a judgement: its figures by period, trades, front and lineage. */
export function judgedFigures(report: unknown, path: string) {
  const read = reportSchema.safeParse(report);
  if (!read.success) return { periods: null, trades: [], front: [], lineage: [] };
  const { development, holdout, trades, front, lineage } = read.data;
  const sentence = (strategy: StrategyDocument): Sentence => {
    const checked = instrumentStrategy(strategy, path);
    return { en: ruleSentence(checked, 'en'), ja: ruleSentence(checked, 'ja') };
  };
  return {
    periods: { development, holdout },
    trades,
    front: front.map(({ strategy, ...figures }) => ({ sentence: sentence(strategy), ...figures })),
    lineage: lineage.map(sentence),
  };
}
