import * as z from 'zod';
import { allDeliveredValues, deliveredCosts } from './delivered.ts';
import { CONFIG_FILES, FILE_SCHEMAS, policyKeys } from './schema.ts';
import type { ConfigPart } from './schema.ts';

/** The part of JSON Schema (draft 2020-12) that our schemas use. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly propertyNames?: JsonSchema;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly pattern?: string;
}

const known = new Map<ConfigPart, JsonSchema>();

/** The JSON Schema of one configuration file. */
export function jsonSchema(part: ConfigPart): JsonSchema {
  let schema = known.get(part);
  if (schema === undefined) {
    schema = z.toJSONSchema(FILE_SCHEMAS[part]) as JsonSchema;
    known.set(part, schema);
  }
  return schema;
}

/** All JSON Schemas by the name of their file, e.g. `core_policy.schema.json`. */
export function jsonSchemas(): Record<string, JsonSchema> {
  return Object.fromEntries(
    (Object.keys(CONFIG_FILES) as ConfigPart[]).map((part) => [
      CONFIG_FILES[part].replace(/\.yaml$/, '.schema.json'),
      withDelivered(part, jsonSchema(part)),
    ]),
  );
}

/** With the delivered value of each policy key, and the delivered costs, as defaults. */
function withDelivered(part: ConfigPart, schema: JsonSchema): JsonSchema {
  if (policyKeys(part).length === 0) {
    const { symbols } = schema.properties!;
    return { ...schema, properties: { ...schema.properties, symbols: { ...symbols!, default: deliveredCosts() } } };
  }
  const delivered = allDeliveredValues(part);
  const entries = Object.entries(schema.properties!).map(([key, entry]): [string, JsonSchema] => {
    const { value, ...others } = entry.properties!;
    return [key, { ...entry, properties: { value: { ...value, default: delivered[key] }, ...others } }];
  });
  return { ...schema, properties: Object.fromEntries(entries) };
}

/**
 * The schema of the value at `path`: map keys and list indexes. Of alternatives (anyOf), the one that is a map is
 * followed.
 * @returns undefined where the schema has no such value
 */
export function schemaAt(schema: JsonSchema, path: readonly PropertyKey[]): JsonSchema | undefined {
  let at: JsonSchema | undefined = schema;
  for (const step of path) {
    if (at === undefined) return undefined;
    const properties = propertiesOf(at);
    if (typeof step === 'number') at = at.prefixItems?.[step] ?? at.items;
    else if (Object.hasOwn(properties, step)) at = properties[String(step)];
    else at = at.additionalProperties === false ? undefined : at.additionalProperties;
  }
  return at;
}

/** The named keys of a map, or of the alternative that is one; none of other values. */
export function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return schema.properties ?? schema.anyOf?.find(({ properties }) => properties !== undefined)?.properties ?? {};
}

/** `from 0 to 1`, `above 0`: the limits of a number as text. The bounds of a safe integer are omitted. */
function limits(schema: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const words: string[] = [];
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (exclusiveMinimum !== undefined) words.push(`above ${exclusiveMinimum}`);
  if (minimum !== undefined) words.push(`at least ${minimum}`);
  if (exclusiveMaximum !== undefined) words.push(`below ${exclusiveMaximum}`);
  if (maximum !== undefined) words.push(`at most ${maximum}`);
  return words.length === 0 ? '' : ` ${words.join(' and ')}`;
}

/** ` of 2 to 5`, ` of at least 2`: how long a list may be, as text. */
function itemCount({ minItems, maxItems }: JsonSchema): string {
  if (minItems !== undefined && maxItems !== undefined)
    return minItems === maxItems ? ` of ${minItems}` : ` of ${minItems} to ${maxItems}`;
  if (minItems !== undefined) return ` of at least ${minItems}`;
  return maxItems === undefined ? '' : ` of at most ${maxItems}`;
}

/** The values the schema allows, as text: `a whole number from 5 to 10000`, `one of "auto", "off"`. */
export function allowed(schema: JsonSchema): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.map((one) => JSON.stringify(one)).join(', ')}`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(allowed).join(' or ');
  if (schema.prefixItems !== undefined) {
    const items = schema.prefixItems.map(allowed);
    const isUniform = items.length > 2 && new Set(items).size === 1;
    return `a list of ${items.length}: ${isUniform ? `each ${items[0]}` : items.join(', ')}`;
  }
  switch (schema.type) {
    case 'integer':
      return `a whole number${limits(schema)}`;
    case 'number':
      return `a number${limits(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list${itemCount(schema)}, each ${allowed(schema.items ?? {})}`;
    case 'object':
      return schema.properties === undefined
        ? 'a map'
        : `a map with the keys ${Object.keys(schema.properties).join(', ')}`;
    case 'null':
      return 'null';
    case 'string':
      return schema.examples === undefined ? 'text' : `text such as ${JSON.stringify(schema.examples[0])}`;
    case undefined:
    default:
      return 'a value';
  }
}
