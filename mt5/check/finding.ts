/** A location in a source. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** An error in a source. */
export interface Finding extends Place {
  /** A key of RULES: MetaEditor's code, or the name of a rule of the subset. */
  readonly rule: string;
  readonly message: string;
}

/** Ends the check of a program: after a syntax error nothing is meaningful. */
export class SyntaxProblem extends Error {
  readonly finding: Finding;

  constructor(rule: string, at: Place, message: string) {
    super(message);
    this.finding = { rule, file: at.file, line: at.line, message };
  }
}

/** `Experts/Minutehand.mq5(12): 256 undeclared identifier 'x'` */
export function findingText({ file, line, rule, message }: Finding): string {
  return `${file}(${line}): ${rule} ${message}`;
}
