import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type * as z from 'zod';
import { readActive, readManifest } from '../../../../shared/bundle/bundle.ts';
import { SIGNATURE_FILE } from '../../../../shared/bundle/signature.ts';
import { registriesOf } from '../../registry/registry.ts';
import { directionPointers, slotPointers, type SlotPointers } from '../../../../shared/bundle/shelves/slot_pointers.ts';
import { shelfOfSlot, shelfOfVersion } from '../../../../shared/bundle/shelves/registry.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { renderCard } from '../../../learning/bundle/card.ts';
import { rolloutCard } from '../../rollout/rollout_card.ts';
import { readValidation } from '../../../learning/validate/read_validation.ts';
import type { RegisteredModels } from '../../registry/registry_rows.ts';
import type { ModelRegistryView } from '../../../store/schema/models.ts';
import type { Api, ApiContext } from '../context.ts';
import { pathInside } from '../../../../shared/path_name.ts';
import { modelRoutes, type modelSchema } from '../../schema/models.ts';

/** `GET /api/ml/models`, `GET /api/ml/models/current`, `GET /api/ml/models/{model_name}`. */
export function addModelRoutes(api: Api, { paths, store, clock }: ApiContext): void {
  api.route({
    ...modelRoutes['GET /api/ml/models'],
    async handler() {
      const opened = await store();
      const models: z.infer<typeof modelSchema>[] = [];
      for (const registry of Object.values(registriesOf(opened, paths))) {
        const rows = await registry.models();
        for (const bundle of await registry.list())
          models.push(modelOf(bundle, rows, slotPointers(paths.models, bundle.slot)));
      }
      // Stable: those of the same time stay in the registry's order, the newest first.
      models.reverse().sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
      return { models };
    },
  });

  api.route({
    ...modelRoutes['GET /api/ml/models/current'],
    async handler() {
      const { version = null, previous = null } = readActive(paths.models) ?? {};
      const { shadow } = slotPointers(paths.models, 'pairs');
      const direction_models = directionPointers(paths.models);
      if (version === null)
        return {
          ...{ version, previous, shadow, age_seconds: null, is_signed: null, manifest: null, card: null },
          direction_models,
        };
      const folder = pathInside(paths.models, version);
      const manifest = shownManifest(folder);
      return {
        version,
        previous,
        shadow,
        age_seconds: Math.round((clock.nowMs() - Date.parse(manifest.created)) / 1000),
        is_signed: existsSync(join(folder, SIGNATURE_FILE)),
        manifest,
        card: renderCard(readManifest(folder)) + rolloutCard(paths.models, version),
        direction_models,
      };
    },
  });

  api.route({
    ...modelRoutes['GET /api/ml/models/{model_name}'],
    async handler({ params: { model_name: version } }) {
      const shelf = shelfOfVersion(paths.models, version);
      if (shelf !== shelfOfSlot('pairs'))
        throw new MinutehandError('MODEL_MISSING', {
          seen: `${version} is a bundle of ${shelf.strategy}`,
          expected: 'the version of a bundle of pairs',
          next: `GET /api/ml/${shelf.name}-models/${version} or \`minutehand models show ${version}\` shows it.`,
        });
      const folder = pathInside(paths.models, version);
      const manifest = shownManifest(folder);
      return {
        version,
        is_signed: existsSync(join(folder, SIGNATURE_FILE)),
        manifest,
        card: renderCard(readManifest(folder)) + rolloutCard(paths.models, version),
        reliability: readReliability(folder),
      };
    },
  });
}

/** The manifest without golden answers. */
function shownManifest(folder: string) {
  const { golden: _golden, groups, ...manifest } = readManifest(folder);
  if (groups === undefined) return manifest;
  const shown = groups.map(({ own, ...group }) => {
    if (own === undefined) return group;
    const { theta1, theta2, metrics } = own;
    return { ...group, own: { theta1, theta2, metrics } };
  });
  return { ...manifest, groups: shown };
}

/** Reliability diagrams on the holdout, by model. */
function readReliability(folder: string) {
  const validation = readValidation(folder);
  const of = (name: 'ai1' | 'ai2') => (validation?.[name].holdout.calibration ?? []).map((bin) => ({ ...bin }));
  return { ai1: of('ai1'), ai2: of('ai2') };
}

function modelOf(
  bundle: RegisteredModels,
  models: readonly ModelRegistryView[],
  { version, previous, shadow, timeframe }: SlotPointers,
): z.infer<typeof modelSchema> {
  const { version: own, slot, previous_version: _previous, reasons, failed_gates, ...rest } = bundle;
  const { strategy } = shelfOfSlot(slot);
  return {
    ...rest,
    strategy,
    timeframe,
    model_id: own,
    model_name: own,
    is_active: own === version,
    is_previous: own === previous,
    is_shadow: own === shadow,
    reasons: [...reasons],
    failed_gates: [...failed_gates],
    models: models
      .filter(({ model_version }) => model_version === own)
      .map(({ model_type, train_period_start, train_period_end, theta1, theta2, metrics, notes }) => ({
        model_type,
        train_period_start,
        train_period_end,
        metrics,
        notes,
        theta1: theta1 === null ? null : Number(theta1),
        theta2: theta2 === null ? null : Number(theta2),
      })),
  };
}
