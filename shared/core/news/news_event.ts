/** How much an event moves prices, by its publisher: 1 low, 2 medium, 3 high. */
export const IMPORTANCES = ['low', 'medium', 'high'] as const;
export type Importance = (typeof IMPORTANCES)[number];

/** A scheduled event of the economic calendar, as it was known in a span of time. Times are epoch seconds, UTC. */
export interface NewsEvent {
  /** When it takes place. */
  readonly time: number;
  /** ISO 4217: `USD`. */
  readonly currency: string;
  readonly importance: Importance;
  readonly name: string;
  /** From when on it was known to take place then; 0 = always: it comes from a file without such times. */
  readonly knownFrom: number;
  /** When it was called off or moved; null = it was not. */
  readonly knownUntil: number | null;
}

/** Whether an event is at least this important. */
export function isAtLeast(importance: Importance, least: Importance): boolean {
  return IMPORTANCES.indexOf(importance) >= IMPORTANCES.indexOf(least);
}
