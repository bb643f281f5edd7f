import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../shared/root.ts';
import { apiClientTexts } from './api_client.ts';

it('the OpenAPI document and the types of its client are those of the schemas: `npm run docs` writes them', async () => {
  for (const [name, text] of Object.entries(await apiClientTexts()))
    expect(readFileSync(join(packageRoot(), 'dashboard', 'api', name), 'utf8') === text, name).toBe(true);
});
