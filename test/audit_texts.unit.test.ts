import { expect, it } from 'vitest';
import { AUDITED_COMMANDS } from '../cli/audited_commands.ts';
import { EN } from '../dashboard/src/text/en.ts';
import { ROUTES } from '../trainer/control/schema/table.ts';

it('the Audit page has words for every audited command, and for every route of the API that writes', () => {
  const routes = Object.values(ROUTES)
    .filter(({ method }) => method !== 'GET')
    .map(({ method, url }) => `${method} ${url}`);
  expect(routes.length).toBeGreaterThan(20);
  expect([...AUDITED_COMMANDS, ...routes].filter((action) => !(`act.${action}` in EN))).toEqual([]);
});
