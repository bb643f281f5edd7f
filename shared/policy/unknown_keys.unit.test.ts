import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { packageRoot } from '../root.ts';
import { checkFile } from './file_check.ts';
import { CONFIG_FILES, FILE_SCHEMAS, type ConfigPart } from './schema.ts';

interface Section {
  /** Path of the section in the file. */
  readonly path: readonly string[];
  readonly keys: readonly string[];
  /** Its content in the delivered file; an example where the file has another alternative of the schema. */
  readonly value: Readonly<Record<string, unknown>>;
}

/** Every object of a schema, with its place in `value`; of a record the entry that `value` has first. */
function sectionsOf(schema: z.ZodType, value: unknown, path: readonly string[] = []): Section[] {
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Record<string, z.ZodType>;
    const content = (isRecord(value) ? value : exampleOf(schema)) as Record<string, unknown>;
    const inner = Object.entries(shape).flatMap(([key, own]) => sectionsOf(own, content[key], [...path, key]));
    return [{ path, keys: Object.keys(shape), value: content }, ...inner];
  }
  if (schema instanceof z.ZodRecord) {
    if (!isRecord(value) || Object.keys(value).length === 0) return [];
    const [name, content] = Object.entries(value)[0]!;
    return sectionsOf(schema.valueType as z.ZodType, content, [...path, name]);
  }
  if (schema instanceof z.ZodUnion)
    return (schema.options as z.ZodType[]).flatMap((option) => sectionsOf(option, value, path));
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional)
    return sectionsOf(schema.unwrap() as z.ZodType, value, path);
  return [];
}

/** A value that an object of the schema takes, made from the bounds and examples of its parts. */
function exampleOf(schema: z.ZodType): unknown {
  if (schema instanceof z.ZodObject) {
    const shape = Object.entries(schema.shape as Record<string, z.ZodType>);
    const isList = (own: z.ZodType): boolean => own instanceof z.ZodOptional && own.unwrap() instanceof z.ZodArray;
    return Object.fromEntries(shape.filter(([, own]) => !isList(own)).map(([key, own]) => [key, exampleOf(own)]));
  }
  if (schema instanceof z.ZodEnum) return schema.options[0];
  if (schema instanceof z.ZodOptional) return exampleOf(schema.unwrap() as z.ZodType);
  const first = [0, 1, 0.001, 0.5, 16, 64, 512, 7400, 'all', true, [], {}].find(
    (value) => schema.safeParse(value).success,
  );
  if (first === undefined) throw new Error(`no example of ${JSON.stringify(z.toJSONSchema(schema))}`);
  return first;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Everything that is wrong with the delivered file when a section has these contents. */
function problemsOf(part: ConfigPart, path: readonly string[], section: Record<string, unknown>): string[] {
  const whole = path.length === 0 ? section : contentOf(part);
  let parent = whole as Record<string, unknown>;
  // Sections that need not be there are made.
  for (const step of path.slice(0, -1)) parent = (parent[step] ??= {}) as Record<string, unknown>;
  if (path.length > 0) parent[path.at(-1)!] = section;
  const where = (at: readonly PropertyKey[]): string => at.join('.');
  return checkFile(part, { value: whole, where }).problems.map(({ code, key, text }) => `${code} ${key} ${text}`);
}

const PARTS = Object.keys(CONFIG_FILES) as ConfigPart[];
const contentOf = (part: ConfigPart): unknown =>
  parse(readFileSync(join(packageRoot(), 'config', CONFIG_FILES[part]), 'utf8'));
const found = (part: ConfigPart): Section[] => sectionsOf(FILE_SCHEMAS[part], contentOf(part));

describe('an unknown key', () => {
  it('is detected in policy entries, in records and in alternatives', () => {
    const names = PARTS.flatMap(found).map(({ path }) => path.join('.'));
    for (const one of [
      'drift_psi_max',
      'theta_search_range.value',
      'shards.main',
      'symbols.XAUUSD',
      'transports.redis',
    ])
      expect(names).toContain(one);
  });

  it.each(PARTS)('in any section of %s is refused by name, with the nearest key of that section', (part) => {
    for (const { path, keys, value } of found(part)) {
      const key = keys[0]!;
      const wrong = `${keys[0]!}x`;
      const right = [...path, key].join('.');
      expect(problemsOf(part, path, { ...value, [wrong]: 1 })).toEqual([
        `CONFIG_UNKNOWN_KEY ${[...path, wrong].join('.')} is not a key of this file (did you mean "${right}"?)`,
      ]);
    }
  });

  it.each(PARTS)('instead of a key of %s is the only reported problem', (part) => {
    for (const { path, keys, value } of found(part)) {
      const key = keys.at(-1)!;
      const { [key]: moved, ...others } = value;
      const right = [...path, key].join('.');
      expect(problemsOf(part, path, { ...others, [`${key}x`]: moved })).toEqual([
        `CONFIG_UNKNOWN_KEY ${right}x is not a key of this file (did you mean "${right}"?)`,
      ]);
    }
  });
});
