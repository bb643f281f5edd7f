import { describe, expect, it } from 'vitest';
import { allDeliveredValues, deliveredCosts } from './delivered.ts';
import { allowed, jsonSchema, jsonSchemas, schemaAt } from './json_schema.ts';

describe('the JSON Schemas', () => {
  it('are made once for each file', () => {
    expect(jsonSchema('minutehand')).toBe(jsonSchema('minutehand'));
  });

  it('forbid unknown keys, require every key of minutehand.yaml, and give each policy key its delivered value', () => {
    const { 'minutehand.schema.json': plain, ...policies } = jsonSchemas();
    expect(plain!.additionalProperties).toBe(false);
    expect(plain!.properties!['symbols']!.default).toEqual(deliveredCosts());
    const required = Object.keys(plain!.properties ?? {}).filter((key) => key !== 'symbol_names');
    expect(plain!.required).toEqual(required);
    for (const [name, schema] of Object.entries(policies)) {
      expect(schema.additionalProperties).toBe(false);
      const delivered = allDeliveredValues(name.replace('_policy.schema.json', '') as 'core' | 'retrain' | 'signals');
      expect(Object.keys(schema.properties!).sort()).toEqual(Object.keys(delivered).sort());
      for (const [key, value] of Object.entries(delivered))
        expect(schema.properties![key]!.properties!['value']!.default, key).toEqual(value);
    }
  });
});

describe('schemaAt', () => {
  const schema = jsonSchemas()['minutehand.schema.json']!;
  it('follows keys, free names and indexes', () => {
    expect(schemaAt(schema, ['windows', 'z_window'])?.minimum).toBe(5);
    expect(schemaAt(schema, ['symbols', 'EURUSD', 'spread_bps'])?.type).toBe('number');
    expect(schemaAt(schema, ['pairs', 3])?.type).toBe('string');
  });
  it('finds a position of a tuple before the schema of all other positions', () => {
    const list = { prefixItems: [{ type: 'integer' }], items: { type: 'string' } };
    expect([0, 1].map((index) => schemaAt(list, [index])?.type)).toEqual(['integer', 'string']);
    expect(schemaAt({ type: 'array' }, [0])).toBeUndefined();
  });
  it('follows the alternative that is a map', () => {
    const either = { anyOf: [{ type: 'null' }, { properties: { x: { type: 'boolean' } } }] };
    expect(schemaAt(either, ['x'])?.type).toBe('boolean');
    expect(schemaAt({ anyOf: [{ type: 'null' }] }, ['x'])).toBeUndefined();
  });
  it('is the schema itself at an empty path', () => {
    expect(schemaAt(schema, [])).toBe(schema);
  });
  it('finds no keys that do not exist, inherited names among them', () => {
    expect(schemaAt(schema, ['windows', 'constructor'])).toBeUndefined();
    expect(schemaAt(schema, ['nothing', 'at', 'all'])).toBeUndefined();
  });
});

describe('allowed', () => {
  it.each([
    [{ type: 'integer', minimum: 5, maximum: 10 }, 'a whole number from 5 to 10'],
    [{ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, 'a number above 0 and below 1'],
    [{ type: 'number', minimum: -2, exclusiveMaximum: 0 }, 'a number at least -2 and below 0'],
    [{ type: 'number' }, 'a number'],
    [{ type: 'integer', minimum: 3 }, 'a whole number at least 3'],
    [{ type: 'integer', maximum: 0 }, 'a whole number at most 0'],
    [{ type: 'number', exclusiveMinimum: 0, maximum: 0.5 }, 'a number above 0 and at most 0.5'],
    [{ type: 'number', minimum: 1, exclusiveMinimum: 0, maximum: 2 }, 'a number from 1 to 2'],
    [{ type: 'boolean' }, 'true or false'],
    [{ type: 'string' }, 'text'],
    [{ type: 'string', examples: ['EURUSD', 'XAUUSD'] }, 'text such as "EURUSD"'],
    [{ const: 20 }, '20'],
    [
      { type: 'array', prefixItems: [{ type: 'integer', minimum: 1, maximum: 9 }, { type: 'boolean' }] },
      'a list of 2: a whole number from 1 to 9, true or false',
    ],
    [{ type: 'array' }, 'a list, each a value'],
    [
      { type: 'array', minItems: 2, maxItems: 5, items: { enum: ['a', 'b'] } },
      'a list of 2 to 5, each one of "a", "b"',
    ],
    [{ type: 'array', minItems: 2 }, 'a list of at least 2, each a value'],
    [{ type: 'array', minItems: 3, maxItems: 3 }, 'a list of 3, each a value'],
    [{ type: 'array', maxItems: 4 }, 'a list of at most 4, each a value'],
    [{ type: 'date' }, 'a value'],
    [{ enum: ['a', 'b'] }, 'one of "a", "b"'],
    [{ anyOf: [{ const: 'all' }, { type: 'array', items: { type: 'string' } }] }, '"all" or a list, each text'],
    [{ type: 'object', properties: { x: {}, y: {} } }, 'a map with the keys x, y'],
    [{ type: 'object' }, 'a map'],
    [{ anyOf: [{ type: 'number' }, { type: 'null' }] }, 'a number or null'],
    [{}, 'a value'],
  ])('describes %j in words', (schema, words) => {
    expect(allowed(schema)).toBe(words);
  });
});
