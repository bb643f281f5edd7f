/**
 * Vitest's global set-up: programs that tests start are in dist/, so it is rebuilt before the first test if the sources
 * are newer. Otherwise it costs one stat of every source file.
 */
export default async function setup(): Promise<void> {
  const path = '../bin/dist.mjs';
  const { ensureBuilt } = (await import(path)) as { ensureBuilt(): Promise<boolean> };
  await ensureBuilt();
}
