import type { Kysely } from 'kysely';
import { describeRejections, type Rejection } from '../../../shared/bundle/recorded_gates.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES } from '../../../shared/core/features/feature.ts';
import type { ModelEventKind } from '../../store/record_tables.ts';
import type { Tables } from '../../store/tables.ts';

export const MODEL_EVENT_SCHEMA = 'minutehand.model_event/1';

/** A change of a bundle's status. */
export interface ModelChange {
  readonly kind: ModelEventKind;
  readonly version: string;
  /** Previously active bundle. */
  readonly previous: string | null;
  /** Failed gates of a rejected bundle. */
  readonly reasons: readonly Rejection[];
  /** ISO 8601 in UTC. */
  readonly at: string;
  /** Id of the rollout that started. */
  readonly rollout?: string;
}

/**
 * Writes the event of a change in the change's transaction `tx`; the trainer sends it after the commit. A repeated
 * change writes nothing.
 */
export async function recordModelEvent(tx: Kysely<Tables>, change: ModelChange): Promise<void> {
  const { kind, version, previous, at, rollout } = change;
  const row = await tx
    .selectFrom('core.model_registry')
    .select('manifest')
    .where('version', '=', version)
    .executeTakeFirstOrThrow();
  const manifest = JSON.parse(row.manifest) as Manifest;
  const { earlier } = await tx
    .selectFrom('core.model_events')
    .select(({ fn }) => fn.countAll().as('earlier'))
    .where('version', '=', version)
    .where('kind', 'not in', ['rejected', 'rollout_started'])
    .executeTakeFirstOrThrow();
  const keys = {
    rejected: `${version} rejected`,
    rollout_started: `${version} rollout ${rollout}`,
  } satisfies Partial<Record<ModelEventKind, string>>;
  const event_key = kind in keys ? keys[kind as keyof typeof keys] : `${version} active ${Number(earlier) + 1}`;
  const body = JSON.stringify(bodyOf(change, manifest));
  const values = { kind, version, previous_version: previous, happened_at: at, market: manifest.market };
  await tx
    .insertInto('core.model_events')
    .values({ ...values, event_key, body })
    .onConflict((conflict) => conflict.column('event_key').doNothing())
    .execute();
}

/** The event as sent, without its number. */
function bodyOf({ kind, version, previous, reasons, at, rollout }: ModelChange, manifest: Manifest): object {
  const { market, created, period, seed, data_hash, feature_schema, pairs, theta1, theta2 } = manifest;
  const { engine, configuration = null, search = null, metrics, backtest = null, edge, gates = null } = manifest;
  return {
    schema: MODEL_EVENT_SCHEMA,
    kind,
    version,
    previous_version: previous,
    happened_at: at,
    ...describeRejections(reasons),
    ...(rollout && { rollout }),
    market,
    created,
    period,
    seed,
    data_hash,
    feature_schema,
    pairs,
    theta1,
    theta2,
    parameters: {
      engine,
      configuration,
      search: Object.fromEntries(MODEL_NAMES.map((name) => [name, search?.[name]?.best_parameters ?? null])),
    },
    metrics: { ...Object.fromEntries(MODEL_NAMES.map((name) => [name, metrics[name].holdout])), backtest, edge },
    gates,
  };
}
