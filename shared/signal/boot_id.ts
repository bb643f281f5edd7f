/** The id of a process that began at this time: sorts as text in order of time. */
export function bootIdAt(startedMs: number): string {
  return new Date(startedMs).toISOString().replace(/[-:.]/g, '');
}
