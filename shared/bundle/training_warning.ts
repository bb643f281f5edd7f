import * as z from 'zod';

/**
 * A warning about the bars that a model learned from, as data. It is no gate: there may be no better model. `share` is
 * that of the rows in such a market, of those whose market is known; the warning is given below `limit`.
 */
export const trainingWarningSchema = z.strictObject({
  code: z.enum(['NO_BULL_MARKET', 'NO_BEAR_MARKET']),
  share: z.number().min(0).max(1),
  limit: z.number().min(0).max(1),
});
export type TrainingWarning = Readonly<z.infer<typeof trainingWarningSchema>>;

/** For a person: what is missing, what follows, and the next step. */
export function warningText({ code, share, limit }: TrainingWarning): string {
  const market = code === 'NO_BULL_MARKET' ? 'rising' : 'falling';
  return `${code}: ${(100 * share).toFixed(1)} % of the bars to learn from are of a ${market} market (below ${100 * limit} %), so its answers in one are not learned. Give a longer period.`;
}
