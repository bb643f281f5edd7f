const UNITS: Readonly<Record<string, 'minute' | 'bar'>> = { session: 'minute', news: 'minute', age: 'bar' };

/** Unit of a condition that counts whole minutes or bars, which time alone changes. null: another number. */
export function conditionUnit(name: string): 'minute' | 'bar' | null {
  return UNITS[name] ?? null;
}
