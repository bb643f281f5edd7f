/** What a node calls, or what a function is called by: an operator or function of a domain. */
export interface FunctionName {
  readonly domain: string;
  readonly name: string;
  /** Tells functions of one name apart; empty = there is one. */
  readonly overload: string;
}

/** A function of a model, with the operators and functions of its nodes, subgraphs included. */
export interface ModelFunction {
  readonly name: FunctionName;
  readonly nodes: readonly FunctionName[];
}

/**
 * Nodes of a model once each call of a function is replaced by the function's nodes, as a runtime does when it loads
 * the model: thirty functions that each call the one before twice are a thousand million nodes in two kilobytes.
 * onnxruntime 1.30 takes many seconds for 16,384 such nodes, and minutes for 65,536.
 */
export const MAX_NODES_OF_CALLS = 10_000;
/** Functions that call each other in a chain. */
const MAX_CHAIN = 1000;

/** @param nodes of the graph, subgraphs included @returns what is wrong with the calls; null = nothing */
export function callsRefusal(nodes: readonly FunctionName[], functions: readonly ModelFunction[]): string | null {
  const byName = new Map(functions.map((one) => [keyOf(one.name), one]));
  /** Nodes of functions; null = being counted. */
  const counts = new Map<string, number | null>();
  let refusal: string | null = null;

  const countOf = (called: readonly FunctionName[], depth: number): number =>
    called.reduce((sum, one) => {
      const found = byName.get(keyOf(one));
      return sum + (found === undefined ? 1 : countOfFunction(found, depth + 1));
    }, 0);

  function countOfFunction({ name, nodes: own }: ModelFunction, depth: number): number {
    const key = keyOf(name);
    const known = counts.get(key);
    if (known === null) refusal ??= `the function ${JSON.stringify(name.name)} calls itself`;
    if (depth > MAX_CHAIN) refusal ??= `more than ${MAX_CHAIN} of its functions call each other in a chain`;
    if (refusal !== null) return 0;
    if (known !== undefined && known !== null) return known;
    counts.set(key, null);
    const count = countOf(own, depth);
    counts.set(key, count);
    return count;
  }

  const count = countOf(nodes, 0);
  if (refusal !== null) return refusal;
  if (functions.length === 0 || count <= MAX_NODES_OF_CALLS) return null;
  return `its functions call each other until there are ${count} nodes; at most ${MAX_NODES_OF_CALLS}`;
}

/** The standard domain has two names. */
const keyOf = ({ domain, name, overload }: FunctionName): string =>
  JSON.stringify([domain === 'ai.onnx' ? '' : domain, name, overload]);
