import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '../../../../shared/bundle/bundle.ts';
import { directionFolder, liveInstrumentSchema } from '../../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../../shared/bundle/direction/direction_bundle.ts';
import { prepareDirection, type PreparedDirection } from '../../../../shared/bundle/direction/direction_model.ts';
import { SIGNATURE_FILE } from '../../../../shared/bundle/signature.ts';
import { describeError, MinutehandError } from '../../../../shared/errors.ts';
import { timeframeOf } from '../../../../shared/pair.ts';
import { loadModels } from '../load_models.ts';
import { directionPointers } from '../../../../shared/bundle/shelves/slot_pointers.ts';
import { shelfNamed } from '../../../../shared/bundle/shelves/registry.ts';
import type { Api, ApiContext } from '../context.ts';
import { pathInside } from '../../../../shared/path_name.ts';
import { directionModelRoutes } from '../../schema/direction_models.ts';
import { isThere } from '../../../../shared/files.ts';

/**
 * `GET /api/ml/direction-models`, `GET /api/ml/direction-models/{model_name}`, `POST …/verify` and `POST …/load`.
 */
export function addDirectionModelRoutes(api: Api, context: ApiContext): void {
  const { paths } = context;
  api.route({
    ...directionModelRoutes['GET /api/ml/direction-models'],
    handler: () => Promise.resolve({ models: listBundles(paths.models) }),
  });

  api.route({
    ...directionModelRoutes['GET /api/ml/direction-models/{model_name}'],
    handler({ params: { model_name } }) {
      const folder = pathInside(directionFolder(paths.models), model_name);
      const { golden: _golden, ...manifest } = readDirectionBundle(folder).manifest;
      const is_signed = isThere(join(folder, SIGNATURE_FILE));
      return Promise.resolve({ version: manifest.version, is_signed, manifest, card: cardOf(folder) });
    },
  });
  addWriteRoutes(api, context);
}

function addWriteRoutes(api: Api, context: ApiContext): void {
  const { paths } = context;
  api.route({
    ...directionModelRoutes['POST /api/ml/direction-models/{model_name}/verify'],
    async handler(request) {
      const { model_name } = request.params;
      request.written = { target: `direction ${model_name}` };
      const { check, scoring } = await verify(paths.models, model_name);
      const { engine, note } = scoring;
      return { version: model_name, rows: check.rows, largest_difference: check.largestDifference, engine, note };
    },
  });

  api.route({
    ...directionModelRoutes['POST /api/ml/direction-models/{model_name}/load'],
    handler: (request) => loadModels(context, shelfNamed('direction'), request.params.model_name, request),
  });
}

/** Verifies a bundle as a daemon does before activation. @throws MinutehandError MODEL_* */
async function verify(models: string, version: string): Promise<PreparedDirection> {
  const folder = pathInside(directionFolder(models), version);
  const { timeframe } = readDirectionBundle(folder).manifest;
  return prepareDirection(folder, liveInstrumentSchema(timeframe));
}

function listBundles(models: string) {
  const pointers = directionPointers(models);
  const isOneOf = (of: 'version' | 'previous' | 'shadow', version: string): boolean =>
    pointers.some((pointer) => pointer[of] === version);
  return versionsIn(directionFolder(models)).map((model_id) => ({
    model_id,
    ...summaryOf(pathInside(directionFolder(models), model_id)),
    is_active: isOneOf('version', model_id),
    is_previous: isOneOf('previous', model_id),
    is_shadow: isOneOf('shadow', model_id),
  }));
}

/** Newest first. */
function versionsIn(folder: string): string[] {
  if (!isThere(folder)) return [];
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .map(({ name }) => name)
    .filter((name) => VERSION.test(name))
    .sort()
    .reverse();
}

function summaryOf(folder: string) {
  try {
    const { timeframe, created, instruments, edge } = readDirectionBundle(folder).manifest;
    const with_edge = instruments.filter((symbol) => edge[symbol]?.no_edge === false);
    return { timeframe: timeframeOf(timeframe) as string, created, instruments, with_edge, error: null };
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
    return { timeframe: '', created: '', instruments: [], with_edge: [], error: describeError(error).code };
  }
}

/** Empty if the bundle has none: the card is not verified. */
function cardOf(folder: string): string {
  const path = join(folder, 'CARD.md');
  return isThere(path) ? readFileSync(path, 'utf8') : '';
}
