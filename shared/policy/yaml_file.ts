import { readFileSync } from 'node:fs';
import type { Document } from 'yaml';
import type { ConfigProblem } from './problem.ts';
import { parsePlain, yamlLibrary } from './yaml.ts';

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
  const { isCollection, isMap, isScalar } = yamlLibrary();
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
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    return { code: 'CONFIG_MISSING', where: file, key: '', text: `the file cannot be read (${reason})` };
  }
}

/**
 * Reads one YAML 1.2 document. Duplicate keys, unknown tags and a second document are problems, too:
 * the parser's guess may differ from the writer's intent.
 */
export function readYamlFile(file: string): { yaml: YamlFile } | { problems: ConfigProblem[] } {
  const text = readText(file);
  if (typeof text !== 'string') return { problems: [text] };
  const value = parsePlain(text);
  if (value === null) return readDocument(file, text);
  let document: ReturnType<typeof readDocument> | undefined;
  const where = (path: readonly PropertyKey[]): string => {
    document ??= readDocument(file, text);
    return 'yaml' in document ? document.yaml.where(path) : file;
  };
  return { yaml: { value, where } };
}

function readDocument(file: string, text: string): { yaml: YamlFile } | { problems: ConfigProblem[] } {
  const { LineCounter, parseDocument } = yamlLibrary();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return {
      problems: faults.map((fault) => ({
        code: 'CONFIG_SYNTAX',
        where: place(fault.pos[0]),
        key: '',
        text: fault.message,
      })),
    };
  }
  try {
    return { yaml: { value: document.toJS(), where: (path) => place(offsetOf(document, path)) } };
  } catch (error) {
    // An alias without its anchor, or one that multiplies without end, shows only here.
    const reason = error instanceof Error ? error.message : String(error);
    return { problems: [{ code: 'CONFIG_SYNTAX', where: file, key: '', text: reason }] };
  }
}
