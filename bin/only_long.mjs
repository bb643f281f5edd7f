import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './project.mjs';

/**
 * Test files that `npm run test:long` runs and CI leaves out, for which its twenty minutes have no room: simulations of
 * error rates, whose code rarely changes, and chains of programs whose parts have tests of their own. Anywhere else
 * vitest runs them. Each is to come back when CI has become faster.
 * @type {readonly string[]}
 */
export const ONLY_LONG = JSON.parse(readFileSync(join(ROOT, 'test', 'only_long.json'), 'utf8'));
