import * as z from 'zod';
import { rolloutSchema } from '../../../shared/bundle/rollout.ts';
import { VERSION } from '../../../shared/bundle/bundle.ts';
import { overrideShape } from './override.ts';
import { ADMISSION_ERRORS, BODY_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

/** Excludes the assignment key, which is secret. */
const shownRollout = rolloutSchema.omit({ key: true }).meta({ id: 'Rollout' });

export const lookSchema = z
  .object({
    evidence: z
      .object({
        labels: z.int().describe('Matured labels'),
        benefit: z.number().describe('E-value that the challenger scores better, now'),
        harm: z.number().describe('E-value that it scores worse: the greatest so far; aborted at 20'),
        loss_bps: z.number().describe('Behind the champion'),
      })
      .nullable()
      .describe('null before the first evaluation'),
    next: z.string().describe('The next step'),
    blocked: z.array(z.string()).describe('Its conditions that are not met'),
  })
  .meta({ id: 'RolloutLook' });

/** Routes of `api/routes/rollout.ts`. */
export const rolloutRoutes = routes({
  'GET /api/ml/rollout': {
    role: 'viewer',
    tags: ['models'],
    summary: 'The newest rollout, and its last evaluation while it is active',
    response: { 200: z.object({ rollout: shownRollout.nullable(), look: lookSchema.nullable() }) },
  },
  'POST /api/ml/rollout': {
    role: 'approver',
    errors: [...ADMISSION_ERRORS, 'ROLLOUT_STATE', ...BODY_ERRORS],
    tags: ['models'],
    summary: 'Verify a bundle, refuse failed or unknown gates, and start its rollout',
    body: z.strictObject({
      model_name: z
        .string()
        .max(60)
        .regex(VERSION)
        .describe('The challenger: models of pairs, a direction model, or a rule'),
      ...overrideShape,
    }),
    response: { 200: z.object({ rollout: shownRollout.nullable() }) },
  },
  'POST /api/ml/rollout/abort': {
    role: 'operator',
    errors: ['ROLLOUT_STATE', ...BODY_ERRORS],
    tags: ['models'],
    summary: 'Abort the active rollout; the champion answers from the next bar on',
    body: z.strictObject({ reason: z.string().min(1).max(200) }),
    response: { 200: z.object({ rollout: shownRollout.nullable() }) },
  },
});
