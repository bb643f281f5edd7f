import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from 'prettier';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../root.ts';
import { allowed, jsonSchemas, jsonSchemaTexts, schemaAt, writeJsonSchemas } from './json_schema.ts';

const folder = join(packageRoot(), 'config', 'schema');

describe('the JSON Schemas', () => {
  it('in config/schema/ are those of the code', () => {
    const texts = jsonSchemaTexts();
    expect(readdirSync(folder).sort()).toEqual(Object.keys(texts).sort());
    for (const [name, text] of Object.entries(texts)) expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
  });

  it('are written as text that parses to the schema and that the formatter leaves alone', async () => {
    const schemas = jsonSchemas();
    for (const [name, text] of Object.entries(jsonSchemaTexts())) {
      expect(JSON.parse(text)).toEqual(schemas[name]);
      expect(await check(text, { parser: 'json', printWidth: 120 }), name).toBe(true);
    }
  });

  it('require every key and forbid every other one', () => {
    for (const schema of Object.values(jsonSchemas())) {
      expect(schema.additionalProperties).toBe(false);
      expect(schema.required).toEqual(Object.keys(schema.properties ?? {}));
    }
  });

  it('are written into a folder that is made when it is missing', () => {
    const parent = mkdtempSync(join(tmpdir(), 'minutehand-schema-'));
    const names = writeJsonSchemas(join(parent, 'a', 'b'));
    expect(readdirSync(join(parent, 'a', 'b')).sort()).toEqual([...names].sort());
    rmSync(parent, { recursive: true });
  });
});

describe('schemaAt', () => {
  const schema = jsonSchemas()['minutehand.schema.json']!;
  it('follows keys, free names and indexes', () => {
    expect(schemaAt(schema, ['windows', 'z_window'])?.minimum).toBe(5);
    expect(schemaAt(schema, ['symbols', 'EURUSD', 'spread_bps'])?.type).toBe('number');
    expect(schemaAt(schema, ['pairs', 3])?.type).toBe('string');
  });
  it('knows nothing of keys that do not exist, inherited names among them', () => {
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
    [{ enum: ['a', 'b'] }, 'one of "a", "b"'],
    [{ anyOf: [{ const: 'all' }, { type: 'array', items: { type: 'string' } }] }, '"all" or a list, each text'],
    [{ type: 'object', properties: { x: {}, y: {} } }, 'a map with the keys x, y'],
    [{ type: 'object' }, 'a map'],
    [{ anyOf: [{ type: 'number' }, { type: 'null' }] }, 'a number or null'],
    [{}, 'a value'],
  ])('says %j in words', (schema, words) => {
    expect(allowed(schema)).toBe(words);
  });
});
