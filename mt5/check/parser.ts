import { SyntaxProblem, type Place } from './diagnostic.ts';
import type { Token } from './lexer.ts';
import type {
  Block,
  Declaration,
  Declarator,
  EnumSyntax,
  Expression,
  FunctionSyntax,
  Parameter,
  Statement,
  StructSyntax,
  TypeName,
  Variables,
} from './syntax.ts';

const SIMPLE_TYPES = 'void bool char uchar short ushort int uint long ulong float double string color datetime'.split(
  ' ',
);
/** Keywords of C++ that MQL5 lacks, and keywords of MQL5 outside the subset, each with its rule. */
const FOREIGN_WORDS: Readonly<Record<string, string>> = Object.fromEntries([
  ...'auto nullptr constexpr noexcept decltype mutable friend unsigned signed wchar_t static_assert alignas'
    .split(' ')
    .map((word) => [word, 'foreign_word']),
  ...'throw try catch'.split(' ').map((word) => [word, 'no_exceptions']),
  ...'static_cast reinterpret_cast const_cast'.split(' ').map((word) => [word, 'foreign_word']),
  ...'template typename'.split(' ').map((word) => [word, 'no_templates']),
  ...'new delete'.split(' ').map((word) => [word, 'no_pointers']),
  ...'namespace using goto typedef union interface dynamic_cast extern sinput operator override final pack'
    .split(' ')
    .map((word) => [word, 'outside_subset']),
]);
const RESERVED = new Set([
  ...SIMPLE_TYPES,
  ...(
    'break case class const continue default do else enum for if input private protected public return sizeof ' +
    'static struct switch this true false virtual while'
  ).split(' '),
]);
const PARAMETERS_MAX = 64;
const ASSIGNMENTS = new Set(['=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=', '>>=']);
/** Precedence of binary operators. */
const LEVELS = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const OPENING: Readonly<Record<string, string>> = { '(': '145', '[': '145', '{': '133' };

/**
 * @param builtInTypes structures and enumerations of the terminal
 * @throws {SyntaxProblem} at the first place that is not MQL5 of the subset
 */
export function parse(tokens: readonly Token[], builtInTypes: Iterable<string>): Declaration[] {
  return new Parser(tokens, builtInTypes).program();
}

