import fc from 'fast-check';

/** The subset of JSON Schema used by the OpenAPI document. */
export interface ValueSchema {
  readonly $ref?: string;
  readonly anyOf?: readonly ValueSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: ValueSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: ValueSchema | boolean;
}

export type Schemas = Readonly<Record<string, ValueSchema>>;

const DAYS = { min: new Date('2020-01-01T00:00:00Z'), max: new Date('2030-01-01T00:00:00Z'), noInvalidDate: true };

/** Values that match a schema. */
export function validValues(schema: ValueSchema, named: Schemas): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return validValues(named[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)]!, named);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => validValues(one, named)));
  const types = [schema.type ?? 'any'].flat();
  return fc.oneof(...types.map((type) => valuesOfType(type, schema, named)));
}

function valuesOfType(type: string, schema: ValueSchema, named: Schemas): fc.Arbitrary<unknown> {
  switch (type) {
    case 'string':
      return strings(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'integer':
      return fc
        .integer({ min: Math.max(schema.minimum ?? -1000, -1000), max: Math.min(schema.maximum ?? 1000, 1000) })
        .map((value) => value - (value % (schema.multipleOf ?? 1)));
    case 'number':
      return fc.double({
        min: Math.max(schema.minimum ?? schema.exclusiveMinimum ?? -1000, -1000),
        max: Math.min(schema.maximum ?? schema.exclusiveMaximum ?? 1000, 1000),
        minExcluded: schema.exclusiveMinimum !== undefined,
        maxExcluded: schema.exclusiveMaximum !== undefined,
        noNaN: true,
      });
    case 'array':
      return fc.array(validValues(schema.items ?? {}, named), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, (schema.minItems ?? 0) + 3),
      });
    case 'object':
      return objects(schema, named);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function strings({ format, pattern, minLength = 0, maxLength = Infinity }: ValueSchema): fc.Arbitrary<string> {
  if (format === 'date-time') return fc.date(DAYS).map((date) => date.toISOString());
  if (format === 'date') return fc.date(DAYS).map((date) => date.toISOString().slice(0, 10));
  if (pattern !== undefined)
    return fc.stringMatching(new RegExp(pattern)).filter(({ length }) => length >= minLength && length <= maxLength);
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)), unit: 'binary' });
}

function objects({ properties = {}, required = [], additionalProperties }: ValueSchema, named: Schemas) {
  const own = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, validValues(one, named)]));
  const record = fc.record(own, { requiredKeys: required.filter((name) => name in own) });
  if (typeof additionalProperties !== 'object' || Object.keys(own).length > 0) return record;
  return fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), validValues(additionalProperties, named), {
    maxKeys: 3,
  });
}

const OTHERS: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  1e308,
  '',
  '\u0000',
  '../../etc/passwd',
  "'; DROP TABLE x;--",
  [],
  {},
  [[[[]]]],
  Number.MAX_SAFE_INTEGER + 2,
];

/** An almost valid value: one part is removed, added, or has another type. */
export function nearlyValid(valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(valid, fc.nat(), fc.nat(), fc.constantFrom('remove', 'add', 'replace'))
    .map(([value, at, other, how]) => {
      const replacement = OTHERS[other % OTHERS.length];
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return replacement;
      const names = Object.keys(value);
      const name = names[at % Math.max(1, names.length)] ?? 'unknown';
      if (how === 'add') return { ...value, __proto__x: replacement, [`x${at}`]: replacement };
      if (how === 'replace') return { ...value, [name]: replacement };
      return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
    });
}

/** A value of some hundred kilobytes, or with very deep nesting. */
export const hugeValues: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  'x'.repeat(200_000),
  Array.from({ length: 20_000 }, (_none, index) => index),
  Object.fromEntries(Array.from({ length: 5000 }, (_none, index) => [`key${index}`, index])),
  {
    features: Array.from({ length: 20_000 }, () => 1),
    changes: { x: 'y'.repeat(100_000) },
    reason: 'z'.repeat(50_000),
  },
  JSON.parse(`${'['.repeat(2000)}${']'.repeat(2000)}`),
);
