/** A leaf of the tree that is being grown. */
export interface Leaf {
  readonly node: number;
  /** Its rows in the order of the tree. */
  readonly start: number;
  readonly rows: number;
  readonly depth: number;
  /** Address; 0 when the leaf stays one. */
  readonly histogram: number;
  /** Position of the column of its best split, −1 = none. */
  best: number;
  improvement: number;
}
