#!/usr/bin/env node
/**
 * `npm run engine`: the server engine of production, uWebSockets.js, where a build of it loads. In a released package
 * it is `node bin/engine.mjs`; `minutehand service install` runs it too.
 */
import { ENGINE_FOLDER, ensureEngine } from './engine/install.mjs';
import { ENGINE, engineMisfit, thisRuntime } from './engine/keep_build.mjs';
import { SetupError, print } from './project.mjs';
import { run } from './setup.mjs';

const HELP = `Usage: npm run engine

Installs the server engine of production, uWebSockets.js: downloads ${ENGINE} (41 MB), whose version
and content bin/engine/package-lock.json fixes, and keeps its build for this Node (7 MB) in bin/engine/node_modules.
Where no build of it loads, this says why, and changes nothing. Without it the daemon's server is ws.
`;

await run(async () => {
  if (process.argv.includes('--help')) {
    print(HELP);
    return 0;
  }
  const misfit = engineMisfit(thisRuntime());
  if (misfit !== null)
    throw new SetupError(`uWebSockets.js was not installed: ${misfit}. The daemon's server is ws instead.`);
  const isNew = await ensureEngine(ENGINE_FOLDER);
  print(
    isNew ? 'uWebSockets.js is installed: daemons serve with it from their next start.' : 'uWebSockets.js is there.',
  );
  return 0;
});
