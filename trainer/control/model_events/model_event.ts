import type { Kysely } from 'kysely';
import { describeRejections, type FailedGate } from '../../../shared/bundle/recorded_gates.ts';
import type { AnnouncedBundle } from '../../../shared/bundle/shelves/bundle_shelf.ts';
import { shelfOfSlot } from '../../../shared/bundle/shelves/registry.ts';
import type { ModelEventKind } from '../../store/schema/models.ts';
import type { Tables } from '../../store/schema/schema.ts';

/** A change of a bundle's status. */
export interface ModelChange {
  readonly kind: ModelEventKind;
  readonly version: string;
  /** Previously active bundle. */
  readonly previous: string | null;
  /** Failed gates of a rejected bundle. */
  readonly reasons: readonly FailedGate[];
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
  const about = shelfOfSlot(row.slot).announced(JSON.parse(row.manifest));
  const body = JSON.stringify(bodyOf(change, about));
  const values = { kind, version, previous_version: previous, happened_at: at, market: about.market };
  await tx
    .insertInto('core.model_events')
    .values({ ...values, event_key, body })
    .onConflict((conflict) => conflict.column('event_key').doNothing())
    .execute();
}

/** The event as sent, without its number. */
function bodyOf(
  { kind, version, previous, reasons, at, rollout }: ModelChange,
  { schema, ...about }: AnnouncedBundle,
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
