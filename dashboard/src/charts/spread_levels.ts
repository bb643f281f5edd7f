/** Levels of the decision, in standard deviations; null or absent: not known. */
export interface SpreadLevels {
  readonly z_entry?: number | null;
  readonly z_exit?: number | null;
  readonly z_stop?: number | null;
}

const USUAL_ENTRY = 2;

/** Band and lines of a chart of z: entry, exit and stop on both sides of the mean. */
export function spreadLevels(levels: SpreadLevels | null | undefined) {
  const entry = levels?.z_entry ?? USUAL_ENTRY;
  const both = (value: number | null | undefined, tone: string) =>
    value == null ? [] : (value === 0 ? [0] : [value, -value]).map((one) => ({ value: one, tone }));
  return {
    band: { from: -entry, to: entry },
    lines: [
      { value: 0, tone: 'muted' },
      ...both(levels?.z_exit, 'green'),
      ...both(entry, 'amber'),
      ...both(levels?.z_stop, 'red'),
    ],
  };
}
