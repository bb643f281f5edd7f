import { createRequire } from 'node:module';
import { CORE_SCHEMA, load } from 'js-yaml';
import type * as Yaml from 'yaml';

/** The parser with positions and comments, loaded on demand: it takes longer than a short command. */
export function yamlLibrary(): typeof Yaml {
  return createRequire(import.meta.url)('yaml') as typeof Yaml;
}

/** The value of a YAML 1.2 document. @throws the parser’s error */
export function parseYaml(text: string): unknown {
  return parsePlain(text) ?? (yamlLibrary().parse(text) as unknown);
}

/** Without control characters, special spaces and characters beyond 16 bits. */
const CHARACTERS = /^[\n\x20-\x7e\u00a1-\u1fff\u2010-\u2027\u2070-\u2fff\u3001-\ud7ff\uff01-\uff9f]*$/;
const NAME = /^(?!(?:null|true|false)$)[a-z][\w-]*$/i;
const KEY = '[A-Za-z][\\w-]{0,99}';
const NUMBER = '(?!-?0\\d|-0(?!\\.))-?\\d{1,15}(?:\\.\\d{1,15})*[dhms]?';
const WORD = '(?:[\\w./@()%+\\u00a1-\\uffff-]|:(?=[\\w/]))';
const SCALAR = `(?:'[^'\\n]*'|"[^"\\\\\\n]*"|${NUMBER}|[A-Za-z\\u00a1-\\uffff]${WORD}*(?: ${WORD}+)*)`;
/** One of the values of a line, with its key and the brackets around it. */
const ITEM = `(?:[[{] ?|${KEY}: )*${SCALAR}?(?: ?[\\]}])*`;
const END = '(?: +#.*)?\\n';
/** Comments, keys, values, folded texts, and collections in brackets over several lines. */
const PLAIN_LINES = new RegExp(
  [
    ` *(?:#.*)?\\n`,
    ` *(?:- )?${KEY}:${END}`,
    ` *(?:- |(?=${KEY}: ))${ITEM}(?:, ${ITEM})*${END}`,
    `( *)${KEY}: >-\\n(?:\\1  [^ \\n].*\\n)+`,
    `( +)[[{]\\n(?:\\2  ${ITEM},?\\n)+\\2[\\]}]\\n`,
  ].join('|'),
  'y',
);

/** A coarse check: an error is left to the parser, as is what the brackets enclose. */
function isPlain(text: string): boolean {
  if (!CHARACTERS.test(text)) return false;
  PLAIN_LINES.lastIndex = 0;
  while (PLAIN_LINES.test(text)) if (PLAIN_LINES.lastIndex === text.length) return true;
  return false;
}

function hasNames(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Array.isArray(value)
    ? value.every(hasNames)
    : Object.entries(value).every(([key, one]) => NAME.test(key) && hasNames(one));
}

/**
 * The value of a document in syntax that both parsers read alike, by the faster one; null = another document, an error
 * or a scalar.
 */
export function parsePlain(text: string): object | null {
  if (!isPlain(text)) return null;
  try {
    const value = load(text, { schema: CORE_SCHEMA });
    return typeof value === 'object' && hasNames(value) ? value : null;
  } catch {
    return null;
  }
}
