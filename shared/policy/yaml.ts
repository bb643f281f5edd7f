import {
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml';

/** Why a text is no YAML that is read here, and where. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  readonly reason: string;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;

  constructor(reason: string, { line, col }: { line: number; col: number }) {
    super(`${reason} (line ${line}, column ${col})`);
    this.reason = reason;
    this.line = line;
    this.column = col;
  }
}

/** A document without errors. */
export interface ReadDocument {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

/** Values of a document, each occurrence of an alias counted: a configuration has a few hundred. */
const MAX_VALUES = 20_000;
/** Collections inside each other: a configuration has five. */
const MAX_DEPTH = 64;
/** The time of reading an alias grows with the number of anchors; a configuration has neither. */
const MAX_ALIASES = 100;

/**
 * The value of one YAML 1.2 document (core schema); keys are texts. An empty document is null.
 * @throws YamlError as `readDocument` does; RangeError for a document that aliases or nesting make too large, or with
 * control characters
 */
export function parseYaml(text: string): unknown {
  const { document } = readDocument(text);
  // All aliases of an anchor are one value in memory, so this stays small; `checkSize` counts each of them.
  const value = document.toJS({ maxAliasCount: -1 }) as unknown;
  checkSize(value);
  return value;
}

/**
 * The document with its positions. Duplicate keys, unknown tags and a second document are errors: the parser’s guess
 * may differ from the writer’s intent. Parsing takes time proportional to the length of the text.
 * @throws YamlError; RangeError
 */
export function readDocument(text: string): ReadDocument {
  const refused = REFUSED_CHARACTERS.exec(text);
  if (refused !== null) throw new RangeError(`the document has the character ${codePointText(refused[0])}`);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    // The parser compares each key with all others, see `checkKeys`.
    uniqueKeys: false,
    // 'silent' would read the first of several documents.
    logLevel: 'error',
  });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw new YamlError(fault.message, lines.linePos(fault.pos[0]));
  checkNodes(document, lines);
  return { document, lines };
}

/** @throws YamlError for a key that occurs twice in its section, or an alias of nothing; RangeError for many aliases */
function checkNodes(document: Document.Parsed, lines: LineCounter): void {
  const placeOf = ({ range }: Node) => lines.linePos(range?.[0] ?? 0);
  const anchors = new Set<string>();
  let aliases = 0;
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        if (!anchors.has(node.source)) throw new YamlError(`no anchor is named ${node.source}`, placeOf(node));
        if (++aliases > MAX_ALIASES) throw new RangeError(`the document has more than ${MAX_ALIASES} aliases`);
        return;
      }
      if (node.anchor !== undefined) anchors.add(node.anchor);
      if (isMap(node)) checkKeys(node, placeOf);
    },
  });
}

function checkKeys({ items }: YAMLMap, placeOf: (node: Node) => { line: number; col: number }): void {
  const known = new Set<unknown>();
  for (const { key } of items) {
    if (!isScalar(key)) continue;
    if (known.has(key.value)) throw new YamlError('duplicate key', placeOf(key));
    known.add(key.value);
  }
}

/**
 * Control characters (a carriage return without a line feed included), line separators that editors do not show, and
 * halves of a surrogate pair.
 */
const REFUSED_CHARACTERS = /\r(?!\n)|(?![\t\n\r])[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;

function codePointText(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

/**
 * An alias is a reference to a value that is written once, so a short document can stand for an enormous one.
 * @throws RangeError
 */
function checkSize(document: unknown): void {
  let values = 0;
  const visitValue = (value: unknown, depth: number): void => {
    values++;
    if (values > MAX_VALUES) throw new RangeError(`the document has more than ${MAX_VALUES} values`);
    if (depth > MAX_DEPTH) throw new RangeError(`the document is nested more than ${MAX_DEPTH} levels deep`);
    if (typeof value !== 'object' || value === null) return;
    for (const inner of Object.values(value)) visitValue(inner, depth + 1);
  };
  visitValue(document, 0);
}
