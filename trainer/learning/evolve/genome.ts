import { withoutBrackets } from '../../../shared/core/formula/formula.ts';
import type { Rng } from '../../../shared/ports.ts';
import type { StrategyDocument } from '../../../shared/policy/strategy_file.ts';
import type { SearchSpace } from './search_space.ts';

/** A condition of the grid by its index, or two trees joined by an operator. Every tree is of type yes or no. */
export type Tree = number | readonly ['and' | 'or', Tree, Tree];

/** A rule of a search space. */
export interface Genome {
  /** null: no entry on this side; one of them at least is there. */
  readonly long: Tree | null;
  readonly short: Tree | null;
  /** Index of stop, target and maximum age. */
  readonly plan: number;
}

/** Equal rules have equal texts: `and` and `or` do not depend on the order of their parts. */
export function genomeKey({ long, short, plan }: Genome): string {
  return JSON.stringify([long, short, plan]);
}

export function genomeOf(key: string): Genome {
  const [long, short, plan] = JSON.parse(key) as [Tree | null, Tree | null, number];
  return { long, short, plan };
}

/** Number of conditions. */
export function complexityOf({ long, short }: Genome): number {
  return leaves(long) + leaves(short);
}

function leaves(tree: Tree | null): number {
  if (tree === null) return 0;
  return typeof tree === 'number' ? 1 : leaves(tree[1]) + leaves(tree[2]);
}

/** The tree with its parts in order and without repetition. */
function canonical(tree: Tree): Tree {
  if (typeof tree === 'number') return tree;
  const first = canonical(tree[1]);
  const second = canonical(tree[2]);
  const firstText = JSON.stringify(first);
  const secondText = JSON.stringify(second);
  if (firstText === secondText) return first;
  return firstText < secondText ? [tree[0], first, second] : [tree[0], second, first];
}

/** Random, changed and crossed rules of a space; all choices come from `rng`. */
export class Breeder {
  readonly #space: SearchSpace;
  readonly #rng: Rng;
  readonly #neighbors: readonly (readonly number[])[];

  constructor(space: SearchSpace, rng: Rng) {
    this.#space = space;
    this.#rng = rng;
    const byFeature = space.document.features.map((): number[] => []);
    space.conditions.forEach(({ feature }, index) => byFeature[feature]!.push(index));
    this.#neighbors = space.conditions.map(({ feature }) => byFeature[feature]!);
  }

  random(): Genome {
    const { sides } = this.#space.document;
    const isLong = sides.includes('long');
    const isShort = sides.includes('short');
    const choice = isLong && isShort ? this.#rng.integer(3) : isLong ? 0 : 1;
    return {
      long: choice === 1 ? null : this.#tree(),
      short: choice === 0 ? null : this.#tree(),
      plan: this.#rng.integer(this.#space.plans.length),
    };
  }

  /** One change: of a condition within its feature, of a condition to any other, of a subtree, of the plan. */
  mutated(genome: Genome): Genome {
    const kind = this.#rng.integer(5);
    if (kind === 0) return { ...genome, plan: this.#rng.integer(this.#space.plans.length) };
    const side = this.#side(genome);
    const tree = genome[side]!;
    const at = this.#rng.integer(leaves(tree));
    if (kind === 1)
      return this.#with(
        genome,
        side,
        replaceLeaf(tree, at, (leaf) => this.#neighbor(leaf)),
      );
    if (kind === 2)
      return this.#with(
        genome,
        side,
        replaceLeaf(tree, at, () => this.#leaf()),
      );
    if (kind === 3)
      return this.#with(
        genome,
        side,
        replaceLeaf(tree, at, (leaf) => this.#joined(leaf, this.#leaf())),
      );
    return this.#with(genome, side, withoutLeaf(tree, at) ?? this.#tree());
  }

  /** A subtree of one parent takes the place of one of the other. */
  crossed(a: Genome, b: Genome): Genome {
    const side = this.#side(a);
    const donor = b[side] ?? b[this.#side(b)]!;
    const part = subtree(donor, this.#rng.integer(size(donor)));
    const own = a[side]!;
    const child = this.#with(a, side, replaceSubtree(own, this.#rng.integer(size(own)), part));
    return this.#rng.uniform() < 0.5 ? child : { ...child, plan: b.plan };
  }

  #with(genome: Genome, side: 'long' | 'short', tree: Tree): Genome {
    const own = canonical(tree);
    return leaves(own) > this.#space.document.max_conditions ? genome : { ...genome, [side]: own };
  }

  #side({ long, short }: Genome): 'long' | 'short' {
    if (long === null) return 'short';
    if (short === null) return 'long';
    return this.#rng.integer(2) === 0 ? 'long' : 'short';
  }

  #tree(): Tree {
    const { max_conditions } = this.#space.document;
    let tree: Tree = this.#leaf();
    const count = this.#rng.integer(max_conditions);
    for (let i = 0; i < count; i++) tree = this.#joined(tree, this.#leaf());
    return canonical(tree);
  }

