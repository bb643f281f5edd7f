import type { Edges } from './gate.ts';

export function claimedPairs(edge: Edges): string[] {
  return Object.keys(edge).filter((id) => edge[id]!.no_edge === false);
}
