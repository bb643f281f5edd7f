import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

it('every action of a workflow is named by its commit: a tag can be moved', () => {
  const folder = join(packageRoot(), '.github', 'workflows');
  const uses = readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => /^\s*(?:- )?uses:/.test(line)),
  );
  expect(uses.length).toBeGreaterThan(0);
  for (const line of uses) expect(line).toMatch(/uses: (?:\.\/|[\w./-]+@[0-9a-f]{40}(?:\s|$))/);
});
