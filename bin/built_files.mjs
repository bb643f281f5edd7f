/**
 * Writes the files that a build makes beside dist/, from the sources: `bin/dist.mjs` starts it. A process of its own,
 * beside the bundler, because `npm start` would keep what it loads for as long as it runs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { builtFiles } from '../cli/docs/built_files.ts';
import { ROOT } from './project.mjs';

for (const [path, text] of Object.entries(builtFiles())) {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true });
  writeFileSync(join(ROOT, path), text);
}
