import * as z from 'zod';
import { failedGateSchema } from '../../../shared/bundle/gates/gate_schema.ts';

const refusalSchema = z
  .object({
    error: z.object({
      code: z.string().describe('Code of docs/reference/ERRORS.md'),
      message: z.string().describe('What was seen and expected'),
      next: z.string().describe('Next step'),
      gates: z.array(failedGateSchema).optional().describe('Of MODEL_GATES: the failed gates'),
    }),
  })
  .meta({ id: 'Refusal', description: 'Every error' });

/** Error responses of every guarded route. */
export const REFUSALS = { '4xx': refusalSchema, '5xx': refusalSchema } as const;
