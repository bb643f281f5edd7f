import { join } from 'node:path';
import { packageRoot } from '../../shared/root.ts';
import { APPLIES, effectOf, effectWords, type Applies } from '../../shared/policy/applies.ts';
import { OVERRIDES, PLACES } from '../../shared/policy/environment.ts';
import { allowed, jsonSchema, schemaAt } from '../../shared/policy/json_schema.ts';
import type { JsonSchema } from '../../shared/policy/json_schema.ts';
import { keyText, problemsError } from '../../shared/policy/problem.ts';
import { CONFIG_FILES } from '../../shared/policy/schema.ts';
import type { ConfigPart } from '../../shared/policy/schema.ts';
import { readYamlFile } from '../../shared/policy/yaml_file.ts';
import { table } from './table.ts';

/** The end of a description that the page's introduction states for all keys. */
const SWITCHED_OFF = /[.;] null = (?:never|none|off)\.$/;

/** Longer lists are shown shortened. */
const MAX_ITEMS = 12;

/** `effect` in the tables of policy files. */
const SHORT_EFFECT: Readonly<Record<Applies, string>> = {
  next_bar: 'bar',
  trainer: 'trainer',
  next_training: 'training',
  restart: 'restart',
};

const INTRODUCTIONS: Readonly<Record<ConfigPart, string>> = {
  core: 'Entries and risk. Part of `policy_hash`.',
  retrain:
    'Retraining, monitoring and notifications. Schedules are cron expressions in UTC; where one names a day of month and a day of week, either matches, as in cron(8).',
  signals: 'Storage of signals.',
  minutehand: 'Everything else, as plain values.',
};

function code(text: string): string {
  return `\`${text}\``;
}

/** Prose for a table cell: names and quotations as code, bars escaped. */
function prose(text: string): string {
  return text
    .replace(/`[^`]*`|"[^"]*"|[\w:<>]+/g, (name) => {
      const isCode = /^["`]/.test(name) || /_[\w:<>]*\w/.test(name);
      return isCode ? code(name.replaceAll(/["`]/g, '')) : name;
    })
    .replaceAll('|', '\\|');
}

