/** A value below a changed key; undefined where there is none. */
export interface Difference {
  /** `core.theta_search_range.theta1` */
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Values by key of the configuration. */
type Values = Readonly<Record<string, unknown>>;

/** What a change of the configuration changes: of each of its keys, the figures that differ. */
export function changedFigures({
  changes,
  before,
}: {
  readonly changes: Values;
  readonly before: Values;
}): Difference[] {
  return Object.entries(changes).flatMap(([key, value]) => differences(key, before[key], value));
}

/** What differs between two values of a key: by key of objects, lists as a whole. */
export function differences(key: string, before: unknown, after: unknown): Difference[] {
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => differences(`${key}.${name}`, before[name], after[name]));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ key, before, after }];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