  #joined(a: Tree, b: Tree): Tree {
    const { operators } = this.#space.document;
    return [operators[this.#rng.integer(operators.length)]!, a, b];
  }

  #leaf(): number {
    return this.#rng.integer(this.#space.conditions.length);
  }

  #neighbor(leaf: number): number {
    const own = this.#neighbors[leaf]!;
    return own[this.#rng.integer(own.length)]!;
  }
}

/** Nodes, leaves and operators, in the order of a walk from the root. */
function size(tree: Tree): number {
  return typeof tree === 'number' ? 1 : 1 + size(tree[1]) + size(tree[2]);
}

function subtree(tree: Tree, at: number): Tree {
  if (at === 0 || typeof tree === 'number') return tree;
  const first = size(tree[1]);
  return at <= first ? subtree(tree[1], at - 1) : subtree(tree[2], at - 1 - first);
}

function replaceSubtree(tree: Tree, at: number, part: Tree): Tree {
  if (at === 0 || typeof tree === 'number') return part;
  const first = size(tree[1]);
  return at <= first
    ? [tree[0], replaceSubtree(tree[1], at - 1, part), tree[2]]
    : [tree[0], tree[1], replaceSubtree(tree[2], at - 1 - first, part)];
}

function replaceLeaf(tree: Tree, at: number, change: (leaf: number) => Tree): Tree {
  if (typeof tree === 'number') return change(tree);
  const first = leaves(tree[1]);
  return at < first
    ? [tree[0], replaceLeaf(tree[1], at, change), tree[2]]
    : [tree[0], tree[1], replaceLeaf(tree[2], at - first, change)];
}

/** null where the tree is that leaf. */
function withoutLeaf(tree: Tree, at: number): Tree | null {
  if (typeof tree === 'number') return null;
  const first = leaves(tree[1]);
  const isFirst = at < first;
  const rest = isFirst ? withoutLeaf(tree[1], at) : withoutLeaf(tree[2], at - first);
  const other = isFirst ? tree[2] : tree[1];
  if (rest === null) return other;
  return isFirst ? [tree[0], rest, other] : [tree[0], other, rest];
}

/** The rule as a strategy file. */
export function strategyOf(genome: Genome, space: SearchSpace, name: string, description: string): StrategyDocument {
  const limits = space.plans[genome.plan]!;
  const text = (tree: Tree): string => {
    if (typeof tree === 'number') return `(${withoutBrackets(space.conditions[tree]!.formula.root.text)})`;
    return `(${text(tree[1])} ${tree[0]} ${text(tree[2])})`;
  };
  const formula = (tree: Tree): string => withoutBrackets(text(tree));
  return {
    name,
    description,
    subject: space.subject,
    ...(genome.long !== null && { entry_long: formula(genome.long) }),
    ...(genome.short !== null && { entry_short: formula(genome.short) }),
    ...(limits.stopBps < Infinity && { stop: { bps: limits.stopBps } }),
    ...(limits.targetBps < Infinity && { target: { bps: limits.targetBps } }),
    max_age: limits.maxAgeBars,
  };
}
