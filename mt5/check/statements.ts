import { Declarations, parameterScope } from './declarations.ts';
import type { Surroundings } from './expressions.ts';
import type { Place } from './diagnostic.ts';
import { Scope, type Callable, type Program, type Struct } from './program.ts';
import type { Block, Expression, FunctionSyntax, Statement } from './syntax.ts';
import { isUnknown, isWhole, type Type } from './types.ts';

/** Context of a statement. */
interface Within extends Surroundings {
  readonly result: Type;
  readonly isLoop: boolean;
  readonly isSwitch: boolean;
  /** Directly after a case, without its own block. */
  readonly isCase: boolean;
}

/** Checks the bodies of functions. */
export class Statements {
  private readonly program: Program;
  private readonly declarations: Declarations;

  constructor(program: Program, declarations: Declarations) {
    this.program = program;
    this.declarations = declarations;
  }

  body(callable: Callable): void {
    const { syntax, owner, result } = callable;
    if (syntax.body === null) {
      const hasBody = this.bodies(syntax, owner).some(({ syntax: other }) => other.body !== null);
      if (!hasBody) this.program.report('111', syntax, `function '${syntax.name}' has no body`);
      return;
    }
    const scope = parameterScope(callable, this.program.globals, this.program);
    const within: Within = {
      scope,
      owner,
      isConst: syntax.isConst,
      result,
      isLoop: false,
      isSwitch: false,
      isCase: false,
    };
    this.block(syntax.body, within, scope);
    if (result.kind !== 'void' && !ends(syntax.body))
      this.program.report('117', syntax, `not all paths of '${syntax.name}' return a value`);
  }

  private bodies(syntax: FunctionSyntax, owner: Struct | null): readonly Callable[] {
    return (owner === null ? this.program.functions.get(syntax.name) : owner.methods.get(syntax.name)) ?? [];
  }

  private block({ statements }: Block, within: Within, scope = new Scope(within.scope)): void {
    const inside = { ...within, scope, isCase: false };
    for (const statement of statements) this.statement(statement, inside);
    for (const { name, where, isUsed, at } of scope.names.values())
      if (where === 'local' && !isUsed) this.program.report('31', at, `variable '${name}' is not used`);
  }

  /** A statement with its own scope. */
  private nested(statement: Statement, within: Within): void {
    if (statement.kind === 'block') this.block(statement, within);
    else if (statement.kind === 'empty') this.program.report('69', statement, 'empty controlled statement');
    else this.block({ kind: 'block', statements: [statement], file: '', line: 0 }, within);
  }

  private statement(statement: Statement, within: Within): void {
    const { expressions } = this.declarations;
    switch (statement.kind) {
      case 'block':
        return this.block(statement, within);
      case 'variables':
        if (within.isCase) this.program.report('179', statement, 'a variable cannot be declared in case');
        return this.declarations.variables(statement, within, 'local');
      case 'expression':
        return this.expression(statement.expression, within);
      case 'empty':
        return;
      case 'break':
        if (!within.isLoop && !within.isSwitch) this.program.report('153', statement, 'misuse of break');
        return;
      case 'continue':
        if (!within.isLoop) this.program.report('210', statement, 'continue outside of a loop');
        return;
      case 'return':
        return this.result(statement.value, statement, within);
      case 'if':
        expressions.condition(statement.test, within);
        this.nested(statement.yes, within);
        if (statement.no !== null) this.nested(statement.no, within);
        return;
      case 'while':
      case 'do':
        expressions.condition(statement.test, within);
        return this.nested(statement.body, { ...within, isLoop: true, isSwitch: false });
      case 'for':
        return this.loop(statement, within);
      case 'switch':
        return this.choice(statement, within);
      case 'case':
        return this.program.report('184', statement, 'case or default without a switch');
    }
  }

