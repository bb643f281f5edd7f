import { join } from 'node:path';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../../../shared/bundle/model_set.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { ApiContext } from '../context.ts';

/** Verifies a bundle as the daemon does before a swap. @throws MinutehandError MODEL_* */
export async function verifyBundle(name: string, { settings, paths }: ApiContext): Promise<void> {
  const set = await loadModelSet(join(paths.models, name), featureSchema(settings.minutehand.windows), 1);
  await set.release();
  if (set.manifest.market === 'simulated' && settings.minutehand.market === 'live')
    throw new MinutehandError('MODEL_SIMULATED', { seen: name });
}
