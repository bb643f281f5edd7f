/**
 * Global set-up: programs that tests start run from dist/, so it is rebuilt before the first test if the sources are
 * newer. Otherwise this costs one stat per source file.
 */
export default async function setup(): Promise<void> {
  const path = '../bin/dist.mjs';
  const { ensureBuilt } = (await import(path)) as { ensureBuilt(): Promise<boolean> };
  await ensureBuilt();
}
