import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, parseDocument } from 'yaml';
import { packageRoot } from '../root.ts';
import { jsonSchema, schemaAt } from './json_schema.ts';
import { CONFIG_FILES, type ConfigPart } from './schema.ts';

/** The paths of all keys of a delivered file that its schema names. */
export function namedKeys(part: ConfigPart): string[][] {
  const walk = (node: unknown, path: string[]): string[][] => {
    if (!isMap(node) || schemaAt(jsonSchema(part), path)?.properties === undefined) return [];
    return node.items.flatMap((item) => {
      const key = isScalar(item.key) ? String(item.key.value) : '';
      return [[...path, key], ...walk(item.value, [...path, key])];
    });
  };
  return walk(parseDocument(readFileSync(join(packageRoot(), 'config', CONFIG_FILES[part]), 'utf8')).contents, []);
}
