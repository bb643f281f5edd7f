import * as z from 'zod';

const figures = z.object({
  entries: z.number().int().describe('Entries, or trades of the backtest'),
  net_bps: z
    .number()
    .describe('Sum of the results after costs, basis points of gross notional, position_scale applied'),
  mean_net_bps: z.number().nullable().describe('The same per trade'),
  win_rate: z.number().nullable(),
});
const compared = z.object({
  from: z.string(),
  to: z.string(),
  before: figures.nullable(),
  after: figures.nullable(),
  error: z.string().nullable().describe('Why it could not be computed'),
});

export const evidenceSchema = z
  .object({
    status: z.enum(['running', 'done', 'failed']),
    stage: z.string(),
    percent: z.number().int(),
    started_ms: z.number(),
    finished_ms: z.number().nullable(),
    error: z.string().nullable(),
    check: z.object({ ok: z.boolean(), policy_hash: z.string().nullable(), text: z.string() }).nullable(),
    backtest: compared.nullable().describe('Backtest of the active bundle on the last 30 days, before and after'),
    replay: compared.nullable().describe('The last 30 days of the journals once more, before and after'),
  })
  .meta({ id: 'ChangeEvidence', description: 'What a change would do' });

export type Evidence = z.infer<typeof evidenceSchema>;
export type EvidenceFigures = z.infer<typeof figures>;
export type ComparedFigures = z.infer<typeof compared>;
export type EvidenceResult = Pick<Evidence, 'check' | 'backtest' | 'replay'>;
