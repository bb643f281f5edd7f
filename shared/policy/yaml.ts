import { createRequire } from 'node:module';
import { CORE_SCHEMA, load } from 'js-yaml';
import type * as Yaml from 'yaml';

/**
 * The parser with positions and comments: names the place of a value that is not allowed, and edits a file without
 * losing its comments. Loaded on demand: it takes longer than a short command.
 */
export function yamlLibrary(): typeof Yaml {
  return createRequire(import.meta.url)('yaml') as typeof Yaml;
}

/** Values of a document, each occurrence of an alias counted: a configuration has a few hundred. */
const MAX_VALUES = 20_000;
/** Collections inside each other: a configuration has five. */
const MAX_DEPTH = 64;

/**
 * The value of one YAML 1.2 document (core schema). Duplicate keys, unknown tags and a second document are errors. An
 * empty document is null. Parsing takes time proportional to the length of the text.
 * @throws the parser’s error; RangeError for a document that aliases or nesting make too large, or with control
 * characters
 */
export function parseYaml(text: string): unknown {
  const refused = REFUSED_CHARACTERS.exec(text);
  if (refused !== null) throw new RangeError(`the document has the character ${codePointText(refused[0])}`);
  const document = isEmpty(text) ? null : load(text, { schema: CORE_SCHEMA });
  checkSize(document);
  return document;
}

/**
 * Control characters (a carriage return without a line feed included), line separators that editors do not show, and
 * halves of a surrogate pair.
 */
const REFUSED_CHARACTERS = /\r(?!\n)|(?![\t\n\r])[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;

function codePointText(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Blank lines and comments only. */
function isEmpty(text: string): boolean {
  return text.split('\n').every((line) => line.trim() === '' || line.trimStart().startsWith('#'));
}

/**
 * An alias is a reference to a value that is written once, so a short document can stand for an enormous one.
 * @throws RangeError
 */
function checkSize(document: unknown): void {
  let values = 0;
  const visit = (value: unknown, depth: number): void => {
    values++;
    if (values > MAX_VALUES) throw new RangeError(`the document has more than ${MAX_VALUES} values`);
    if (depth > MAX_DEPTH) throw new RangeError(`the document is nested more than ${MAX_DEPTH} levels deep`);
    if (typeof value !== 'object' || value === null) return;
    for (const inner of Object.values(value)) visit(inner, depth + 1);
  };
  visit(document, 0);
}
