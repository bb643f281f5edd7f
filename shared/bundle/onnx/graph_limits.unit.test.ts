import { describe, expect, it } from 'vitest';
import { graphRefusal, refuseUnservedGraph, refuseUnservedGraphOf } from './graph_limits.ts';
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
  training: (tensor) => field(20, field(1, field(5, tensor))),
};
const NODE_PLACES: Readonly<Record<string, (node: Buffer) => Buffer>> = {
  graph: (node) => field(7, graphOf(node)),
  subgraph: (node) => field(7, graphOf(attribute(6, graphOf(node)))),
  'subgraph of a subgraph': (node) => field(7, graphOf(attribute(6, graphOf(attribute(11, graphOf(node)))))),
  training: (node) => field(20, field(1, graphOf(node))),
};

describe('a model', () => {
  it.each(Object.keys(TENSOR_PLACES))('must not have the weights of its %s in another file', (place) => {
    for (const tensor of [LOCATED, ENTRIES, join(field(14, 1), inner)])
      expect(graphRefusal(TENSOR_PLACES[place]!(tensor))).toMatchObject({
        code: 'MODEL_LOAD',
        seen: 'the tensor "w" has data in another file',
      });
    expect(graphRefusal(TENSOR_PLACES[place]!(join(inner, field(14, 0), field(9, 'raw'))))).toBeNull();
  });

  describe.each(Object.keys(NODE_PLACES))('in its %s', (place) => {
    const refusal = (...parts: readonly Buffer[]) => graphRefusal(NODE_PLACES[place]!(join(field(3, 'own'), ...parts)));
    const operator = (name: string): Buffer => field(4, name);
    const input = (name: string): Buffer => field(1, name);
    const output = (name: string): Buffer => field(2, name);
    const integer = (name: string, value: number): Buffer => field(5, join(field(1, name), field(3, value)));

    it.each<readonly [string, string]>([
      ['Loop', 'is a Loop'],
      ...['RandomUniform', 'RandomUniformLike', 'RandomNormal', 'RandomNormalLike', 'Multinomial', 'Bernoulli'].map(
        (name) => [name, `is ${name}, which draws random numbers`] as const,
      ),
    ])('must not have %s', (name, seen) => {
      expect(refusal(operator(name))).toMatchObject({ code: 'MODEL_OPERATOR', seen: `the node "own" ${seen}` });
      expect(refusal(operator('Sigmoid'))).toBeNull();
      // The last one counts.
      expect(refusal(operator('Sigmoid'), operator(name))).not.toBeNull();
      expect(graphRefusal(NODE_PLACES[place]!(join(field(3, name), operator('Sigmoid'))))).toBeNull();
    });

    it('must not have Dropout or BatchNormalization in training mode', () => {
      const drops = [operator('Dropout'), input('x'), input('ratio')];
      const seen = 'the node "own" is Dropout in training mode';
      expect(refusal(...drops)).toBeNull();
      expect(refusal(...drops, input(''))).toBeNull();
      expect(refusal(...drops, input('trains'))).toMatchObject({ code: 'MODEL_OPERATOR', seen });
      const normal = [operator('BatchNormalization'), ...['x', 'scale', 'b', 'mean', 'var'].map(input), output('y')];
      const learns = { code: 'MODEL_OPERATOR', seen: 'the node "own" is BatchNormalization in training mode' };
      expect(refusal(...normal, integer('training_mode', 0))).toBeNull();
      expect(refusal(...normal, integer('spatial', 1))).toBeNull();
      expect(refusal(...normal, integer('training_mode', 1))).toMatchObject(learns);
      expect(refusal(...normal, integer('training_mode', 1), integer('spatial', 0))).toMatchObject(learns);
      expect(refusal(...normal, output('running_mean'))).toMatchObject(learns);
      expect(refusal(...normal, output(''))).toBeNull();
    });

    it('must not have operators of other domains', () => {
      for (const domain of ['', 'ai.onnx', 'ai.onnx.ml']) expect(refusal(operator('Add'), field(7, domain))).toBeNull();
      for (const domain of ['com.microsoft', 'ai.onnx.preview.training', 'own', 'ai.onnx.ml '])
        expect(refusal(operator('Add'), field(7, domain))).toMatchObject({
          code: 'MODEL_OPERATOR',
          seen: `the node "own" is Add of the domain ${domain}`,
        });
    });
  });

  it('must not have functions of its own, which may hide any of it', () => {
    const own = Buffer.from(encodeOnnx({ baseScore: 0, columns: 1, trees: [emptyTree(1)] }));
    expect(graphRefusal(join(own, field(25, join(field(7, field(4, 'Add')), field(1, 'f')))))).toMatchObject({
      code: 'MODEL_OPERATOR',
      next: expect.stringContaining('inline_local_functions') as string,
    });
  });

  it('of ours has none of it, and cannot hide it behind a second graph or a deep one', () => {
    const own = Buffer.from(encodeOnnx({ baseScore: 0, columns: 1, trees: [emptyTree(1)] }));
    expect(graphRefusal(own)).toBeNull();
    expect(graphRefusal(join(own, TENSOR_PLACES['initializer']!(LOCATED)))).toMatchObject({
      seen: expect.stringMatching(/another file/) as string,
    });
    let deep: Buffer = field(5, LOCATED);
    for (let i = 0; i < 60; i++) deep = graphOf(attribute(6, deep));
    expect(graphRefusal(field(7, deep))).toMatchObject({ seen: expect.stringMatching(/nested deeper/) as string });
  });

  it('that is cut off is refused where it would be run', () => {
    const cut = TENSOR_PLACES['initializer']!(LOCATED).subarray(0, 5);
    expect(() => refuseUnservedGraph(cut, 'ai1.onnx')).toThrow(/ai1\.onnx: .*goes beyond/);
    expect(() => refuseUnservedGraphOf(cut, 'ai1.onnx')).not.toThrow();
    expect(() => refuseUnservedGraphOf(TENSOR_PLACES['initializer']!(LOCATED), 'ai1.onnx')).toThrow(/another file/);
  });
});
