const UNITS: Readonly<Record<string, 'minutes' | 'bars'>> = { session: 'minutes', news: 'minutes', age: 'bars' };

/** What the value of a condition counts: whole minutes or bars that pass by themselves. null: another number. */
export function conditionUnit(name: string): 'minutes' | 'bars' | null {
  return UNITS[name] ?? null;
}
