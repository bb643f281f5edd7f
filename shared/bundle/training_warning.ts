import * as z from 'zod';

/** `share` is that of the rows in such a market, of those whose market is known; the warning is given below `limit`. */
const missingMarketSchema = z.strictObject({
  code: z.enum(['NO_BULL_MARKET', 'NO_BEAR_MARKET']),
  share: z.number().min(0).max(1),
  limit: z.number().min(0).max(1),
});
export type MissingMarket = Readonly<z.infer<typeof missingMarketSchema>>;

/** The published model answers every row alike: base rates under the name of an engine. */
const constantAnswersSchema = z.strictObject({ code: z.literal('CONSTANT_ANSWERS') });

/** A warning about a model or the bars that it learned from, as data. It is no gate: there may be no better model. */
export const trainingWarningSchema = z.discriminatedUnion('code', [missingMarketSchema, constantAnswersSchema]);
export type TrainingWarning = Readonly<z.infer<typeof trainingWarningSchema>>;

/** For a person: what is missing, what follows, and the next step. */
export function warningText(warning: TrainingWarning): string {
  if (warning.code === 'CONSTANT_ANSWERS')
    return `${warning.code}: the model gives every bar the same answer, so it knows nothing of the market. Give a longer period, smaller leaves, or another engine.`;
  const { code, share, limit } = warning;
  const market = code === 'NO_BULL_MARKET' ? 'rising' : 'falling';
  return `${code}: ${(100 * share).toFixed(1)} % of the bars to learn from are of a ${market} market (below ${100 * limit} %), so its answers in one are not learned. Give a longer period.`;
}
