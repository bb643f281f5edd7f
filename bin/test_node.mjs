#!/usr/bin/env node
/** `npm start`, the unit tests and the golden record with other versions of Node: `npm run test:node -- 22 24`. */
import { OTHER_NODES, testOnNode } from './node_runtime.mjs';
import { SetupError } from './project.mjs';
import { conclude } from './steps.mjs';
import { run } from './setup.mjs';

await run(async () => {
  const versions = process.argv.slice(2);
  const wrong = versions.filter((version) => !/^\d+(\.\d+){0,2}$/.test(version));
  if (wrong.length > 0)
    throw new SetupError(`not a version of Node: ${wrong.join(', ')}. Example: npm run test:node -- 22 24`);
  for (const version of versions.length > 0 ? versions : OTHER_NODES)
    await testOnNode(version, [['--project', 'unit'], ['test/golden/']]);
  return conclude();
});
