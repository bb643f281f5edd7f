/** The name of the source that reads an auxiliary series: as a formula writes it. */
export function seriesSource(series: string): string {
  return `series("${series}")`;
}

/** Of a leg of a pair: `a.series("funding_rate")`. */
export function legSeriesSource(leg: 'a' | 'b', series: string): string {
  return `${leg}.${seriesSource(series)}`;
}

export function isSeriesSource(source: string): boolean {
  return /^(?:[ab]\.)?series\("/.test(source);
}

/** What a source reads of a leg; null for any other source. */
export function parseLegSeries(source: string): { readonly leg: 'a' | 'b'; readonly series: string } | null {
  const match = /^([ab])\.series\("(.*)"\)$/.exec(source);
  return match === null ? null : { leg: match[1] as 'a' | 'b', series: match[2]! };
}
