import { createHash } from 'node:crypto';
import { withoutOpenLimits } from './exposure_limits.ts';
import type { CorePolicy, DecisionPolicy, MinutehandSettings } from './schema.ts';

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

/** Version of the arithmetic of decisions: 1 knew no swaps in the expected result, and logarithmic returns. */
export type DecisionRules = 1 | 2;
const NEWEST_RULES = 2;

/**
 * Sixteen hex digits of SHA-256 over what steers decisions: the values of core_policy.yaml, and of minutehand.yaml the
 * decision section and the costs in `symbols`, and from 2 on the version of the rules. Labels, comments and the order
 * of keys do not count.
 */
export function policyHash(
  core: CorePolicy,
  decision: DecisionPolicy,
  symbols: MinutehandSettings['symbols'],
  rules?: DecisionRules,
): string {
  return textHash(hashedText(core, decision, symbols, rules));
}

/** policy_hash of `hashedText`. */
export function textHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** The text that policy_hash is the hash of. */
export function hashedText(
  core: CorePolicy,
  decision: DecisionPolicy,
  symbols: MinutehandSettings['symbols'],
  rules: DecisionRules = NEWEST_RULES,
): string {
  return canonicalJson({ core: withoutOpenLimits(core), decision, symbols, ...(rules > 1 && { rules }) });
}
