import { CompiledQuery } from 'kysely';
import { flatName } from '../../store/schema/table.ts';
import type { Store } from '../../store/store.ts';

/** Values of core_policy.yaml joined to each signal, as JSON. */
const KEYS = ['theta1_initial', 'theta2_initial', 'leverage_reduction_rate'] as const;

/** Name of the view over a table of signals. */
export function policyView(history: string): string {
  return `${history}_policy`;
}

/**
 * `<history>_policy`: every stored signal with the θ1, θ2 and rate that applied to it, joined by policy_hash with the
 * recorded configuration (`audit.config_changes`). Equal hashes have equal values of core_policy.yaml, so the last
 * value of a key at or before the newest row of a hash applies to all signals with the hash. Values that were never
 * recorded are null.
 */
export async function makePolicyView({ kind, db }: Store, history: string): Promise<void> {
  const nameOf = (table: string): string => (kind === 'sqlite' ? flatName(table) : table);
  const changes = nameOf('audit.config_changes');
  const values = KEYS.map(
    (key) =>
      `(SELECT c."after" FROM ${changes} c WHERE c.part = 'core' AND c."key" = '${key}' AND c.change_id <= n.change_id
        ORDER BY c.change_id DESC LIMIT 1) AS policy_${key}`,
  );
  const own = ['market', 'generated_at_ms', 'pair_id', 'boot_id', 'seq', 'signal_id', 'action', 'reason', 'bar_close'];
  const applied = ['model_version', 'policy_hash', 'theta1', 'theta2', 'position_scale', 'leverage_reduction_rate'];
  const columns = [
    ...[...own, ...applied].map((name) => `s.${name}`),
    'p.policy_noted_at',
    ...KEYS.map((key) => `p.policy_${key}`),
  ];
  const text = `CREATE VIEW ${nameOf(policyView(history))} AS
    WITH noted AS (
      SELECT policy_hash, max(change_id) AS change_id FROM ${changes} WHERE policy_hash IS NOT NULL GROUP BY policy_hash),
    policies AS (
      SELECT n.policy_hash, ${values.join(', ')},
        (SELECT c.changed_at FROM ${changes} c WHERE c.change_id = n.change_id) AS policy_noted_at
      FROM noted n)
    SELECT ${columns.join(', ')} FROM ${nameOf(history)} s LEFT JOIN policies p ON p.policy_hash = s.policy_hash`;
  const make = async (): Promise<void> => {
    if (kind === 'sqlite') {
      await db.executeQuery(CompiledQuery.raw(text.replace('CREATE VIEW', 'CREATE VIEW IF NOT EXISTS')));
    } else await db.executeQuery(CompiledQuery.raw(text.replace('CREATE VIEW', 'CREATE OR REPLACE VIEW')));
  };
  // As for tables: if two processes create it at once, PostgreSQL fails one of them.
  await make().catch(make);
}
