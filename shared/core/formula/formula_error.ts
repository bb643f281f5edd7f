/** Codes of faults of a formula; each is a code of shared/errors.ts. */
export type FormulaFault =
  | 'FORMULA_SYNTAX'
  | 'FORMULA_NAME'
  | 'FORMULA_ARGUMENTS'
  | 'FORMULA_TYPE'
  | 'FORMULA_UNIT'
  | 'FORMULA_WINDOW'
  | 'FORMULA_CONSTANT'
  | 'FORMULA_LENGTH'
  | 'FORMULA_DEPTH'
  | 'FORMULA_NODES'
  | 'FORMULA_MEMORY'
  | 'FORMULA_LOOK_BACK';

/** A name that is not known, and those that would be. */
export interface UnknownName {
  readonly name: string;
  readonly known: readonly string[];
}

/** A fault of a formula at a position. Its message reads `column 14: rank needs a window of at least 2`. */
export class FormulaError extends Error {
  readonly code: FormulaFault;
  /** 1 is the first character. */
  readonly column: number;
  /** The message without the column. */
  readonly reason: string;
  readonly unknown: UnknownName | null;

  constructor(code: FormulaFault, column: number, reason: string, unknown: UnknownName | null = null) {
    super(`column ${column}: ${reason}`);
    this.code = code;
    this.column = column;
    this.reason = reason;
    this.unknown = unknown;
  }
}
