/**
 * Runs test/golden/golden.ts from its sources on this Node: `bin/golden.mjs` starts it. Exit code 1: something differs.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createServer } from 'vite';
import { ROOT } from './project.mjs';

const { values } = parseArgs({
  options: {
    part: { type: 'string', multiple: true, default: [] },
    record: { type: 'boolean', default: false },
    dump: { type: 'string' },
    shown: { type: 'string', default: '3' },
    'keep-home': { type: 'boolean', default: false },
  },
});
// It only transforms modules: it serves nothing and watches nothing.
const server = await createServer({
  root: ROOT,
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, ws: false, hmr: false, watch: null },
  optimizeDeps: { noDiscovery: true },
});
try {
  const environment = /** @type {import('vite').RunnableDevEnvironment} */ (server.environments.ssr);
  const { keepOldHome, runGolden } = await environment.runner.import(join(ROOT, 'test', 'golden', 'golden.ts'));
  const print = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);
  const { part, record, dump = null, shown } = values;
  if (values['keep-home']) await keepOldHome(print);
  else process.exitCode = (await runGolden({ parts: part, record, dump, shown: Number(shown), print })) === 0 ? 0 : 1;
} catch (error) {
  // A part that does not exist, or a home that does.
  if (!(error instanceof RangeError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  await server.close();
}
