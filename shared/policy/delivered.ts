import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../root.ts';
import { CONFIG_FILES, policyKeys, type ConfigPart } from './schema.ts';
import { readYamlFile } from './yaml_file.ts';

/** Path of a part's JSON Schema, which has the delivered values of its policy as `default`. */
function schemaFile(part: ConfigPart): string {
  return join(packageRoot(), 'config', 'schema', CONFIG_FILES[part].replace(/\.yaml$/, '.schema.json'));
}

interface PolicySchema {
  readonly properties: Readonly<
    Record<string, { readonly properties: { readonly value: { readonly default?: unknown } } }>
  >;
}

/** The values that minutehand is delivered with, for the keys that a policy file lacks. */
export function deliveredValues(part: ConfigPart, keys: readonly string[]): Record<string, unknown> {
  if (keys.length === 0) return {};
  const { properties } = JSON.parse(readFileSync(schemaFile(part), 'utf8')) as PolicySchema;
  return Object.fromEntries(keys.map((key) => [key, properties[key]!.properties.value.default]));
}

/** The values of the policy file of the checkout, from which the schemas are generated. */
export function packagedValues(part: ConfigPart): Record<string, unknown> {
  const entries = packagedFile(part) as Record<string, { readonly value?: unknown } | undefined>;
  return Object.fromEntries(policyKeys(part).map((key) => [key, entries[key]?.value]));
}

/** All values of a policy file, as released: whatever a person has made of the files. */
export function allDeliveredValues(part: ConfigPart): Record<string, unknown> {
  return deliveredValues(part, policyKeys(part));
}

/** The costs by symbol, as released: whatever a person has made of minutehand.yaml. */
export function deliveredCosts(): Readonly<Record<string, unknown>> {
  const { properties } = JSON.parse(readFileSync(schemaFile('minutehand'), 'utf8')) as {
    readonly properties: { readonly symbols: { readonly default: Readonly<Record<string, unknown>> } };
  };
  return properties.symbols.default;
}

/** The costs by symbol of the delivered minutehand.yaml itself, from which its schema is generated. */
export function packagedCosts(): Readonly<Record<string, unknown>> {
  return (packagedFile('minutehand') as { readonly symbols: Record<string, unknown> }).symbols;
}

/** A delivered configuration file; empty when it is not there. */
function packagedFile(part: ConfigPart): object {
  const read = readYamlFile(join(packageRoot(), 'config', CONFIG_FILES[part]));
  return 'problems' in read ? {} : (read.yaml.value as object);
}
