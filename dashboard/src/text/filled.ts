const PLACEHOLDER = /\{(\w+)(?::([^|{}]+)\|([^|{}]+))?\}/g;

/**
 * A text with its values: `{name}` is the value, `{pairs:pair|pairs}` the value with its noun, whose first form is that
 * of one.
 */
export function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(PLACEHOLDER, (_, name: string, one: string | undefined, many: string | undefined) => {
    const value = String(values[name] ?? '');
    if (one === undefined || many === undefined) return value;
    return `${value} ${value === '1' ? one : many}`;
  });
}

/** Names of the values of a text, each as often as it is there. */
export function placeholdersOf(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, name]) => name!).sort();
}
