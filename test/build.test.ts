import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

/** The references that a simulated world and the bench compare with are parts of those programs. */
const REFERENCES = ['shared/core/decide/decide.oracle.js', 'shared/core/features/features.oracle.js'];

it('the build holds no test, no fixture and no oracle but those that sim and bench use', () => {
  const compiled = readdirSync(join(packageRoot(), 'dist'), { recursive: true, encoding: 'utf8' });
  const testKits = compiled.filter((path) => /\.(test|fixture|oracle)\.js$/.test(path));
  expect(testKits.map((path) => path.split(sep).join('/')).sort()).toEqual(REFERENCES);
});
