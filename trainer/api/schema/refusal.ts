import { z } from 'zod';

export const refusalSchema = z
  .object({
    error: z.object({
      code: z.string().describe('Code of docs/reference/ERRORS.md'),
      message: z.string().describe('What was seen and expected'),
      next: z.string().describe('Next step'),
    }),
  })
  .meta({ id: 'Refusal', description: 'Every error' });

/** Responses that every guarded route may give. */
export const REFUSALS = {
  400: refusalSchema,
  401: refusalSchema,
  403: refusalSchema,
  404: refusalSchema,
  409: refusalSchema,
  413: refusalSchema,
  422: refusalSchema,
  429: refusalSchema,
  500: refusalSchema,
  503: refusalSchema,
} as const;
