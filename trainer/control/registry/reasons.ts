import type { GateResult } from '../../learning/criteria/criteria.ts';

/** The failed gates of a bundle, for registry, runs and people: `ai1 auc 0.5012 (at least 0.52 on the holdout)`. */
export function reasonsOf(gates: readonly GateResult[]): string[] {
  return gates.filter(({ passed }) => !passed).map(({ name, seen, limit }) => `${name} ${seen} (${limit})`);
}
