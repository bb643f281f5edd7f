import { readFileSync } from 'node:fs';
import { isCollection, isMap, isScalar, type Document } from 'yaml';
import { savedText } from '../csv/text_encoding.ts';
import { deniedPath } from '../errors.ts';
import type { ConfigProblem } from './problem.ts';
import { parseYaml, readDocument, YamlError } from './yaml.ts';

/** A YAML file that could be read. */
export interface YamlFile {
  readonly value: unknown;
  /** `<file>:<line>:<column>` of the key at `path`, or of the nearest thing above it that is there. */
  where(path: readonly PropertyKey[]): string;
}

/**
 * Offset, in characters, of the key (or list item) at `path`; of the last step that exists when the rest is missing.
 */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) break;
      offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
      node = pair.value;
    } else if (isCollection(node) && typeof step === 'number') {
      node = node.items[step];
      offset = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}

function readText(file: string): string | ConfigProblem {
  try {
    return savedText(readFileSync(file));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    const code = deniedPath(error) === null ? 'CONFIG_MISSING' : 'FILE_DENIED';
    return { code, where: file, key: '', text: `the file cannot be read (${reason})` };
  }
}

/**
 * Reads one YAML 1.2 document. Duplicate keys, unknown tags and a second document are problems, too:
 * the parser's guess may differ from the writer's intent.
 */
export function readYamlFile(file: string): { yaml: YamlFile } | { problems: ConfigProblem[] } {
  const text = readText(file);
  return typeof text === 'string' ? readYamlText(file, text) : { problems: [text] };
}

/** The same of a text. @param file name in the places of problems */
export function readYamlText(file: string, text: string): { yaml: YamlFile } | { problems: ConfigProblem[] } {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    return { problems: [problemOf(file, error)] };
  }
  let place: ((path: readonly PropertyKey[]) => string) | undefined;
  const where = (path: readonly PropertyKey[]): string => {
    place ??= placesOf(file, text);
    return place(path);
  };
  return { yaml: { value, where } };
}

/** Positions of a document that was parsed. */
function placesOf(file: string, text: string): (path: readonly PropertyKey[]) => string {
  const { document, lines } = readDocument(text);
  return (path) => placeText(file, lines.linePos(offsetOf(document, path)));
}

/** Where the parser stopped, and why. */
function problemOf(file: string, error: unknown): ConfigProblem {
  const isPlaced = error instanceof YamlError;
  const where = isPlaced ? placeText(file, { line: error.line, col: error.column }) : file;
  const text = isPlaced ? error.reason : error instanceof Error ? error.message : String(error);
  return { code: 'CONFIG_SYNTAX', where, key: '', text };
}

function placeText(file: string, { line, col }: { line: number; col: number }): string {
  return `${file}:${line}:${col}`;
}