/** The declaration of a built-in function, such as `int StringLen(string value)`. */
export function parseSignature(tokens: readonly Token[], builtInTypes: Iterable<string>): FunctionSyntax {
  const [declaration] = new Parser(tokens, builtInTypes).program();
  if (declaration?.kind !== 'function') throw new Error(`no signature: ${tokens.map(({ text }) => text).join(' ')}`);
  return declaration;
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly types: Set<string>;
  private index = 0;

  constructor(tokens: readonly Token[], builtInTypes: Iterable<string>) {
    const last = tokens.at(-1) ?? { file: '', line: 1 };
    this.tokens = [...tokens, { kind: 'end', text: 'the end', file: last.file, line: last.line }];
    this.types = new Set([...SIMPLE_TYPES, ...builtInTypes]);
  }

  program(): Declaration[] {
    checkBrackets(this.tokens);
    const declarations: Declaration[] = [];
    while (this.token.kind !== 'end') {
      if (this.take(';')) continue;
      declarations.push(...this.declaration());
    }
    return declarations;
  }

  private get token(): Token {
    return this.tokens[this.index]!;
  }

  private get place(): Place {
    return { file: this.token.file, line: this.token.line };
  }

  private peek(ahead: number): Token {
    return this.tokens[Math.min(this.index + ahead, this.tokens.length - 1)]!;
  }

  private is(text: string): boolean {
    return this.token.text === text && (this.token.kind === 'operator' || this.token.kind === 'word');
  }

  private take(text: string): boolean {
    if (!this.is(text)) return false;
    this.index++;
    return true;
  }

  private need(text: string, rule: string): void {
    if (this.take(text)) return;
    const at = this.tokens[Math.max(0, this.index - 1)]!;
    if (this.token.kind === 'end') throw new SyntaxProblem('161', at, 'unexpected end of program');
    throw new SyntaxProblem(rule, at, `'${this.token.text}' - '${text}' expected`);
  }

  private fail(rule: string, message: string): never {
    throw new SyntaxProblem(rule, this.place, message);
  }

  /** A name that is declared or used. */
  private name(): string {
    const { kind, text } = this.token;
    const foreign = FOREIGN_WORDS[text];
    if (kind === 'word' && foreign !== undefined) this.fail(foreign, `'${text}' is not in the subset`);
    if (kind !== 'word' || RESERVED.has(text)) this.fail('228', `'${text}' - name expected`);
    this.index++;
    return text;
  }

  private isType(ahead = 0): boolean {
    const { kind, text } = this.peek(ahead);
    return kind === 'word' && this.types.has(text);
  }

  // ---------------------------------------------------------------- declarations

  private declaration(): Declaration[] {
    if (this.is('input') && this.peek(1).text === 'group') {
      this.index += 2;
      if (this.token.kind !== 'string') this.fail('239', 'the name of a group of inputs is a string');
      this.index++;
      return [];
    }
    if (this.is('enum')) return [this.enumeration()];
    if (this.is('struct') || this.is('class')) return this.structure();
    if (this.token.kind === 'operator' && !this.is('~'))
      this.fail(this.is('}') ? '149' : '175', `'${this.token.text}' on the global level`);
    const { kind, text } = this.token;
    const isStatement = ['if', 'for', 'while', 'do', 'switch', 'return', 'break', 'continue'].includes(text);
    if (kind === 'word' && isStatement) this.fail('175', `'${text}' on the global level`);
    return [this.variablesOrFunction(null)];
  }

  private enumeration(): EnumSyntax {
    const at = this.place;
    this.index++;
    const name = this.name();
    this.types.add(name);
    this.need('{', '141');
    const members: EnumSyntax['members'][number][] = [];
    while (!this.is('}')) {
      const place = this.place;
      if (this.token.kind !== 'word') this.fail('196', `'${this.token.text}' - name of enumeration member expected`);
      members.push({ ...place, name: this.name(), value: this.take('=') ? this.choice() : null });
      if (!this.take(',') && !this.is('}')) this.fail('190', `'${this.token.text}' - closing brace or comma expected`);
    }
    this.index++;
    this.need(';', '154');
    return { kind: 'enum', name, members, ...at };
  }

  private structure(): Declaration[] {
    const at = this.place;
    const isClass = this.is('class');
    this.index++;
    const name = this.name();
    if (this.is(';')) {
      if (!isClass) this.fail('162', 'forward declaration is prohibited for structures');
      this.types.add(name);
      this.index++;
      return [];
    }
    this.types.add(name);
    let base: string | null = null;
    if (this.take(':')) {
      for (const word of ['public', 'protected', 'private']) if (this.take(word)) break;
      base = this.name();
    }
    this.need('{', '141');
    const members: StructSyntax['members'][number][] = [];
    let access: 'public' | 'protected' | 'private' = isClass ? 'private' : 'public';
    while (!this.is('}')) {
      if (this.token.kind === 'end') this.fail('133', "'}' expected");
      if ((this.is('public') || this.is('private') || this.is('protected')) && this.peek(1).text === ':') {
        access = this.token.text as typeof access;
        this.index += 2;
      } else if (!this.take(';')) members.push({ access, declaration: this.variablesOrFunction(name) });
    }
    this.index++;
    this.need(';', '154');
    return [{ kind: 'struct', isClass, name, base, members, ...at }];
  }

  /** @param owner the class whose declaration contains it */
  private variablesOrFunction(owner: string | null): Variables | FunctionSyntax {
    const at = this.place;
    const isVirtual = this.take('virtual');
    const isDestructor = this.is('~');
    if (owner !== null && (isDestructor || (this.is(owner) && this.peek(1).text === '('))) {
      if (isDestructor) this.index++;
      const name = this.name();
      return this.functionRest(
        { name: 'void', isConst: false, isStatic: false, isInput: false, at },
        isDestructor ? `~${name}` : name,
        null,
        isVirtual,
        at,
      );
    }
    const type = this.type();
    if (this.take('*')) throw new SyntaxProblem('no_pointers', at, 'a pointer: outside of the subset');
    if (this.peek(1).text === '::') {
      const owning = this.name();
      this.index++;
      if (this.peek(1).text !== '(') this.fail('no_static_members', 'a static member: outside of the subset');
      return this.functionRest(type, this.name(), owning, isVirtual, at);
    }
    if (this.is('&') && owner === null) this.fail('229', 'a reference cannot be declared in this place');
    if (this.token.kind === 'word' && this.peek(1).text === '(')
      return this.functionRest(type, this.name(), null, isVirtual, at);
    if (isVirtual) throw new SyntaxProblem('263', at, "do not use 'virtual' for data");
    return this.variables(type, at);
  }

  private type(): TypeName {
    const at = this.place;
    const words = { isInput: this.take('input'), isStatic: this.take('static'), isConst: this.take('const') };
    const word = this.token.text;
    if (!this.isType()) {
      const foreign = this.token.kind === 'word' ? FOREIGN_WORDS[word] : undefined;
      if (foreign !== undefined) this.fail(foreign, `'${word}' is not in the subset`);
      const isDeclaration = this.token.kind === 'word' && (this.peek(1).kind === 'word' || this.peek(1).text === '&');
      this.fail(
        isDeclaration ? '256' : '116',
        isDeclaration ? `undeclared type '${word}'` : `'${word}' - type expected`,
      );
    }
    this.index++;
    if (['long', 'int'].includes(this.token.text))
      this.fail('foreign_word', `'${word} ${this.token.text}' is not a type`);
    return { name: word, at, ...words };
  }

  private functionRest(
    type: TypeName,
    name: string,
    owner: string | null,
    isVirtual: boolean,
    at: Place,
  ): FunctionSyntax {
    this.need('(', '132');
    const parameters: Parameter[] = [];
    let takesMore = false;
    if (this.is('void') && this.peek(1).text === ')') this.index++;
    while (!this.take(')')) {
      if (this.take('...')) takesMore = true;
      else parameters.push(this.parameter());
      if (!this.is(')')) this.need(',', '155');
    }
    if (parameters.length > PARAMETERS_MAX)
      throw new SyntaxProblem('147', at, `more than ${PARAMETERS_MAX} parameters`);
    const isConst = this.take('const');
    if (this.is(':')) this.fail('outside_subset', 'an initialization list: outside of the subset');
    const body = this.is('{') ? this.block() : null;
    if (body === null) this.need(';', '154');
    return { kind: 'function', type, name, owner, parameters, takesMore, isConst, isVirtual, body, ...at };
  }

  private parameter(): Parameter {
    const type = this.type();
    if (this.is('*')) this.fail('no_pointers', 'a pointer: outside of the subset');
    const at = this.place;
    const isReference = this.take('&');
    const name = this.token.kind === 'word' ? this.name() : '';
    const sizes = this.sizes();
    const init = this.take('=') ? this.choice() : null;
    return { type, name: { name, isReference, sizes, init, ...at } };
  }

  private variables(type: TypeName, at: Place): Variables {
    const names: Declarator[] = [];
    do {
      if (this.is('*')) this.fail('no_pointers', 'a pointer: outside of the subset');
      if (this.is('&')) this.fail('229', 'a reference cannot be declared in this place');
      const place = this.place;
      const name = this.name();
      const sizes = this.sizes();
      if (this.is('(')) this.fail('outside_subset', 'a constructor with arguments: outside of the subset');
      names.push({ name, isReference: false, sizes, init: this.take('=') ? this.initializer() : null, ...place });
    } while (this.take(','));
    this.need(';', '154');
    return { kind: 'variables', type, names, ...at };
  }

  private sizes(): (Expression | null)[] {
    const sizes: (Expression | null)[] = [];
    while (this.take('[')) {
      sizes.push(this.is(']') ? null : this.choice());
      this.need(']', '145');
    }
    return sizes;
  }

  private initializer(): Expression {
    const at = this.place;
    if (!this.take('{')) return this.assignment();
    const items: Expression[] = [];
    while (!this.is('}')) {
      items.push(this.initializer());
      if (!this.take(',') && !this.is('}')) this.fail('155', `'${this.token.text}' - comma expected`);
    }
    this.index++;
    return { kind: 'list', items, ...at };
  }

  // ---------------------------------------------------------------- statements

  private block(): Block {
    const at = this.place;
    this.need('{', '141');
    const statements: Statement[] = [];
    while (!this.is('}')) {
      if (this.token.kind === 'end') this.fail('133', "'}' expected");
      statements.push(this.statement());
    }
    this.index++;
    return { kind: 'block', statements, ...at };
  }

  private statement(): Statement {
    const at = this.place;
    if (this.is('{')) return this.block();
    if (this.take(';')) return { kind: 'empty', ...at };
    if (this.take('if')) return this.ifStatement(at);
    if (this.is('else')) this.fail('183', "illegal 'else' without proper 'if'");
    if (this.take('for')) return this.forStatement(at);
    if (this.take('while')) return { kind: 'while', test: this.condition(), body: this.statement(), ...at };
    if (this.take('do')) {
      const body = this.statement();
      this.need('while', '236');
      const test = this.condition();
      this.need(';', '154');
      return { kind: 'do', test, body, ...at };
    }
    if (this.take('switch')) return { kind: 'switch', value: this.condition(), body: this.block(), ...at };
    if (this.is('case') || this.is('default')) {
      const value = this.take('case') ? this.choice() : null;
      if (value === null) this.index++;
      this.need(':', '123');
      return { kind: 'case', value, ...at };
    }
    for (const kind of ['break', 'continue'] as const)
      if (this.take(kind)) {
        this.need(';', '154');
        return { kind, ...at };
      }
    if (this.take('return')) {
      const value = this.is(';') ? null : this.assignment();
      this.need(';', '154');
      return { kind: 'return', value, ...at };
    }
    if (this.startsDeclaration()) return this.localVariables(at);
    const expression = this.assignment();
    this.need(';', '154');
    return { kind: 'expression', expression, ...at };
  }

  private startsDeclaration(): boolean {
    if (this.is('const') || this.is('static') || this.is('input')) return true;
    if (['struct', 'class', 'enum'].includes(this.token.text))
      this.fail('outside_subset', 'a type inside of a function');
    if (this.token.kind === 'word' && FOREIGN_WORDS[this.token.text] !== undefined) this.name();
    if (this.isType()) return this.peek(1).text !== '(' && this.peek(1).text !== '::';
    return this.token.kind === 'word' && !RESERVED.has(this.token.text) && this.peek(1).kind === 'word';
  }

  private localVariables(at: Place): Variables {
    const type = this.type();
    if (type.isInput) throw new SyntaxProblem('326', at, 'inputs are declared on the global level');
    if (this.token.kind === 'word' && this.peek(1).text === '(' && this.peek(2).text !== ')' && this.isType(2))
      throw new SyntaxProblem('160', at, 'function definition is unacceptable here');
    if (this.token.kind === 'word' && this.peek(1).text === '(' && this.peek(2).text === ')')
      throw new SyntaxProblem('160', at, 'function definition is unacceptable here');
    return this.variables(type, at);
  }

  private condition(): Expression {
    this.need('(', '132');
    const test = this.assignment();
    this.need(')', '145');
    return test;
  }

  private ifStatement(at: Place): Statement {
    const test = this.condition();
    const yes = this.statement();
    return { kind: 'if', test, yes, no: this.take('else') ? this.statement() : null, ...at };
  }

  private forStatement(at: Place): Statement {
    this.need('(', '132');
    let init: Statement | null = null;
    if (!this.take(';')) {
      const place = this.place;
      if (this.startsDeclaration()) {
        const ahead = this.tokens.slice(this.index, this.index + 4).map(({ text }) => text);
        if (ahead.includes(':')) this.fail('foreign_loop', 'a loop over a range');
        init = this.localVariables(place);
      } else {
        init = { kind: 'expression', expression: this.assignment(), ...place };
        this.need(';', '154');
      }
    }
    const test = this.is(';') ? null : this.assignment();
    this.need(';', '154');
    const step: Expression[] = [];
    while (!this.is(')')) {
      step.push(this.assignment());
      if (!this.is(')')) this.need(',', '155');
    }
    this.index++;
    return { kind: 'for', init, test, step, body: this.statement(), ...at };
  }

  // ---------------------------------------------------------------- expressions

  private assignment(): Expression {
    const left = this.choice();
    const { text: operator, file, line } = this.token;
    if (!ASSIGNMENTS.has(operator) || this.token.kind !== 'operator') return left;
    this.index++;
    return { kind: 'binary', operator, left, right: this.assignment(), file, line };
  }

  private choice(): Expression {
    const test = this.level(0);
    const at = this.place;
    if (!this.take('?')) return test;
    const yes = this.choice();
    this.need(':', '123');
    return { kind: 'choice', test, yes, no: this.choice(), ...at };
  }

  private level(depth: number): Expression {
    const operators = LEVELS[depth];
    if (operators === undefined) return this.unary();
    let left = this.level(depth + 1);
    while (this.token.kind === 'operator' && operators.includes(this.token.text)) {
      const { text: operator, file, line } = this.token;
      this.index++;
      left = { kind: 'binary', operator, left, right: this.level(depth + 1), file, line };
    }
    return left;
  }

  private unary(): Expression {
    const at = this.place;
    for (const operator of ['!', '-', '+', '~', '++', '--'])
      if (this.is(operator)) {
        this.index++;
        return { kind: 'prefix', operator, of: this.unary(), ...at };
      }
    if (this.is('*') || this.is('&')) this.fail('no_pointers', `'${this.token.text}': outside of the subset`);
    if (this.is('(') && this.isType(1) && this.peek(2).text === ')') {
      const name = this.peek(1).text;
      this.index += 3;
      const type = { name, isConst: false, isStatic: false, isInput: false, at };
      return { kind: 'cast', type, of: this.unary(), ...at };
    }
    return this.postfix(this.primary());
  }

  private postfix(start: Expression): Expression {
    let expression = start;
    for (;;) {
      const at = this.place;
      if (this.take('.')) expression = { kind: 'member', of: expression, name: this.name(), ...at };
      else if (this.take('[')) {
        if (this.is(']')) this.fail('157', 'an index is expected');
        const index = this.assignment();
        this.need(']', '145');
        expression = { kind: 'index', of: expression, index, ...at };
      } else if (this.take('(')) expression = { kind: 'call', callee: expression, args: this.args(), ...at };
      else if (this.is('++') || this.is('--')) {
        expression = { kind: 'postfix', operator: this.token.text, of: expression, ...at };
        this.index++;
      } else if (this.is('::')) this.fail('outside_subset', "'::': outside of the subset");
      else return expression;
    }
  }

  private args(): Expression[] {
    const args: Expression[] = [];
    while (!this.take(')')) {
      if (this.is(',') || (args.length > 0 && this.is(')'))) this.fail('291', 'call parameter omitted');
      args.push(this.assignment());
      if (this.is(')')) continue;
      this.need(',', '155');
      if (this.is(')')) this.fail('291', 'call parameter omitted');
    }
    return args;
  }

  private primary(): Expression {
    const at = this.place;
    const { kind, text } = this.token;
    if (this.take('(')) {
      const inner = this.assignment();
      this.need(')', '145');
      return { ...inner, isGrouped: true };
    }
    if (this.is('[')) this.fail('foreign_lambda', 'a lambda, or a missing operand');
    if (this.is('{')) this.fail('157', 'a list is valid only after the = of a declaration');
    if (kind === 'number' || kind === 'string' || kind === 'char' || kind === 'literal') {
      this.index++;
      return { kind, text, ...at };
    }
    if (this.isType() && this.peek(1).text === '(') {
      this.index += 2;
      const of = this.assignment();
      this.need(')', '145');
      return { kind: 'cast', type: { name: text, isConst: false, isStatic: false, isInput: false, at }, of, ...at };
    }
    if (this.is('true') || this.is('false') || this.is('this') || this.is('sizeof')) {
      if (this.is('sizeof') || this.is('this')) this.fail('outside_subset', `'${text}': outside of the subset`);
      this.index++;
      return { kind: 'name', text, ...at };
    }
    if (kind !== 'word') this.fail(kind === 'end' ? '161' : '157', `'${text}' - expression expected`);
    if (RESERVED.has(text)) this.fail('149', `'${text}' - unexpected token`);
    return { kind: 'name', text: this.name(), ...at };
  }
}

/** Checks that brackets are balanced. */
function checkBrackets(tokens: readonly Token[]): void {
  const open: Token[] = [];
  const pairs: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
  for (const token of tokens) {
    if (token.kind !== 'operator') continue;
    if (token.text in OPENING) open.push(token);
    const opener = pairs[token.text];
    if (opener === undefined) continue;
    const last = open.pop();
    if (last?.text === opener) continue;
    if (last === undefined || last.text === '{')
      throw new SyntaxProblem(token.text === '}' ? '149' : '144', token, `no pair for '${token.text}'`);
    throw new SyntaxProblem('145', last, `no pair for '${last.text}'`);
  }
  const last = open.at(-1);
  if (last !== undefined) throw new SyntaxProblem(OPENING[last.text]!, last, `no pair for '${last.text}'`);
}
