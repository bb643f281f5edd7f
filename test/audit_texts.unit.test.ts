import { expect, it } from 'vitest';
import { AUDITED_COMMANDS } from '../cli/audited_commands.ts';
import { EN } from '../dashboard/src/text/en.ts';

it('the Audit page has words for every audited command, and for every route of the API that writes', async () => {
  const { paths } = (await import('../dashboard/api/openapi.json', { with: { type: 'json' } })).default;
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => method !== 'get')
      .map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  );
  expect(routes.length).toBeGreaterThan(20);
  expect([...AUDITED_COMMANDS, ...routes].filter((action) => !(`act.${action}` in EN))).toEqual([]);
});
