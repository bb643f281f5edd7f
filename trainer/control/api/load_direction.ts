import type { FastifyRequest } from 'fastify';
import type * as z from 'zod';
import { activateAdmitted } from '../../../shared/bundle/admission/activation.ts';
import { admit } from '../../../shared/bundle/admission/admission.ts';
import { directionFolder, readActiveDirection } from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import type { ActivePointer } from '../../../shared/bundle/pointer.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { timeframeOf, type Timeframe } from '../../../shared/pair.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { registryOf } from '../registry/registry.ts';
import { admissionPlaceOf, NO_OVERRIDE, overrideOf, overrideShape } from './admission.ts';
import type { ApiContext } from './context.ts';

type OverrideBody = z.infer<z.ZodObject<typeof overrideShape>>;

/** null without a pointer, or if it cannot be read. */
export function directionPointerOf(models: string, timeframe: Timeframe): ActivePointer | null {
  try {
    return readActiveDirection(models, timeframe);
  } catch (error) {
    if (error instanceof MinutehandError) return null;
    throw error;
  }
}

/**
 * Makes a direction bundle the active one of its timeframe, behind the lock of all models, and tells the registry.
 * @param request its audit entry is completed
 * @throws MinutehandError as admit and activateAdmitted
 */
export async function loadDirection(
  context: ApiContext,
  version: string,
  request: FastifyRequest & { body: OverrideBody | null | undefined },
): Promise<ActivePointer & { readonly timeframe: Timeframe }> {
  const { paths, store } = context;
  request.written = { target: `direction ${version}` };
  const override = overrideOf(request.body ?? NO_OVERRIDE, request);
  const folder = pathInside(directionFolder(paths.models), version);
  const timeframe = timeframeOf(readDirectionBundle(folder).manifest.timeframe);
  const before = directionPointerOf(paths.models, timeframe);
  const isRollback = version === before?.previous;
  const admitted = await admit(admissionPlaceOf(context), {
    door: isRollback ? 'rollback' : 'promotion',
    folder,
    override,
  });
  const after = { ...activateAdmitted(admitted, paths), timeframe };
  await registryOf(await store(), paths, 'direction').mend(isRollback ? 'rolled_back' : 'promoted');
  const { despite } = admitted;
  const written = { ...after, ...(despite && { despite_gates: despite }) };
  request.written = { target: `direction ${version}`, before, after: written };
  return after;
}
