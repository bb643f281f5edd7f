/** The name of the source that reads an auxiliary series: as a formula writes it. */
export function seriesSource(series: string): string {
  return `series("${series}")`;
}

export function isSeriesSource(source: string): boolean {
  return source.startsWith('series("');
}
