import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ERRORS } from '../shared/errors.ts';
import { packageRoot } from '../shared/root.ts';

const { peerDependencies, peerDependenciesMeta, dependencies, devDependencies } = JSON.parse(
  readFileSync(join(packageRoot(), 'package.json'), 'utf8'),
) as Record<string, Record<string, string | { readonly optional?: boolean }>>;

it.each([
  ['bullmq', 'FLEET_LIBRARY'],
  ['ccxt', 'COLLECT_LIBRARY'],
] as const)('%s is optional, and %s says how the pinned version is installed', (name, code) => {
  expect(peerDependenciesMeta![name]).toEqual({ optional: true });
  expect(dependencies).not.toHaveProperty(name);
  expect(ERRORS[code].next).toContain(` ${name}@${String(peerDependencies![name])}\``);
});

it('BullMQ is tested in the pinned version, which the guide names', () => {
  expect(devDependencies!['bullmq']).toBe(peerDependencies!['bullmq']);
  const guide = readFileSync(join(packageRoot(), 'docs', 'guides', 'FLEET.md'), 'utf8');
  expect(guide).toContain(`bullmq@${String(peerDependencies!['bullmq'])}`);
});
