import type { FastifyRequest } from 'fastify';
import type * as z from 'zod';
import { activateAdmitted } from '../../../shared/bundle/admission/activation.ts';
import { admit } from '../../../shared/bundle/admission/admission.ts';
import type { BundleShelf } from '../../../shared/bundle/shelves/bundle_shelf.ts';
import { slotPointers, type SlotPointers } from '../../../shared/bundle/shelves/slot_pointers.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { followInMetadata } from '../registry/metadata_views.ts';
import { registryOf } from '../registry/registry.ts';
import type { overrideSchema } from '../schema/override.ts';
import { admissionPlaceOf, NO_OVERRIDE, overrideOf } from './admission.ts';
import type { ApiContext } from './context.ts';
import { whenUnlocked } from '../../../shared/process/home_lock.ts';
import { targetIn } from '../../../shared/subject/written_names.ts';

type OverrideBody = z.infer<typeof overrideSchema>;

/**
 * Makes a bundle the active one of its slot, behind the lock of all models, and tells the registry.
 * @param request its audit entry is completed
 * @throws MinutehandError as BundleShelf.check, admit and activateAdmitted
 */
export async function loadModels(
  context: ApiContext,
  shelf: BundleShelf,
  version: string,
  request: FastifyRequest & { body: OverrideBody | null | undefined },
): Promise<SlotPointers> {
  const { paths, store, log } = context;
  const override = overrideOf(request.body ?? NO_OVERRIDE, request);
  const folder = pathInside(shelf.folder(paths.models), version);
  // All slots of a shelf are named alike here: a bundle that cannot be read has none.
  const target = targetIn(shelf.places(paths.models)[0]!.slot, version);
  request.written = { target };
  const { slot } = shelf.check(folder, MACHINE_FILES);
  const before = slotPointers(paths.models, slot);
  request.written = { target, before };
  const isRollback = version === before.previous;
  const door = isRollback ? 'rollback' : 'promotion';
  const admitted = await admit(admissionPlaceOf(context), { door, folder, override });
  await whenUnlocked(() => activateAdmitted(admitted, paths));
  const after = slotPointers(paths.models, slot);
  const { despite } = admitted;
  request.written = { target, before, after: { ...after, ...(despite && { despite_gates: despite }) } };
  await registryOf(await store(), paths, shelf.name).mend(isRollback ? 'rolled_back' : 'promoted');
  followInMetadata(paths.models, (text) => log.warn(text));
  return after;
}
