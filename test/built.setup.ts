/**
 * Vitest's global set-up: programs that tests start come from dist/, so it is brought up to date with the sources
 * before the first test. Costs one look at every source file when it is.
 */
export default async function setup(): Promise<void> {
  const path = '../bin/dist.mjs';
  const { ensureBuilt } = (await import(path)) as { ensureBuilt(): Promise<boolean> };
  await ensureBuilt();
}
