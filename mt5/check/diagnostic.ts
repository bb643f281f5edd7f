/** A location in a source. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** An error in a source. */
export interface Diagnostic extends Place {
  /** A key of RULES: MetaEditor's code, or the name of a rule of the subset. */
  readonly rule: string;
  readonly message: string;
}

/** Ends the check of a program: after a syntax error nothing is meaningful. */
export class SyntaxProblem extends Error {
  readonly diagnostic: Diagnostic;

  constructor(rule: string, at: Place, message: string) {
    super(message);
    this.diagnostic = { rule, file: at.file, line: at.line, message };
  }
}

/** `Experts/Minutehand.mq5(12): 256 undeclared identifier 'x'` */
export function diagnosticText({ file, line, rule, message }: Diagnostic): string {
  return `${file}(${line}): ${rule} ${message}`;
}
