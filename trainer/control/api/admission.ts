import type * as z from 'zod';
import type { FastifyRequest } from 'fastify';
import { promotionFence } from '../registry/promotion_fence.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { AdmissionPlace, Override } from '../../../shared/bundle/admission/admission.ts';
import { overrideReason, READABLE_REASON } from '../../../shared/bundle/admission/override_reason.ts';
import { registryOf } from '../registry/registry.ts';
import type { overrideSchema } from '../schema/override.ts';
import type { ApiContext } from './context.ts';

/** Of a request without a body. */
export const NO_OVERRIDE = { despite_gates: false, reason: '' } as const;

/** @returns null without `despite_gates`. @throws MinutehandError REQUEST_INVALID */
export function overrideOf(
  { despite_gates, reason }: z.infer<typeof overrideSchema>,
  { identity }: Pick<FastifyRequest, 'identity'>,
): Override | null {
  if (despite_gates !== (reason !== ''))
    throw new MinutehandError('REQUEST_INVALID', {
      seen: despite_gates ? 'despite_gates without a reason' : 'a reason without despite_gates',
    });
  if (!despite_gates) return null;
  const checked = overrideReason(reason);
  if ('wrong' in checked)
    throw new MinutehandError('REQUEST_INVALID', { seen: checked.wrong, expected: READABLE_REASON });
  return { reason: checked.reason, by: identity?.name ?? '' };
}

export function admissionPlaceOf({ settings, paths, store }: ApiContext): AdmissionPlace {
  return {
    settings,
    paths,
    registered: async (version, shelf) => registryOf(await store(), paths, shelf).verdictsOf(version),
    promotionFence: async (market, present) => promotionFence(await store(), paths, { market, present }),
  };
}
