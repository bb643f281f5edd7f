import { registeredShelf } from '../../../../shared/bundle/shelf_name.ts';
import * as z from 'zod';
import { VERSION } from '../../../../shared/bundle/bundle.ts';
import { readRollout, rolloutSchema } from '../../../../shared/bundle/rollout.ts';
import { admit } from '../../../../shared/bundle/admission/admission.ts';
import { registryOf } from '../../registry/registry.ts';
import { shadowPower } from '../../rollout/shadow_power.ts';
import type { RolloutState } from '../../rollout/watch.ts';
import { abortRollout, folderOfChallenger, startRollout } from '../../rollout/steps.ts';
import { admissionPlaceOf, overrideOf, overrideShape } from '../admission.ts';
import type { Api, ApiContext } from '../context.ts';
import { REFUSALS } from '../../schema/refusal.ts';

/** Excludes the assignment key, which is secret. */
const shownRollout = rolloutSchema.omit({ key: true }).meta({ id: 'Rollout' });
const answer = { 200: z.object({ rollout: shownRollout.nullable() }), ...REFUSALS };

const lookSchema = z
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

function lookOf(state: RolloutState | null): z.infer<typeof lookSchema> | null {
  if (state === null) return null;
  const { evidence, next, blocked } = state;
  return { evidence, next, blocked: [...blocked] };
}

/** `GET|POST /api/ml/rollout`, `POST /api/ml/rollout/abort`. */
export function addRolloutRoutes(api: Api, context: ApiContext): void {
  const { paths, settings, store } = context;

  api.route({
    method: 'GET',
    url: '/api/ml/rollout',
    config: { role: 'viewer' },
    schema: {
      tags: ['models'],
      summary: 'The newest rollout, and its last evaluation while it is active',
      response: {
        200: z.object({ rollout: shownRollout.nullable(), look: lookSchema.nullable() }),
        ...REFUSALS,
      },
    },
    handler: () => ({ rollout: readRollout(paths.models), look: lookOf(context.rollout.state()) }),
  });

  api.route({
    method: 'POST',
    url: '/api/ml/rollout',
    config: { role: 'approver' },
    schema: {
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
      response: answer,
    },
    async handler(request) {
      const { model_name: name } = request.body;
      request.written = { target: name };
      const override = overrideOf(request.body, request);
      const folder = folderOfChallenger(paths.models, name);
      const admitted = await admit(admissionPlaceOf(context), { door: 'rollout', folder, override });
      const shelf = registeredShelf({ ...admitted, instrument: admitted.rule });
      const registry = shelf === null ? null : registryOf(await store(), paths, shelf);
      await registry?.register(name);
      const place = { settings, paths };
      const rollout = startRollout(place, admitted, await shadowPower(place, admitted));
      await registry?.startRollout(rollout);
      const { id, despite_gates } = rollout;
      request.written = { target: name, after: { id, ...(despite_gates && { despite_gates }) } };
      return { rollout };
    },
  });

  api.route({
    method: 'POST',
    url: '/api/ml/rollout/abort',
    config: { role: 'operator' },
    schema: {
      tags: ['models'],
      summary: 'Abort the active rollout; the champion answers from the next bar on',
      body: z.strictObject({ reason: z.string().min(1).max(200) }),
      response: answer,
    },
    handler(request) {
      const { reason } = request.body;
      request.written = { target: 'rollout' };
      const rollout = abortRollout(paths, reason);
      request.written = { target: rollout.id, after: { status: rollout.status } };
      return { rollout };
    },
  });
}
