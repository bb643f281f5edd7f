import { describeError, MinutehandError } from '../../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../../shared/files.ts';
import { trainerMarksOf } from '../../../../shared/bundle/pointer_marks.ts';
import { shadowPointer } from '../../../../shared/bundle/shadow_pointer.ts';
import { endShadow, setShadow } from '../../../../shared/bundle/admission/activation.ts';
import { admit } from '../../../../shared/bundle/admission/admission.ts';
import { registriesOf, type Registry } from '../../registry/registry.ts';
import { admissionPlaceOf } from '../admission.ts';
import type { Api, ApiContext } from '../context.ts';
import { loadModels } from '../load_models.ts';
import { slotPointers } from '../../../../shared/bundle/shelves/slot_pointers.ts';
import type { ShelfName } from '../../../../shared/strategies/registry.ts';
import { folderOfVersion, shelfOfVersion } from '../../../../shared/bundle/shelves/registry.ts';
import { modelWriteRoutes } from '../../schema/models.ts';
import { whenUnlocked } from '../../../../shared/process/home_lock.ts';
import { isRuleSlot } from '../../../../shared/subject/slot.ts';
import { slotOfTimeframe, targetIn, timeframeOfSlot } from '../../../../shared/subject/written_names.ts';
import { folderOf } from '../../../../shared/bundle/slot_files.ts';

/**
 * `POST /api/ml/models/{model_name}/load`, `DELETE /api/ml/models/{model_id}`, `POST /api/ml/models/cleanup`, `PUT
 * /api/ml/shadow`.
 */
export function addModelWriteRoutes(api: Api, context: ApiContext): void {
  const { paths } = context;

  api.route({
    ...modelWriteRoutes['POST /api/ml/models/{model_name}/load'],
    handler(request) {
      const { model_name: name } = request.params;
      const shelf = shelfOfVersion(paths.models, name);
      return loadModels(context, shelf, name, request);
    },
  });

  api.route({
    ...modelWriteRoutes['PUT /api/ml/shadow'],
    async handler(request) {
      const { model_name: name, timeframe = null } = request.body;
      request.written = { target: name ?? timeframe ?? 'none' };
      const asked = slotOfTimeframe(timeframe);
      // Without a timeframe the version alone tells where it is.
      const folderOfShadow = (version: string): string =>
        asked === 'pairs' ? folderOfVersion(paths.models, version) : folderOf(asked, version, paths.models);
      const folder = name === null ? null : folderOfShadow(name);
      const admitted = folder === null ? null : await admit(admissionPlaceOf(context), { door: 'shadow', folder });
      const slot = admitted === null ? asked : admitted.slot;
      if (isRuleSlot(slot))
        throw new MinutehandError('MODEL_MISSING', {
          seen: `${name} is a rule`,
          expected: 'the version of a bundle of models',
          next: `POST /api/strategies/${name}/shadow lets it answer in shadow.`,
        });
      if (timeframe !== null && slot !== asked)
        throw new MinutehandError('MODEL_TIMEFRAME', {
          seen: `${name} is of ${timeframeOfSlot(slot) ?? 'pairs'}`,
          expected: timeframe,
        });
      const before = slotPointers(paths.models, slot);
      const target = targetIn(slot, name ?? timeframe ?? 'none');
      request.written = { target, before };
      const marks = trainerMarksOf(shadowPointer(slot), paths);
      await whenUnlocked(() =>
        admitted === null
          ? endShadow(slot, paths.models, MACHINE_FILES, marks)
          : setShadow(admitted, paths.models, MACHINE_FILES, marks),
      );
      const after = slotPointers(paths.models, slot);
      request.written = { target, before, after };
      return after;
    },
  });
  addRemovalRoutes(api, context);
}

/** The registry that knows a version: that of pairs where several do, or none. */
async function registryWith(version: string, registries: Readonly<Record<ShelfName, Registry>>): Promise<Registry> {
  for (const registry of Object.values(registries)) if ((await registry.find(version)) !== undefined) return registry;
  return registries.pairs;
}

function addRemovalRoutes(api: Api, { settings, paths, store }: ApiContext): void {
  api.route({
    ...modelWriteRoutes['DELETE /api/ml/models/{model_id}'],
    async handler(request) {
      const { model_id } = request.params;
      request.written = { target: model_id };
      // Its files may be damaged or gone: the registry knows what it was.
      const opened = await store();
      const owner = await registryWith(model_id, registriesOf(opened, paths));
      await owner.remove(model_id);
      return { removed: [model_id], failed: [] };
    },
  });

  api.route({
    ...modelWriteRoutes['POST /api/ml/models/cleanup'],
    async handler(request) {
      const opened = await store();
      const count = settings.retrain.model_version_retention;
      const removed: string[] = [];
      const failures: { readonly version: string; readonly error: unknown }[] = [];
      for (const registry of Object.values(registriesOf(opened, paths))) {
        const old = await registry.retain(count);
        removed.push(...old.removed);
        failures.push(...old.failed);
      }
      request.written = { target: 'models', before: removed };
      if (removed.length === 0 && failures.length > 0) throw failures[0]!.error;
      return { removed, failed: failures.map(({ version: of, error }) => ({ version: of, ...describeError(error) })) };
    },
  });
}
