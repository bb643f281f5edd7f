import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../root.ts';
import { allDeliveredValues, deliveredCosts, deliveredValues } from './delivered.ts';
import { CONFIG_FILES, policyKeys, type ConfigPart } from './schema.ts';

const fileOf = (part: ConfigPart) =>
  parse(readFileSync(join(packageRoot(), 'config', CONFIG_FILES[part]), 'utf8')) as Record<string, unknown>;

it.each(['core', 'retrain', 'signals'] as const)('delivered values of %s are those of its file in config/', (part) => {
  const file = fileOf(part) as Record<string, { readonly value: unknown }>;
  // As text: a reset proposes what differs in it, such as the order of the keys of a value.
  const values = Object.entries(file).map(([key, { value }]): [string, string] => [key, JSON.stringify(value)]);
  const delivered = Object.entries(allDeliveredValues(part)).map(([key, value]) => [key, JSON.stringify(value)]);
  expect(Object.fromEntries(delivered)).toEqual(Object.fromEntries(values));
  expect(Object.keys(allDeliveredValues(part)).sort()).toEqual([...policyKeys(part)].sort());
});

it('delivered costs are those of config/minutehand.yaml, which has no other delivered values', () => {
  expect(JSON.stringify(deliveredCosts())).toBe(JSON.stringify(fileOf('minutehand')['symbols']));
  expect(allDeliveredValues('minutehand')).toEqual({});
});

it('gives the values of the keys that are asked for, as copies that may be changed', () => {
  const given = deliveredValues('core', ['theta_search_range']) as { theta_search_range: { theta1: number[] } };
  given.theta_search_range.theta1[0] = 0.1;
  expect(deliveredValues('core', ['theta_search_range'])).toEqual({
    theta_search_range: { theta1: [0.6, 0.85], theta2: [0.2, 0.45] },
  });
  expect(deliveredValues('core', [])).toEqual({});
});
