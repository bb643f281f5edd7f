import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseDocument } from 'yaml';
import { savedText } from '../../../shared/csv/text_encoding.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { allDeliveredValues } from '../../../shared/policy/delivered.ts';
import { inspectSettings, type Settings } from '../../../shared/policy/policy.ts';
import { problemsError } from '../../../shared/policy/problem.ts';
import { jsonSchema, schemaAt, type JsonSchema } from '../../../shared/policy/json_schema.ts';
import { CONFIG_FILES, type ConfigPart } from '../../../shared/policy/schema.ts';
import { didYouMean } from '../../../shared/policy/spelling.ts';
import { temporaryFolder } from '../../../shared/temporary_folder.ts';

export type Changes = Readonly<Record<string, unknown>>;

/**
 * Current values of these keys; null for one that the files may leave out, and do.
 * @throws MinutehandError CONFIG_UNKNOWN_KEY
 */
export function presentValues(settings: Settings, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    keys.map((key) => {
      const [part, ...path] = key.split('.') as [ConfigPart, ...string[]];
      let value: unknown = settings[part];
      for (const step of path) {
        if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step)) {
          if (schemaOf(part, path) === undefined) throw unknownKey(key, settings);
          return [key, null];
        }
        value = (value as Record<string, unknown>)[step];
      }
      return [key, value];
    }),
  );
}

/** Of the value of a key, which a file of the policy has below the name; undefined: there is no such key. */
function schemaOf(part: ConfigPart, path: readonly string[]): JsonSchema | undefined {
  if (!Object.hasOwn(CONFIG_FILES, part) || path.length === 0) return undefined;
  const [first, ...rest] = path;
  return schemaAt(jsonSchema(part), part === 'minutehand' ? path : [first!, 'value', ...rest]);
}

function unknownKey(key: string, settings: Settings): MinutehandError {
  const known = (Object.keys(CONFIG_FILES) as ConfigPart[]).flatMap((part) => keysIn(settings[part], part));
  return new MinutehandError('CONFIG_UNKNOWN_KEY', { seen: `${key}${didYouMean(key, known)}` });
}

function keysIn(value: unknown, at: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [at];
  return Object.entries(value).flatMap(([key, inner]) => keysIn(inner, `${at}.${key}`));
}

/**
 * Validates changes like `config check`, on a copy of the files.
 * @throws MinutehandError CONFIG_INVALID, CONFIG_UNKNOWN_KEY
 */
export function checkChanges({ sources }: Settings, changes: Changes): void {
  const folder = temporaryFolder('change');
  try {
    for (const [part, file] of Object.entries(sources.files) as [ConfigPart, string][]) {
      const copy = join(folder, basename(file));
      const own = Object.entries(changes).filter(([key]) => key.startsWith(`${part}.`));
      if (own.length === 0) copyFileSync(file, copy);
      else writeFileSync(copy, changedText(savedText(readFileSync(file)), part, own));
    }
    const { problems } = inspectSettings({ configDir: folder });
    if (problems.length > 0)
      throw problemsError(problems.map((problem) => ({ ...problem, where: problem.where.replace(`${folder}/`, '') })));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function takesNull(schema: JsonSchema | undefined): boolean {
  return schema?.type === 'null' || schema?.anyOf?.some(takesNull) === true;
}

/**
 * A file with changed values; comments and order are preserved. null takes a key out that may be absent, unless null is
 * a value of it.
 */
export function changedText(text: string, part: ConfigPart, changes: readonly (readonly [string, unknown])[]): string {
  const document = parseDocument(text);
  for (const [key, value] of changes) {
    const [, first, ...rest] = key.split('.') as [string, string, ...string[]];
    const path = part === 'minutehand' ? [first, ...rest] : [first, 'value', ...rest];
    if (value === null && !takesNull(schemaOf(part, [first, ...rest]))) document.deleteIn(path);
    else document.setIn(path, value);
  }
  return document.toString({ lineWidth: 120 });
}

/** Changes that restore the delivered policy. minutehand.yaml is specific to an installation and not changed. */
export function changesToDelivered(settings: Settings): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const part of ['core', 'retrain', 'signals'] as const) {
    const present = settings[part] as unknown as Record<string, unknown>;
    for (const [key, value] of Object.entries(allDeliveredValues(part)))
      if (JSON.stringify(present[key]) !== JSON.stringify(value)) changes[`${part}.${key}`] = value;
  }
  return changes;
}
