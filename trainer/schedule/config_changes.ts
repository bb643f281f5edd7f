import type { Settings } from '../../shared/policy/policy.ts';
import type { Clock } from '../../shared/ports.ts';
import type { Store } from '../store/store.ts';

/** Values by part (`core`, `retrain` …) and key. */
export type ConfigValues = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The values of a configuration. Addresses may hold passwords, and do not affect models or signals. */
export function configValues({ core, retrain, signals, minutehand }: Settings): ConfigValues {
  const { transports: _transports, ...rest } = minutehand;
  return { core: { ...core }, retrain: { ...retrain }, signals: { ...signals }, minutehand: rest };
}

/**
 * Writes a row into `audit.config_changes` for every value that is another than the one written last, and for every key
 * that is new or gone.
 * @param policyHash of the configuration: what its signals carry
 * @returns how many rows were written
 */
export async function noteConfigChanges(
  { db }: Store,
  values: ConfigValues,
  clock: Clock,
  policyHash: string | null = null,
): Promise<number> {
  const parts = Object.keys(values);
  const rows = await db
    .selectFrom('audit.config_changes')
    .select(['part', 'key', 'after'])
    .where('part', 'in', parts)
    .orderBy('change_id')
    .execute();
  const last = new Map<string, Map<string, string | null>>(parts.map((part) => [part, new Map()]));
  for (const { part, key, after } of rows) last.get(part)!.set(key, after);
  const changed_at = new Date(clock.nowMs()).toISOString();
  const changes = parts.flatMap((part) => {
    const known = last.get(part)!;
    const keys = new Set([...known.keys(), ...Object.keys(values[part]!)]);
    return [...keys].flatMap((key) => {
      const value = values[part]![key];
      const [before, after] = [known.get(key) ?? null, value === undefined ? null : JSON.stringify(value)];
      return before === after ? [] : [{ changed_at, part, key, before, after, policy_hash: policyHash }];
    });
  });
  if (changes.length > 0) await db.insertInto('audit.config_changes').values(changes).execute();
  return changes.length;
}
