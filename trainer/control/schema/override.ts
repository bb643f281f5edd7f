import * as z from 'zod';
import { MAX_REASON } from '../../../shared/bundle/admission/override_reason.ts';

/** Fields of a body that override failed gates. */
export const overrideShape = {
  despite_gates: z.boolean().default(false).describe('Although gates failed; needs a reason'),
  reason: z
    .string()
    .trim()
    .max(MAX_REASON)
    .default('')
    .describe('With despite_gates: why; recorded, and shown until replaced'),
};
export const overrideSchema = z.object(overrideShape);
