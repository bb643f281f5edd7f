import { describe, expect, it } from 'vitest';
import { graphRefusal, refuseOutsideData, refuseOutsideDataOf } from './graph_limits.ts';
import { encodeOnnx } from './onnx.ts';
import { emptyTree } from './tree_ensemble.ts';

/** A field of a protobuf message: a text, bytes, a message, or a number. */
function field(number: number, value: string | Uint8Array | number): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest >= 128 ? (rest % 128) | 128 : rest);
    if (rest < 128) return Buffer.from(bytes);
  }
}

const join = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);
const inner = field(8, 'w');
const LOCATED = join(inner, field(14, 1));
const ENTRIES = join(inner, field(13, join(field(1, 'location'), field(2, '/tmp/w.bin'))));
const LOOP = join(field(3, 'endless'), field(4, 'Loop'));

const graphOf = (node: Buffer): Buffer => field(1, node);
const attribute = (number: number, value: Buffer): Buffer => field(5, join(field(1, 'a'), field(number, value)));
const sparse = (tensor: Buffer): Buffer => field(1, tensor);

/** Places of a tensor in a model. */
const TENSOR_PLACES: Readonly<Record<string, (tensor: Buffer) => Buffer>> = {
  initializer: (tensor) => field(7, field(5, tensor)),
  'sparse values': (tensor) => field(7, field(15, sparse(tensor))),
  'sparse indices': (tensor) => field(7, field(15, field(2, tensor))),
  attribute: (tensor) => field(7, graphOf(attribute(5, tensor))),
  'attribute list': (tensor) => field(7, graphOf(attribute(10, tensor))),
  'sparse attribute': (tensor) => field(7, graphOf(attribute(22, sparse(tensor)))),
  'sparse attribute list': (tensor) => field(7, graphOf(attribute(23, sparse(tensor)))),
  subgraph: (tensor) => field(7, graphOf(attribute(6, field(5, tensor)))),
  'list of subgraphs': (tensor) => field(7, graphOf(attribute(11, field(5, tensor)))),
  'subgraph of a subgraph': (tensor) => field(7, graphOf(attribute(6, graphOf(attribute(6, field(5, tensor)))))),
  function: (tensor) => field(25, field(7, attribute(5, tensor))),
  'default of a function': (tensor) => field(25, field(11, field(5, tensor))),
  training: (tensor) => field(20, field(1, field(5, tensor))),
};
const NODE_PLACES: Readonly<Record<string, (node: Buffer) => Buffer>> = {
  graph: (node) => field(7, graphOf(node)),
  subgraph: (node) => field(7, graphOf(attribute(6, graphOf(node)))),
  function: (node) => field(25, field(7, node)),
};

