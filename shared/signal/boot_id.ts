/** The id of a process that began at this time: sorts as text like the times it is made of. */
export function bootIdAt(startedMs: number): string {
  return new Date(startedMs).toISOString().replace(/[-:.]/g, '');
}
