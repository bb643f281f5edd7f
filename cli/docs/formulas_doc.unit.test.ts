import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../shared/root.ts';
import { renderFormulasDoc } from './formulas_doc.ts';

it('docs/reference/FORMULAS.md, written by `npm run docs`, matches the operators', () => {
  const written = readFileSync(join(packageRoot(), 'docs', 'reference', 'FORMULAS.md'), 'utf8');
  expect(written).toBe(renderFormulasDoc());
  expect(written).toContain('|`rsi(x = close, n)`|');
  expect(written).toContain('|2 … 8191|8n + 1|');
});