describe('a model', () => {
  it.each(Object.keys(TENSOR_PLACES))('must not have the weights of its %s in another file', (place) => {
    for (const tensor of [LOCATED, ENTRIES, join(field(14, 1), inner)])
      expect(graphRefusal(TENSOR_PLACES[place]!(tensor))).toBe('the tensor "w" has data in another file');
    expect(graphRefusal(TENSOR_PLACES[place]!(join(inner, field(14, 0), field(9, 'raw'))))).toBeNull();
  });

  it.each(Object.keys(NODE_PLACES))('must not have a Loop in its %s', (place) => {
    expect(graphRefusal(NODE_PLACES[place]!(LOOP))).toBe('the node "endless" is a Loop');
    expect(graphRefusal(NODE_PLACES[place]!(join(field(3, 'Loop'), field(4, 'Sigmoid'))))).toBeNull();
  });

  it('of ours has none of it, and cannot hide it behind a second graph or a deep one', () => {
    const own = Buffer.from(encodeOnnx({ baseScore: 0, columns: 1, trees: [emptyTree(1)] }));
    expect(graphRefusal(own)).toBeNull();
    expect(graphRefusal(join(own, TENSOR_PLACES['initializer']!(LOCATED)))).toMatch(/another file/);
    let deep: Buffer = field(5, LOCATED);
    for (let i = 0; i < 60; i++) deep = graphOf(attribute(6, deep));
    expect(graphRefusal(field(7, deep))).toMatch(/nested deeper/);
  });

  describe('with functions', () => {
    /** Nodes by the functions they call; a call of nothing known is an operator. */
    const calls = (...names: readonly string[]): Buffer => join(...names.map((name) => field(7, callOf(name))));
    const callOf = (name: string): Buffer => join(field(4, name), field(7, 'own'));
    const functionOf = (name: string, ...called: readonly string[]): Buffer =>
      field(25, join(calls(...called), field(1, name), field(10, 'own')));
    const graph = (...called: readonly string[]): Buffer =>
      field(7, join(...called.map((name) => graphOf(callOf(name)))));
    /** The n-th calls the one before twice. */
    const doubling = (count: number): Buffer[] =>
      Array.from({ length: count }, (_, i) => functionOf(`f${i}`, ...(i === 0 ? ['Add'] : [`f${i - 1}`, `f${i - 1}`])));

    it('may call them, each other too, up to a number of nodes', () => {
      expect(graphRefusal(join(graph('f13'), ...doubling(14)))).toBeNull();
      expect(graphRefusal(join(...doubling(15), graph('f14')))).toBe(
        'its functions call each other until there are 16384 nodes; at most 10000',
      );
      expect(graphRefusal(join(graph('f60'), ...doubling(61)))).toMatch(/until there are 1152921504606847000 nodes/);
      // Functions that nothing calls cost nothing.
      expect(graphRefusal(join(graph('Add'), ...doubling(61)))).toBeNull();
    });

    it('may not have one that calls itself, over others or in a subgraph', () => {
      const self = 'the function "f" calls itself';
      expect(graphRefusal(join(graph('f'), functionOf('f', 'Add', 'f')))).toBe(self);
      expect(graphRefusal(join(graph('f'), functionOf('f', 'g'), functionOf('g', 'f')))).toBe(self);
      const within = field(7, attribute(6, graphOf(callOf('f'))));
      expect(graphRefusal(join(graph('f'), field(25, join(within, field(1, 'f'), field(10, 'own')))))).toBe(self);
    });

    it('may not have a chain of them that is too long to follow', () => {
      const chain = Array.from({ length: 20_000 }, (_, i) => functionOf(`f${i}`, i === 0 ? 'Add' : `f${i - 1}`));
      expect(graphRefusal(join(graph('f999'), ...chain))).toBeNull();
      expect(graphRefusal(join(graph('f19999'), ...chain))).toBe(
        'more than 1000 of its functions call each other in a chain',
      );
    });

    it('are told apart by their whole names', () => {
      const long = 'x'.repeat(300);
      const bomb = [...doubling(18), functionOf(`${long}1`, 'f17'), functionOf(`${long}2`, 'Add')];
      expect(graphRefusal(join(graph(`${long}1`), ...bomb))).toMatch(/131072 nodes/);
    });

    it('of one name in two domains, or with overloads, are two', () => {
      const other = field(25, join(field(7, callOf('f')), field(1, 'f'), field(10, 'other')));
      expect(
        graphRefusal(join(field(7, graphOf(join(field(4, 'f'), field(7, 'other')))), other, functionOf('f', 'Add'))),
      ).toBeNull();
      const first = field(25, join(field(7, join(callOf('f'), field(8, 'second'))), field(1, 'f'), field(10, 'own')));
      const second = field(25, join(calls('Add'), field(1, 'f'), field(10, 'own'), field(13, 'second')));
      expect(graphRefusal(join(graph('f'), first, second))).toBeNull();
    });
  });

  it('that is cut off is refused where it would be run', () => {
    const cut = TENSOR_PLACES['initializer']!(LOCATED).subarray(0, 5);
    expect(() => refuseOutsideData(cut, 'ai1.onnx')).toThrow(/ai1\.onnx: .*goes beyond/);
    expect(() => refuseOutsideDataOf(cut, 'ai1.onnx')).not.toThrow();
    expect(() => refuseOutsideDataOf(TENSOR_PLACES['initializer']!(LOCATED), 'ai1.onnx')).toThrow(/another file/);
  });
});
