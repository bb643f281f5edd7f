import { didYouMean } from './spelling.ts';

/** Pairs by the name of their group. */
export type SubjectGroups = Readonly<Record<string, readonly string[]>>;

export interface GroupProblem {
  readonly group: string;
  /** Of the pair in its group. */
  readonly index: number;
  readonly text: string;
}

/** Pairs that are not configured, or in a group already. */
export function groupProblems(groups: SubjectGroups, pairs: readonly string[]): GroupProblem[] {
  const groupOf = new Map<string, string>();
  return Object.entries(groups).flatMap(([group, members]) =>
    members.flatMap((pair, index): GroupProblem[] => {
      const other = groupOf.get(pair);
      groupOf.set(pair, group);
      if (other !== undefined) return [{ group, index, text: `is "${pair}", which is in group ${other} already` }];
      if (pairs.includes(pair)) return [];
      return [{ group, index, text: `is "${pair}", which is not in pairs${didYouMean(pair, pairs)}` }];
    }),
  );
}
