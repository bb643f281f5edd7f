import { createHash } from 'node:crypto';
import type { CorePolicy, DecisionPolicy } from './schema.ts';

/** JSON with the keys of every object in code-unit order and without spaces: equal values have equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const record = value as Record<string, unknown>;
  const fields = Object.keys(record)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key])}`);
  return `{${fields.join(',')}}`;
}

/**
 * Sixteen hex digits of SHA-256 over what steers decisions: the values of core_policy.yaml and the decision section
 * of minutehand.yaml. Labels, comments and the order of keys do not count.
 */
export function policyHash(core: CorePolicy, decision: DecisionPolicy): string {
  return createHash('sha256').update(canonicalJson({ core, decision })).digest('hex').slice(0, 16);
}
