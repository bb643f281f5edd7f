/** An entrant that shows an edge where the direction of every bar was drawn, so that nothing can be known. */
export interface PlaceboEarner {
  readonly entrant: string;
  /** Pairs or instruments of the edge. */
  readonly subjects: readonly string[];
}

/** An entrant of any league, and where its trades show an edge by the test of a bundle. */
export interface EntrantEdges {
  readonly name: string;
  readonly edges: readonly string[];
}

/**
 * Who earns on a placebo: a league with one of these is not to be trusted. Empty on the recorded market, where an edge
 * is no contradiction. Edges are those of all entrants together at an error rate of 5 %, so that one placebo league in
 * twenty has one by chance.
 */
export function earnersOnPlacebo(market: 'recorded' | 'coins', entrants: readonly EntrantEdges[]): PlaceboEarner[] {
  if (market === 'recorded') return [];
  return entrants.flatMap(({ name, edges }) => (edges.length === 0 ? [] : [{ entrant: name, subjects: edges }]));
}

/** The verdict in words; null: nobody earns on a placebo. */
export function placeboVerdict(earners: readonly PlaceboEarner[]): string | null {
  if (earners.length === 0) return null;
  const named = earners.map(({ entrant, subjects }) => `${entrant} (${subjects.join(', ')})`).join('; ');
  return `FAILED: on a market of coins nobody can earn, and these show an edge: ${named}. Do not trust this league.`;
}
