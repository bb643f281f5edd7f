import { registeredShelf } from '../../../../shared/bundle/shelf_name.ts';
import * as z from 'zod';
import { readRollout } from '../../../../shared/bundle/rollout.ts';
import { admit } from '../../../../shared/bundle/admission/admission.ts';
import { registryOf } from '../../registry/registry.ts';
import { shadowPower } from '../../rollout/shadow_power.ts';
import type { RolloutState } from '../../rollout/watch.ts';
import { abortRollout, folderOfChallenger, startRollout } from '../../rollout/steps.ts';
import { admissionPlaceOf, overrideOf } from '../admission.ts';
import type { Api, ApiContext } from '../context.ts';
import { type lookSchema, rolloutRoutes } from '../../schema/rollout.ts';
import { whenUnlocked } from '../../../../shared/process/home_lock.ts';

function lookOf(state: RolloutState | null): z.infer<typeof lookSchema> | null {
  if (state === null) return null;
  const { evidence, next, blocked } = state;
  return { evidence, next, blocked: [...blocked] };
}

/** `GET|POST /api/ml/rollout`, `POST /api/ml/rollout/abort`. */
export function addRolloutRoutes(api: Api, context: ApiContext): void {
  const { paths, settings, store } = context;

  api.route({
    ...rolloutRoutes['GET /api/ml/rollout'],
    handler: () => ({ rollout: readRollout(paths.models), look: lookOf(context.rollout.state()) }),
  });

  api.route({
    ...rolloutRoutes['POST /api/ml/rollout'],
    async handler(request) {
      const { model_name: name } = request.body;
      request.written = { target: name };
      const override = overrideOf(request.body, request);
      const folder = folderOfChallenger(paths.models, name);
      const admitted = await admit(admissionPlaceOf(context), { door: 'rollout', folder, override });
      const shelf = registeredShelf(admitted.slot);
      const registry = shelf === null ? null : registryOf(await store(), paths, shelf);
      await registry?.register(name);
      const place = { settings, paths };
      const power = await shadowPower(place, admitted);
      const rollout = await whenUnlocked(() => startRollout(place, admitted, power));
      await registry?.startRollout(rollout);
      const { id, despite_gates } = rollout;
      request.written = { target: name, after: { id, ...(despite_gates && { despite_gates }) } };
      return { rollout };
    },
  });

  api.route({
    ...rolloutRoutes['POST /api/ml/rollout/abort'],
    async handler(request) {
      const { reason } = request.body;
      request.written = { target: 'rollout' };
      const rollout = await whenUnlocked(() => abortRollout(paths, reason));
      request.written = { target: rollout.id, after: { status: rollout.status } };
      return { rollout };
    },
  });
}
