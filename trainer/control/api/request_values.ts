import * as z from 'zod';
import { MinutehandError } from '../../../shared/errors.ts';

/** Objects and arrays inside each other: the deepest schema has six. */
const MAX_DEPTH = 32;

/** Of one text whose schema states no limit: twice the longest value of a policy, and far more than any reason. */
const MAX_TEXT = 8192;

const limits = new WeakMap<object, ReadonlyMap<string, number>>();

/** The limits that a schema states for the texts of an object, by their paths such as `body.text`. */
export function statedLimits(schema: unknown, name: string): ReadonlyMap<string, number> {
  if (!(schema instanceof z.ZodObject)) return new Map();
  const known = limits.get(schema);
  if (known !== undefined) return known;
  const found = new Map<string, number>();
  for (const [field, one] of Object.entries<unknown>(schema.shape)) {
    let inner = one;
    while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable || inner instanceof z.ZodDefault)
      inner = inner.unwrap();
    if (inner instanceof z.ZodString && inner.maxLength !== null) found.set(`${name}.${field}`, inner.maxLength);
  }
  limits.set(schema, found);
  return found;
}

interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly depth: number;
}

/**
 * Refuses values that parts behind the API cannot store or print: texts of any length, nesting that exceeds a stack,
 * halves of surrogate pairs (SQLite stores U+FFFD, so a hash would no longer match), and NUL (PostgreSQL and git refuse
 * it). Runs before schemas, because those of free-form fields accept any JSON.
 * @param value of JSON: body, query or path parameters
 * @param stated limits of texts by their paths, which apply instead of the usual one
 * @throws MinutehandError REQUEST_INVALID
 */
export function checkRequestValues(
  value: unknown,
  name: string,
  stated: ReadonlyMap<string, number> = new Map(),
): void {
  const places: Place[] = [{ value, path: name, depth: 0 }];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { value: one, path, depth } = place;
    if (typeof one === 'string') checkText(one, path, stated.get(path) ?? MAX_TEXT);
    if (typeof one !== 'object' || one === null) continue;
    if (depth === MAX_DEPTH)
      throw new MinutehandError('REQUEST_INVALID', {
        seen: `${name}: values nested more than ${MAX_DEPTH} levels deep`,
      });
    for (const [key, inner] of Object.entries(one)) {
      checkText(key, `a name in ${path}`, MAX_TEXT);
      places.push({ value: inner, path: Array.isArray(one) ? `${path}[${key}]` : `${path}.${key}`, depth: depth + 1 });
    }
  }
}

function checkText(text: string, path: string, most: number): void {
  if (text.length > most)
    throw new MinutehandError('REQUEST_INVALID', {
      seen: `${path.slice(0, 100)}: ${text.length} characters`,
      expected: `at most ${most}`,
    });
  if (!text.isWellFormed())
    throw new MinutehandError('REQUEST_INVALID', { seen: `${path.slice(0, 100)}: half of a surrogate pair` });
  if (text.includes('\0'))
    throw new MinutehandError('REQUEST_INVALID', { seen: `${path.slice(0, 100)}: the character NUL` });
}
