/** The gates of a bundle in a list. Empty where all have passed. */
export function gatesLine(bundle: {
  readonly failed_gates: readonly string[];
  readonly missing_gates: readonly string[];
}): string {
  const part = (title: string, gates: readonly string[]): string =>
    gates.length === 0 ? '' : `; ${title}: ${gates.join(', ')}`;
  return part('failed', bundle.failed_gates) + part('without a verdict', bundle.missing_gates);
}
