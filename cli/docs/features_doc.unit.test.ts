import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../shared/root.ts';
import { DEFAULT } from '../../shared/core/features/features.fixture.ts';
import { renderFeaturesDoc } from './features_doc.ts';

it('docs/reference/FEATURES.md, written by `npm run docs`, matches the descriptions of the features', () => {
  expect(renderFeaturesDoc(DEFAULT)).toBe(
    readFileSync(join(packageRoot(), 'docs', 'reference', 'FEATURES.md'), 'utf8'),
  );
});
