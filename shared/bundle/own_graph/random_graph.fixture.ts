import { createRng } from '../../rng.ts';
import type { Rng } from '../../ports.ts';
import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME, treeNodes } from '../onnx/onnx.ts';
import { ATTRIBUTE, ELEMENT_FLOAT32, ELEMENT_FLOAT64, type OnnxAttribute, type OnnxNode } from '../onnx/schema.ts';
import type { TreeModel } from '../onnx/tree_ensemble.ts';
import { randomEnsemble } from '../tree_kernel/random_ensemble.fixture.ts';

/** Attributes of a Cast. */
export const cast = (to: number): OnnxAttribute[] => [{ name: 'to', type: ATTRIBUTE.INT, integer: to }];

/** Random graphs of the operators that our own code computes, with shapes that ONNX allows. */
export class GraphWriter {
  readonly nodes: OnnxNode[] = [];
  readonly #rng: Rng;
  readonly #columns: number;
  #names = 0;

  constructor(seed: string, columns: number) {
    this.#rng = createRng(seed);
    this.#columns = columns;
  }

  /** A graph of up to 30 random steps over trees and columns. */
  random(): Uint8Array {
    const scores = [this.trees(), this.linear()];
    for (let step = this.#rng.integer(30); step >= 0; step--) scores.push(this.#randomStep(scores));
    return this.model(this.node('Sigmoid', [this.#one(scores)]));
  }

  /** The same with so many answers per row, at least 2. */
  randomClasses(width: number): Uint8Array {
    const scores = [this.classTrees(width), this.classLinear(width)];
    for (let step = this.#rng.integer(20); step >= 0; step--) scores.push(this.#randomClassStep(scores, width));
    const last = this.#one(scores);
    return this.model(this.#rng.uniform() < 0.5 ? this.softmax(last) : this.node('Sigmoid', [last]), width);
  }

  /** @param score a float64 value [N, width] */
  model(score: string, width = 1): Uint8Array {
    const last: OnnxNode = {
      name: 'last',
      operator: 'Cast',
      inputs: [score],
      outputs: [OUTPUT_NAME],
      attributes: cast(ELEMENT_FLOAT32),
    };
    const nodes = [...this.nodes, last];
    return encodeGraph({ name: 'random', inputs: [featuresInput(this.#columns)], nodes, width, metadata: {} });
  }

  node(operator: string, inputs: string[], attributes: OnnxAttribute[] = []): string {
    const output = `v${this.#names++}`;
    this.nodes.push({ name: `${output}_of`, operator, inputs, outputs: [output], attributes });
    return output;
  }

  vector(numbers: number[]): string {
    const value = this.node('Constant', [], [{ name: 'value_floats', type: ATTRIBUTE.FLOATS, floats: numbers }]);
    return this.node('Cast', [value], cast(ELEMENT_FLOAT64));
  }

  integers(...numbers: number[]): string {
    return this.node('Constant', [], [{ name: 'value_ints', type: ATTRIBUTE.INTS, integers: numbers }]);
  }

  /** The float64 answers [N, 1] of random trees. */
  trees(link: TreeModel['link'] = this.#rng.uniform() < 0.5 ? 'sigmoid' : 'identity'): string {
    const ensemble = randomEnsemble({
      trees: 1 + this.#rng.integer(20),
      leaves: 1 + this.#rng.integer(40),
      columns: this.#columns,
      seed: `trees ${this.#names}/${this.#rng.integer(1e6)}`,
    });
    const output = `v${this.#names++}`;
    const exactSums = this.#rng.uniform() < 0.5;
    const place = { input: INPUT_NAME, output, prefix: `${output}/` };
    this.nodes.push(...treeNodes({ link, ensembles: [ensemble] }, place, exactSums));
    return this.node('Cast', [output], cast(ELEMENT_FLOAT64));
  }

  /** The float64 answers [N, width] of random trees of several targets, one of which may have no tree. */
  classTrees(width: number, link: TreeModel['link'] = this.#rng.uniform() < 0.5 ? 'softmax' : 'identity'): string {
    const ensembles = Array.from({ length: width }, (_, target) =>
      randomEnsemble({
        trees: this.#rng.integer(15),
        leaves: 1 + this.#rng.integer(40),
        columns: this.#columns,
        seed: `trees ${this.#names}/${target}/${this.#rng.integer(1e6)}`,
      }),
    );
    const output = `v${this.#names++}`;
    this.nodes.push(...treeNodes({ link, ensembles }, { input: INPUT_NAME, output, prefix: `${output}/` }));
    return this.node('Cast', [output], cast(ELEMENT_FLOAT64));
  }

  /** Linear functions [N, width] of some columns: by one matrix, or by a product for each of them. */
  classLinear(width: number): string {
    const { clipped, normals } = this.#clippedColumns();
    if (this.#rng.uniform() < 0.5) {
      const shape = [
        [normals().length, width],
        [-1, width],
        [normals().length, -1],
      ][this.#rng.integer(3)]!;
      const weights = this.vector(Array.from({ length: width }, normals).flat());
      return this.node('MatMul', [clipped, this.node('Reshape', [weights, this.integers(...shape)])]);
    }
    const sums = Array.from({ length: width }, () => this.#product(clipped, normals()));
    return this.#concat(sums);
  }

  /** Of clipped numbers: the difference of two large ones has no digits left. */
  softmax(of: string): string {
    const clipped = this.node('Clip', [of, this.scalar(-30), this.scalar(30)]);
    return this.node('Softmax', [clipped], this.#axis());
  }

  /** A linear function [N, 1] of some columns, of which missing values count as their mean. */
  linear(): string {
    const { clipped, normals } = this.#clippedColumns();
    return this.#product(clipped, normals());
  }

  #product(of: string, weights: number[]): string {
    const sum = this.node('MatMul', [of, this.vector(weights)]);
    return this.node('Reshape', [sum, this.integers(-1, 1)]);
  }

  #concat(of: string[]): string {
    return this.node('Concat', of, this.#axis());
  }

  /** The axis of the numbers of a row, as it may be named. */
  #axis(): OnnxAttribute[] {
    return [{ name: 'axis', type: ATTRIBUTE.INT, integer: this.#rng.uniform() < 0.5 ? 1 : -1 }];
  }

  /** @returns columns of which missing values count as their mean, and what makes one number for each */
  #clippedColumns(): { readonly clipped: string; readonly normals: () => number[] } {
    const width = 1 + this.#rng.integer(this.#columns);
    const columns = Array.from({ length: width }, () => this.#rng.integer(this.#columns));
    const normals = (): number[] => columns.map(() => Math.fround(this.#rng.normal()));
    const used = this.node(
      'Gather',
      [INPUT_NAME, this.integers(...columns)],
      [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }],
    );
    const wide = this.node('Cast', [used], cast(ELEMENT_FLOAT64));
    const centered = this.node('Sub', [wide, this.vector(normals())]);
    const known = this.node('Where', [this.node('IsNaN', [centered]), this.scalar(0), centered]);
    const clipped = this.node('Clip', [known, this.scalar(-8), this.scalar(8)]);
    return { clipped, normals };
  }

  /** As the limits of Clip must be: of no dimension. */
  scalar(number: number): string {
    const value = this.node('Constant', [], [{ name: 'value_float', type: ATTRIBUTE.FLOAT, number }]);
    return this.node('Cast', [value], cast(ELEMENT_FLOAT64));
  }

  #constant(): string {
    const number = Math.fround(this.#rng.normal());
    return this.#rng.uniform() < 0.5 ? this.scalar(number) : this.vector([number]);
  }

  #one(of: readonly string[]): string {
    return of[this.#rng.integer(of.length)]!;
  }

  #randomStep(scores: readonly string[]): string {
    const kind = this.#rng.integer(8);
    const one = this.#one(scores);
    if (kind === 0) return this.trees();
    if (kind === 1) return this.linear();
    if (kind === 2) return this.node('Sigmoid', [one]);
    if (kind === 3) return this.node('Log', [this.node('Clip', [one, this.scalar(0.001), this.scalar(0.999)])]);
    if (kind === 4) return this.node('Sum', [one, this.#one(scores), this.#one(scores)]);
    if (kind === 5) return this.node('Where', [this.node('IsNaN', [one]), this.#one(scores), this.scalar(0.5)]);
    const other = this.#rng.uniform() < 0.5 ? this.#one(scores) : this.#constant();
    const sides = this.#rng.uniform() < 0.5 ? [one, other] : [other, one];
    if (kind === 6) return this.node('Div', [other, this.node('Clip', [one, this.scalar(0.5), this.scalar(2)])]);
    return this.node(['Add', 'Sub', 'Mul'][this.#rng.integer(3)]!, sides);
  }

  #randomClassStep(scores: readonly string[], width: number): string {
    const kind = this.#rng.integer(9);
    const one = this.#one(scores);
    if (kind === 0) return this.classTrees(width);
    if (kind === 1) return this.classLinear(width);
    if (kind === 2) return this.softmax(one);
    if (kind === 3) return this.node('Log', [this.node('Clip', [one, this.scalar(0.001), this.scalar(1)])]);
    if (kind === 4) return this.node('Sum', [one, this.#one(scores), this.#one(scores)]);
    if (kind === 5) return this.node('Where', [this.node('IsNaN', [one]), this.#one(scores), this.scalar(0.5)]);
    if (kind === 6) {
      const first = 1 + this.#rng.integer(width - 1);
      return this.#concat([this.classLinear(first), this.classLinear(width - first)]);
    }
    const normals = Array.from({ length: width }, () => Math.fround(this.#rng.normal()));
    const other = [this.#one(scores), this.scalar(normals[0]!), this.vector(normals)][this.#rng.integer(3)]!;
    const sides = this.#rng.uniform() < 0.5 ? [one, other] : [other, one];
    return this.node(['Add', 'Sub', 'Mul'][this.#rng.integer(3)]!, sides);
  }
}
