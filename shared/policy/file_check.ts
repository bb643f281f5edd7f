import type * as z from 'zod';
import { allowed, jsonSchema, propertiesOf, schemaAt } from './json_schema.ts';
import type { JsonSchema } from './json_schema.ts';
import { keyText, valueText } from './problem.ts';
import type { ConfigProblem } from './problem.ts';
import { FILE_SCHEMAS } from './schema.ts';
import type { ConfigPart } from './schema.ts';
import { isSlip, nearest } from './spelling.ts';
import type { YamlFile } from './yaml_file.ts';

export type KeyPath = readonly PropertyKey[];

/** A file after its check: the problems, and the paths that are excluded from further checks. */
export interface FileCheck {
  readonly problems: readonly ConfigProblem[];
  readonly faulty: readonly KeyPath[];
}

function valueAt(value: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (at, step) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, step)
        ? (at as Record<PropertyKey, unknown>)[step]
        : undefined,
    value,
  );
}

/** Paths of all keys of a schema, for a key in the wrong section. */
function allKeys(schema: JsonSchema, path: readonly string[] = []): string[][] {
  return Object.entries(propertiesOf(schema)).flatMap(([key, child]) => [
    [...path, key],
    ...allKeys(child, [...path, key]),
  ]);
}

/**
 * The right key for a wrong one: a slip for a key that is missing here, a slip for any key of this section, the same
 * word in another section, else the nearest one here.
 */
function rightPath(schema: JsonSchema, section: KeyPath, key: string, present: readonly string[]): KeyPath | undefined {
  const here = Object.keys(propertiesOf(schemaAt(schema, section) ?? {}));
  const missing = nearest(
    key,
    here.filter((one) => !present.includes(one)),
  );
  if (missing !== undefined && isSlip(key, missing.edits)) return [...section, missing.word];
  const any = nearest(key, here);
  if (any !== undefined && isSlip(key, any.edits)) return [...section, any.word];
  const elsewhere = allKeys(schema).find((path) => path.at(-1) === key);
  if (elsewhere !== undefined) return elsewhere;
  return any === undefined ? undefined : [...section, any.word];
}

function isObjectKeys(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/**
 * A map with an unknown key fits no alternative of a union: the issues of the alternative that is a map give the
 * reason.
 */
function issuesOf(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const ofMap = issue.errors.find((own) => own.some(({ code }) => code === 'unrecognized_keys'));
  return ofMap?.map((own) => ({ ...own, path: [...issue.path, ...own.path] })) ?? [issue];
}

/** What other programs, or a reader of the guides, may call a key of another file. */
const OTHER_FILES: Readonly<Record<string, string>> = {
  retrain_learner: 'train.engine of minutehand.yaml',
};

/** zod's message of a rule that has none. */
const UNNAMED_RULE = 'Invalid input';

/** Twice the longest formula. */
const TEXT_MAX = 4096;

/** Texts that are longer than any value has to be. */
function longTexts(yaml: YamlFile): FileCheck {
  const faulty: KeyPath[] = [];
  const look = (value: unknown, path: KeyPath): void => {
    if (typeof value === 'string' && value.length > TEXT_MAX) faulty.push(path);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) look(inner, [...path, Array.isArray(value) ? Number(key) : key]);
  };
  look(yaml.value, []);
  const problems = faulty.map((path): ConfigProblem => {
    const { length } = valueAt(yaml.value, path) as string;
    const text = `has ${length} characters, expected at most ${TEXT_MAX}`;
    return { code: 'CONFIG_INVALID', where: yaml.where(path), key: keyText(path), text };
  });
  return { problems, faulty };
}

/** Everything that is wrong with the content of one file, each with its line and what would be right. */
export function checkFile(part: ConfigPart, yaml: YamlFile): FileCheck {
  const long = longTexts(yaml);
  if (long.faulty.length > 0) return long;
  const parsed = FILE_SCHEMAS[part].safeParse(yaml.value);
  if (parsed.success) return { problems: [], faulty: [] };
  const schema = jsonSchema(part);
  const unknown: ConfigProblem[] = [];
  const invalid: ConfigProblem[] = [];
  const faulty: KeyPath[] = [];
  const meant = new Set<string>();

  const addUnknown = (section: KeyPath, key: string): void => {
    const container = valueAt(yaml.value, section);
    const right = rightPath(schema, section, key, isObjectKeys(container) ? Object.keys(container) : []);
    if (right !== undefined) meant.add(keyText(right));
    const path = [...section, key];
    const other = OTHER_FILES[key];
    const hint =
      other !== undefined ? `: it is ${other}` : right === undefined ? '' : ` (did you mean "${keyText(right)}"?)`;
    faulty.push(path);
    unknown.push({
      code: 'CONFIG_UNKNOWN_KEY',
      where: yaml.where(path),
      key: keyText(path),
      text: `is not a key of this file${hint}`,
    });
  };

  const addInvalid = (path: KeyPath, issue: z.core.$ZodIssue): void => {
    faulty.push(path);
    const key = keyText(path);
    const value = valueAt(yaml.value, path);
    if (issue.code === 'invalid_key') {
      const names = allowed(schemaAt(schema, path.slice(0, -1))?.propertyNames ?? {});
      invalid.push({
        code: 'CONFIG_INVALID',
        where: yaml.where(path),
        key,
        text: `has a wrong name, expected ${names}`,
      });
      return;
    }
    if (value === undefined && path.length > 0 && meant.has(key)) return;
    const isOwnRule = issue.code === 'custom' && issue.message !== UNNAMED_RULE;
    const expected = isOwnRule ? issue.message : allowed(schemaAt(schema, path) ?? {});
    const text =
      value === undefined ? `is missing, expected ${expected}` : `is ${valueText(value)}, expected ${expected}`;
    invalid.push({ code: 'CONFIG_INVALID', where: yaml.where(path), key: key === '' ? 'the file' : key, text });
  };

  const issues = parsed.error.issues.flatMap(issuesOf);
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') for (const key of issue.keys) addUnknown(issue.path, key);
  }
  for (const issue of issues) if (issue.code !== 'unrecognized_keys') addInvalid(issue.path, issue);
  return { problems: [...unknown, ...invalid], faulty };
}
