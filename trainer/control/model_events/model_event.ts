import type { Kysely } from 'kysely';
import { describeRejections, type Rejection } from '../../../shared/bundle/recorded_gates.ts';
import type { DirectionManifest } from '../../../shared/bundle/direction/direction_manifest.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES } from '../../../shared/core/features/feature.ts';
import { timeframeOf } from '../../../shared/pair.ts';
import type { ModelEventKind } from '../../store/record_tables.ts';
import type { Tables } from '../../store/tables.ts';

export const MODEL_EVENT_SCHEMA = 'minutehand.model_event/1';
/** Of direction bundles. */
export const DIRECTION_EVENT_SCHEMA = 'minutehand.direction_event/1';

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
 * @param key of the bundle in core.model_registry
 */
export async function recordModelEvent(tx: Kysely<Tables>, key: string, change: ModelChange): Promise<void> {
  const { kind, version, previous, at, rollout } = change;
  const row = await tx
    .selectFrom('core.model_registry')
    .select(['manifest', 'slot'])
    .where('version', '=', key)
    .executeTakeFirstOrThrow();
  const { earlier } = await tx
    .selectFrom('core.model_events')
    .select(({ fn }) => fn.countAll().as('earlier'))
    .where('event_key', 'like', `${key} active %`)
    .executeTakeFirstOrThrow();
  const keys = {
    rejected: `${key} rejected`,
    rollout_started: `${key} rollout ${rollout}`,
  } satisfies Partial<Record<ModelEventKind, string>>;
  const event_key = kind in keys ? keys[kind as keyof typeof keys] : `${key} active ${Number(earlier) + 1}`;
  const about =
    row.slot === 'pairs'
      ? aboutPairs(JSON.parse(row.manifest) as Manifest)
      : aboutDirection(JSON.parse(row.manifest) as DirectionManifest);
  const body = JSON.stringify(bodyOf(change, about));
  const values = { kind, version, previous_version: previous, happened_at: at, market: about.market };
  await tx
    .insertInto('core.model_events')
    .values({ ...values, event_key, body })
    .onConflict((conflict) => conflict.column('event_key').doNothing())
    .execute();
}

/** What an event tells about a bundle. */
interface AboutBundle {
  readonly schema: string;
  readonly market: Manifest['market'];
  readonly [figure: string]: unknown;
}

/** The event as sent, without its number. */
function bodyOf(
  { kind, version, previous, reasons, at, rollout }: ModelChange,
  { schema, ...about }: AboutBundle,
): object {
  return {
    schema,
    kind,
    version,
    previous_version: previous,
    happened_at: at,
    ...describeRejections(reasons),
    ...(rollout && { rollout }),
    ...about,
  };
}

function aboutPairs(manifest: Manifest): AboutBundle {
  const { market, created, period, seed, data_hash, feature_schema, pairs, theta1, theta2 } = manifest;
  const { engine, configuration = null, search = null, metrics, backtest = null, edge, gates = null } = manifest;
  return {
    schema: MODEL_EVENT_SCHEMA,
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

function aboutDirection(manifest: DirectionManifest): AboutBundle {
  const { market = 'live', created, period, data_hash, feature_schema, instruments, timeframe, strategy } = manifest;
  const { engine, label, balance, metrics, edge, gates = null } = manifest;
  return {
    schema: DIRECTION_EVENT_SCHEMA,
    market,
    created,
    period,
    data_hash,
    feature_schema,
    timeframe: timeframeOf(timeframe),
    instruments,
    strategy,
    parameters: { engine, label, balance },
    metrics: { direction: metrics, edge },
    gates,
  };
}
