import type { OnnxNode } from './schema.ts';

/** Attributes of a node by their names; what is absent has no values, or the given default. */
export interface Attributes {
  integers(name: string): number[];
  integer(name: string, otherwise: number): number;
  floats(name: string): number[];
  texts(name: string): string[];
  text(name: string, otherwise: string): string;
}

export function attributesOf(node: OnnxNode): Attributes {
  const byName = new Map((node.attributes ?? []).map((attribute) => [attribute.name, attribute]));
  const decoder = new TextDecoder();
  const decoded = new Map<Uint8Array, string>();
  const decode = (text: Uint8Array): string => {
    const known = decoded.get(text) ?? decoder.decode(text);
    decoded.set(text, known);
    return known;
  };
  return {
    integers: (name) => byName.get(name)?.integers ?? [],
    integer: (name, otherwise) => byName.get(name)?.integer ?? otherwise,
    floats: (name) => byName.get(name)?.floats ?? [],
    texts: (name) => (byName.get(name)?.texts ?? []).map(decode),
    text: (name, otherwise) => (byName.has(name) ? decode(byName.get(name)!.text!) : otherwise),
  };
}