/** A value; of a long list its first items and their number. */
function shown(value: unknown): string {
  if (typeof value === 'string') return code(value);
  if (Array.isArray(value) && value.length > MAX_ITEMS)
    return `${value.slice(0, 2).map(shown).join(', ')} … (${value.length})`;
  const spaced = (part: string, quoted?: string): string => quoted ?? `${part} `;
  return code(JSON.stringify(value).replace(/("(?:[^"\\]|\\.)*")|[,:]/g, spaced));
}

interface Entry {
  readonly value: unknown;
  readonly label_ja: string;
  readonly description?: string;
}

function policyTable(part: ConfigPart, content: Record<string, Entry>): string {
  const rows = Object.entries(content).map(([key, entry]) => [
    code(key),
    shown(entry.value),
    prose(allowedShort(schemaAt(jsonSchema(part), [key, 'value']) ?? {})),
    SHORT_EFFECT[effectOf(`${part}.${key}`).applies],
    entry.label_ja,
    prose((entry.description ?? '').replace(SWITCHED_OFF, '.')),
  ]);
  return table(['key', 'value', 'allowed', 'effect', 'label_ja', 'meaning'], rows);
}

/**
 * Rows of the values of a section, sections within it flattened: `redis.url`; optional keys that it lacks come last.
 */
export function settingRows(schema: JsonSchema, value: unknown, path: readonly string[] = []): string[][] {
  const values = (value ?? {}) as Record<string, unknown>;
  const keys = new Set([...Object.keys(values), ...Object.keys(schema.properties ?? {})]);
  return [...keys].flatMap((key) => {
    const child = values[key];
const childSchema = schema.properties?.[key] ?? {};
    if (childSchema.properties !== undefined) return settingRows(childSchema, child, [...path, key]);
    const row = [
      code(keyText([...path, key])),
      child === undefined ? 'absent' : shown(child),
      prose(allowedShort(childSchema)),
      prose(childSchema.description ?? ''),
    ];
    return [row];
  });
}

/** One row for keys of several subsections that agree in name, range and meaning: `{ai1,ai2,ai3}.rounds`. */
function merged(rows: readonly string[][]): string[][] {
  const groups = new Map<string, string[][]>();
  for (const row of rows) {
    const [key, , range, meaning] = row;
    const name = `${key!.split('.').at(-1)!}\n${range!}\n${meaning!}`;
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return [...groups.values()].map((group) => {
    const [key, , range, meaning] = group[0]!;
    if (group.length === 1) return group[0]!;
    const sections = group.map(([own]) => own!.slice(1, own!.lastIndexOf('.')));
    const values = group.map(([, value]) => value!);
    return [
      `\`{${sections.join(',')}}.${key!.split('.').at(-1)!}`,
      values.every((value) => value === 'absent') ? 'absent' : values.join(' '),
      range!,
      meaning!,
    ];
  });
}

/** A map with free names (symbols, shards), or a list: its rows are its items. */
function freeSection(schema: JsonSchema, value: unknown): string {
  if (typeof value !== 'object' || value === null) return `Value: ${shown(value)}; allowed: ${allowed(schema)}.`;
  if (Array.isArray(value)) return `Value: ${value.map(shown).join(', ')}.`;
  const items = Object.entries(value as Record<string, unknown>);
  const columns = (schema.additionalProperties || {}).properties;
  if (columns === undefined) return items.map(([name, item]) => `- ${code(name)}: ${shown(item)}`).join('\n');
  const meanings = Object.entries(columns)
    .map(([name, column]) => `- ${code(name)}: ${prose(column.description ?? '')}`)
    .join('\n');
  // Keys that no item has are optional.
  const names = Object.keys(columns).filter((one) => items.some(([, item]) => Object.hasOwn(item as object, one)));
  const rows = items.map(([name, item]) => [
    code(name),
    ...names.map((one) => shown((item as Record<string, unknown>)[one])),
  ]);
  return `${meanings}\n\n${table(['name', ...names.map(code)], rows)}`;
}

function plainSections(content: Record<string, unknown>): string {
  const schema = jsonSchema('minutehand');
  return Object.entries(content)
    .map(([key, value]) => {
      const section = schema.properties?.[key] ?? {};
      const body =
        section.properties === undefined
          ? freeSection(section, value)
          : table(['key', 'value', 'allowed', 'meaning'], merged(settingRows(section, value)));
      return `### ${key}\n\n${prose(section.description ?? '')} Takes effect ${effectWords(`minutehand.${key}`)}.\n\n${body}`;
    })
    .join('\n\n');
}

/** Allowed values in interval notation: `1…5000` is a whole number, `(0, 1]` any. */
function allowedShort(schema: JsonSchema): string {
  return allowed(schema)
    .replace(/a whole number from (\S+) to ([^\s,]+)/g, '`$1…$2`')
    .replace(/a number from (\S+) to ([^\s,]+)/g, '`[$1, $2]`')
    .replace(/a number above (\S+) and below ([^\s,]+)/g, '`($1, $2)`')
    .replace(/a number above (\S+) and at most ([^\s,]+)/g, '`($1, $2]`')
    .replace(/a number at least (\S+) and below ([^\s,]+)/g, '`[$1, $2)`')
    .replace(/^text such as .*/, 'text')
    .replace(/^a list, each text such as .*/, 'texts')
    .replace(/^a list( of [^,]+)?, each one of .*/, 'a subset$1, in any order')
    .replace(/(?:each )?a map with the keys /, 'keys ')
    .replace('a list of 2: ', '')
    .replace('true or false', 'boolean')
    .replaceAll('one of ', '');
}

function contentOf(configDir: string, part: ConfigPart): Record<string, unknown> {
  const read = readYamlFile(join(configDir, CONFIG_FILES[part]));
  if ('problems' in read) throw problemsError(read.problems);
  return read.yaml.value as Record<string, unknown>;
}

/**
 * The text of docs/reference/CONFIGURATION.md: every key of every file with its value, what is allowed, and what it
 * means.
 * @param configDir folder of valid configuration files; `config/` of the package unless given.
 * @throws MinutehandError CONFIG_MISSING or CONFIG_SYNTAX.
 */
export function renderConfigurationDoc(configDir: string = join(packageRoot(), 'config')): string {
  const files = (Object.keys(CONFIG_FILES) as ConfigPart[]).map((part) => {
    const content = contentOf(configDir, part);
    const body = part === 'minutehand' ? plainSections(content) : policyTable(part, content as Record<string, Entry>);
    return `## ${code(CONFIG_FILES[part])}\n\n${INTRODUCTIONS[part]}\n\n${body}`;
  });
  const places = PLACES.map(({ variable, meaning }) => [code(variable), '', meaning]);
  const overrides = OVERRIDES.map(({ variable, part, path, meaning }) => [
    code(variable),
    `${code(keyText(path))} of ${code(CONFIG_FILES[part])}`,
    meaning,
  ]);
  return [
    '# Configuration',
    '<!-- Generated from shared/policy/schema.ts and config/. Change those, not this page. -->',
    [
      'A key that a policy file lacks has its delivered value; `minutehand config check` names these, and every problem.',
      'JSON Schemas for editors: `config/schema/`, after the first `npm start`. Allowed: `1…9` are whole numbers, `(0, 1]` is an interval; `null` without',
      'a meaning of its own switches off. `effect`: when a changed value takes effect:',
      Object.entries(APPLIES)
        .map(([when, words]) => `${code(SHORT_EFFECT[when as Applies])} ${words}`)
        .join(', ')
        .concat('.'),
      '`minutehand config show` groups the keys by it.',
    ].join('\n'),
    ...files,
    '## Environment variables',
    'A variable wins over its file. An empty one counts as not set.',
    table(['variable', 'wins over', 'meaning'], [...places, ...overrides]),
  ]
    .join('\n\n')
    .concat('\n');
}
