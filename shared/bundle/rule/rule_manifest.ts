import { MARKETS } from '../../signal/signal.ts';
import * as z from 'zod';
import { INSTRUMENT_ID } from '../../pair.ts';
import { STRATEGY_SCHEMA } from '../../policy/strategy_file.ts';
import { recordedGateSchema } from '../gates/gate_schema.ts';

export const RULE_FORMAT = 'minutehand.rule/1';
export const RULE_REPORT = 'report.json';

const metric = z.number().nullable();
const file = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().positive() });
const nonNegative = z.number().nonnegative();

/** How a rule came to be: a person wrote it, or it was the proposal of a search. */
export const RULE_ORIGINS = ['written', 'evolved'] as const;

/** A rule of one instrument with its verdicts. */
export const ruleManifestSchema = z.strictObject({
  format: z.literal(RULE_FORMAT),
  version: z.string(),
  created: z.iso.datetime(),
  git_commit: z.string().nullable(),
  /** Origin of the bars that it was judged on. */
  market: z.enum(MARKETS),
  /** `BTCUSDT@1h`: the one that it was judged for and may be served for. */
  instrument: z.string().regex(INSTRUMENT_ID),
  strategy: STRATEGY_SCHEMA,
  /** Of the hand-written features that its formulas may read. */
  feature_schema: z.string(),
  origin: z.enum(RULE_ORIGINS),
  /** Direction model whose probabilities its formulas read; absent: they read none. */
  direction: z.string().optional(),
  /** Rules that were evaluated until it was proposed; 1 of one that a person wrote. */
  trials: z.int().positive(),
  seed: z.string(),
  period: z.strictObject({ from: z.string(), holdout_from: z.string(), to: z.string() }),
  /** Of a fill. */
  costs: z.strictObject({ spread_bps: nonNegative, commission_bps: nonNegative, slippage_bps: nonNegative }),
  gates: z.array(recordedGateSchema),
  /** Of the holdout. */
  edge: z.strictObject({
    no_edge: z.boolean(),
    trades: z.int().nonnegative(),
    net_bps: metric,
    lower_net_bps: metric,
    p_value: metric,
  }),
  /** Number of the evaluation of the holdout, from 1: later ones show an edge less easily. */
  holdout_look: z.int().positive(),
  files: z.strictObject({ [RULE_REPORT]: file }),
});
export type RuleManifest = z.infer<typeof ruleManifestSchema>;