  private expression(expression: Expression, within: Within): void {
    const { type } = this.declarations.expressions.value(expression, within);
    const changes =
      expression.kind === 'call' ||
      ((expression.kind === 'prefix' || expression.kind === 'postfix') && expression.operator.length === 2) ||
      (expression.kind === 'binary' && /^(?:[^=!<>]|<<|>>)?=$/.test(expression.operator));
    if (!changes && !isUnknown(type))
      this.program.report('178', expression, 'the result of the expression is not used');
    if (expression.kind !== 'call' || expression.callee.kind !== 'name') return;
    const builtIn = this.program.builtIns.get(expression.callee.text)?.[0]?.builtIn;
    if (builtIn?.flags.includes('result') === true)
      this.program.report('83', expression, `the result of '${expression.callee.text}' should be checked`);
  }

  private result(value: Expression | null, at: Place, within: Within): void {
    const isVoid = within.result.kind === 'void';
    if (value === null) {
      if (!isVoid) this.program.report('121', at, 'the function must return a value');
      return;
    }
    const found = this.declarations.expressions.value(value, within);
    if (isVoid) this.program.report('167', at, 'a function of type void cannot return a value');
    else this.declarations.expressions.convert(found, within.result, at);
  }

  private loop({ init, test, step, body }: Extract<Statement, { kind: 'for' }>, within: Within): void {
    const inside = { ...within, scope: new Scope(within.scope), isLoop: true, isSwitch: false, isCase: false };
    if (init !== null) this.statement(init, inside);
    if (test !== null) this.declarations.expressions.condition(test, inside);
    for (const expression of step) this.expression(expression, inside);
    this.nested(body, inside);
  }

  private choice({ value, body }: Extract<Statement, { kind: 'switch' }>, within: Within): void {
    const { program } = this;
    const { type } = this.declarations.expressions.value(value, within);
    if (!isWhole(type)) program.report('260', value, `switch does not take ${type.name}`);
    const inside: Within = { ...within, scope: new Scope(within.scope), isSwitch: true, isCase: true };
    const seen = new Set<bigint>();
    let hasDefault = false;
    for (const statement of body.statements) {
      if (statement.kind !== 'case') {
        this.statement(statement, inside);
        continue;
      }
      if (statement.value === null) {
        if (hasDefault) program.report('238', statement, "this 'switch' already has a 'default'");
        hasDefault = true;
        continue;
      }
      const { constant, type: found } = this.declarations.expressions.value(statement.value, within);
      if (constant === null) program.report('187', statement, 'a constant is expected after case');
      else if (typeof constant !== 'bigint' || !isWhole(found))
        program.report('171', statement, 'only integer constants are valid after case');
      else if (seen.has(constant)) program.report('172', statement, `case ${constant} is already used`);
      else seen.add(constant);
    }
  }
}

/** Whether the code after a statement is unreachable. */
function ends(statement: Statement): boolean {
  switch (statement.kind) {
    case 'return':
      return true;
    case 'block':
      return statement.statements.some(ends);
    case 'if':
      return statement.no !== null && ends(statement.yes) && ends(statement.no);
    case 'while':
    case 'do':
      return isTrue(statement.test) && !breaks(statement.body);
    case 'for':
      return statement.test === null && !breaks(statement.body);
    case 'switch': {
      const { statements } = statement.body;
      const hasDefault = statements.some((one) => one.kind === 'case' && one.value === null);
      return hasDefault && !breaks(statement.body) && statements.length > 0 && ends(statements.at(-1)!);
    }
    case 'variables':
    case 'expression':
    case 'empty':
    case 'break':
    case 'continue':
    case 'case':
      return false;
  }
}

const isTrue = (test: Expression): boolean => test.kind === 'name' && test.text === 'true';

/** Whether it contains a `break` of the enclosing loop or switch. */
function breaks(statement: Statement): boolean {
  if (statement.kind === 'break') return true;
  if (statement.kind === 'block') return statement.statements.some(breaks);
  if (statement.kind === 'if') return breaks(statement.yes) || (statement.no !== null && breaks(statement.no));
  return false;
}
