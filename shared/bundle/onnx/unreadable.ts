/** A construct of a graph that our own code does not compute. Its message says what was seen. */
export class Unreadable extends Error {}

/** @param seen what is said when it does not hold */
export function must(holds: boolean, seen: string): asserts holds {
  if (!holds) throw new Unreadable(seen);
}
