import { Expressions, type Surroundings } from './expressions.ts';
import type { Place } from './diagnostic.ts';
import {
  BUILT_IN_FILE,
  builtInDeclarations,
  builtInSignatures,
  newStruct,
  Scope,
  type Callable,
  type Program,
  type Struct,
  type Variable,
} from './program.ts';
import type {
  Declaration,
  Declarator,
  EnumSyntax,
  Expression,
  FunctionSyntax,
  StructSyntax,
  TypeName,
  Variables,
} from './syntax.ts';
import { isArray, isWhole, type Type } from './types.ts';

const INPUT_LIMIT = 255;

/** Declares types, variables and functions, and reports errors in the declarations. */
export class Declarations {
  readonly expressions: Expressions;
  private readonly program: Program;
  private readonly global: Surroundings;

  constructor(program: Program) {
    this.program = program;
    this.expressions = new Expressions(program);
    this.global = { scope: program.globals, owner: null, isConst: false };
    for (const one of builtInDeclarations()) this.declare(one);
    for (const { page, flags, syntax } of builtInSignatures()) {
      const callable = { ...this.callable(syntax, null, 'public'), builtIn: { page, flags } };
      push(program.builtIns, syntax.name, callable);
    }
    program.diagnostics.length = 0;
    program.used.clear();
  }

  /** Types and variables in order; functions are declared first, by `declareFunctions`. */
  declare(declaration: Declaration): void {
    if (declaration.kind === 'enum') this.enumeration(declaration);
    else if (declaration.kind === 'struct') this.structure(declaration);
    else if (declaration.kind === 'variables') this.variables(declaration, this.global, 'global');
  }

  declareFunction(syntax: FunctionSyntax): void {
    const { program } = this;
    if (syntax.owner !== null) return this.methodBody(syntax);
    if (program.builtIns.has(syntax.name))
      program.report('271', syntax, `'${syntax.name}' is a function of the terminal`);
    if (syntax.isConst) program.report('272', syntax, 'const is valid for methods only');
    const callable = this.callable(syntax, null, 'public');
    this.overloads(program.functions.get(syntax.name) ?? [], callable, '165');
    push(program.functions, syntax.name, callable);
  }

  private methodBody(syntax: FunctionSyntax): void {
    const struct = this.program.structs.get(syntax.owner!);
    if (struct === undefined) return this.program.report('128', syntax, `structure '${syntax.owner}' is not defined`);
    if (!struct.methods.has(syntax.name)) this.program.report('213', syntax, `method '${syntax.name}' is not declared`);
  }

  /** Reports another function with the same parameters. */
  private overloads(others: readonly Callable[], callable: Callable, rule: string): void {
    for (const other of others) {
      if (other.parameters.length !== callable.parameters.length) continue;
      const isSame = other.parameters.every(({ type }, index) => {
        const { type: mine } = callable.parameters[index]!;
        return type.name === mine.name && type.sizes.length === mine.sizes.length;
      });
      if (!isSame) continue;
      if (other.result.name !== callable.result.name)
        this.program.report('163', callable.syntax, `'${callable.name}' has another return type already`);
      else if (other.syntax.body !== null && callable.syntax.body !== null)
        this.program.report(rule, callable.syntax, `'${callable.name}' has a body already`);
    }
  }

  callable(syntax: FunctionSyntax, owner: Struct | null, access: Callable['access']): Callable {
    const { program } = this;
    let hasDefault = false;
    const parameters = syntax.parameters.map(({ type: written, name }) => {
      const type = this.typeOf(written, name, this.global);
      const isOptional = name.init !== null;
      if (hasDefault && !isOptional) program.report('277', name, `default value of '${name.name}' is missing`);
      hasDefault ||= isOptional;
      if (isArray(type) && !name.isReference)
        program.report('294', name, `array '${name.name}' must be passed by reference`);
      else if (type.kind === 'struct' && !name.isReference)
        program.report('293', name, `'${name.name}' must be passed by reference`);
      if (isOptional && syntax.file !== BUILT_IN_FILE)
        this.expressions.convert(this.expressions.value(name.init!, this.global), type, name);
      return { type, isReference: name.isReference, isConst: written.isConst, isOptional };
    });
    const { name, takesMore, isConst } = syntax;
    return {
      name,
      result: program.type(syntax.type.name),
      parameters,
      takesMore,
      isConst,
      access,
      owner,
      syntax,
      builtIn: null,
    };
  }

  /** The type of a declared name. */
  private typeOf(written: TypeName, { name, sizes, ...at }: Declarator, where: Surroundings): Type {
    const { program } = this;
    const type = program.type(written.name);
    if (type.kind === 'void') program.report('143', at, `'${name}': use of 'void' is unacceptable`);
    if (sizes.slice(1).includes(null))
      program.report('146', at, `'${name}': only the first dimension is without a size`);
    return { ...type, sizes: sizes.map((size) => (size === null ? null : this.arraySize(size, where))) };
  }

  private arraySize(size: Expression, where: Surroundings): number {
    const { type, constant } = this.expressions.value(size, where);
    if (constant === null) this.program.report('188', size, 'a constant expression is required');
    else if (!isWhole(type)) this.program.report('173', size, 'an integer is expected');
    else if (Number(constant) <= 0) this.program.report('203', size, 'a positive integer constant is required');
    return Number(constant ?? 1);
  }

  private enumeration({ name, members, ...at }: EnumSyntax): void {
    const { program } = this;
    if (this.isTaken(name)) program.report('230', at, `'${name}' is declared already`);
    const values = new Map<string, bigint>();
    let next = 0n;
    for (const member of members) {
      if (program.globals.names.has(member.name)) program.report('191', member, `'${member.name}' is declared already`);
      if (member.value !== null) {
        const { constant, type } = this.expressions.value(member.value, this.global);
        if (constant === null || !isWhole(type)) program.report('197', member, 'an integer constant is expected');
        else next = BigInt(constant);
      }
      values.set(member.name, next);
      program.globals.names.set(member.name, {
        name: member.name,
        type: { kind: 'enum', name, sizes: [] },
        isConst: true,
        where: 'global',
        constant: next++,
        at: member,
        isUsed: true,
      });
    }
    program.enums.set(name, values);
  }

  private isTaken(name: string): boolean {
    return this.program.structs.has(name) || this.program.enums.has(name);
  }

  private structure(syntax: StructSyntax): void {
    const { program } = this;
    if (this.isTaken(syntax.name)) program.report('127', syntax, `'${syntax.name}' is declared already`);
    const base = syntax.base === null ? null : (program.structs.get(syntax.base) ?? null);
    if (syntax.base !== null && base === null)
      program.report('232', syntax, `'${syntax.base}' is not a class or structure`);
    if (base !== null && base.isClass !== syntax.isClass)
      program.report(syntax.isClass ? '266' : '267', syntax, 'classes and structures do not inherit from each other');
    const struct = newStruct(syntax, base);
    program.structs.set(syntax.name, struct);
    for (const { access, declaration } of syntax.members) {
      if (declaration.kind === 'variables') this.fields(struct, declaration, access);
      else this.method(struct, declaration, access);
    }
  }

  private fields(struct: Struct, { type: written, names, ...at }: Variables, access: Callable['access']): void {
    const { program } = this;
    if (written.isStatic) program.report('no_static_members', at, 'a static member: outside of the subset');
    for (const name of names) {
      if (name.init !== null)
        program.report('219', name, `'${name.name}' cannot be initialized here: do it in the constructor`);
      if (struct.fields.has(name.name)) program.report('129', name, `member '${name.name}' is declared already`);
      if (struct.methods.has(name.name)) program.report('347', name, `'${name.name}' is a method already`);
      const type = this.typeOf(written, name, this.global);
      const { isConst } = written;
      struct.fields.set(name.name, {
        name: name.name,
        type,
        isConst,
        where: 'member',
        constant: null,
        at: name,
        isUsed: true,
        access,
      });
    }
  }

  private method(struct: Struct, syntax: FunctionSyntax, access: Callable['access']): void {
    const { program } = this;
    const isConstructor = syntax.name === struct.name;
    if (isConstructor && syntax.isVirtual) program.report('268', syntax, 'a constructor cannot be virtual');
    if (syntax.name.startsWith('~') && syntax.parameters.length > 0)
      program.report('221', syntax, 'a destructor has no parameters');
    if ((isConstructor || syntax.name.startsWith('~')) && syntax.isConst)
      program.report('286', syntax, 'const is invalid for constructors');
    if (!struct.isClass && syntax.isVirtual) program.report('269', syntax, 'a method of a structure cannot be virtual');
    if (struct.fields.has(syntax.name)) program.report('346', syntax, `'${syntax.name}' is a member already`);
    const callable = this.callable(syntax, struct, access);
    this.overloads(struct.methods.get(syntax.name) ?? [], callable, '222');
    push(struct.methods, syntax.name, callable);
  }

  /** Global or local variables, in their scope. */
  variables({ type: written, names }: Variables, where: Surroundings, place: 'global' | 'local'): void {
    for (const name of names) {
      const type = this.typeOf(written, name, where);
      this.hides(name, where, place);
      if (written.isInput) this.input(name, type);
      if (written.isConst && name.init === null && !isArray(type))
        this.program.report('389', name, `const '${name.name}' must be initialized`);
      const constant = this.initial(name, type, where);
      const isFixed = written.isConst || written.isInput;
      const isKept = written.isConst && !isArray(type) ? constant : null;
      where.scope.names.set(name.name, {
        name: name.name,
        type,
        isConst: isFixed,
        where: place,
        constant: isKept,
        at: name,
        isUsed: place === 'global',
      });
      this.uninitialized(name, type, written, place);
    }
  }

  private hides({ name, ...at }: Declarator, { scope, owner }: Surroundings, place: Variable['where']): void {
    const { program } = this;
    if (scope.names.has(name)) return program.report('124', at, `variable '${name}' is declared already`);
    if (place === 'global') {
      if (this.isTaken(name)) program.report('195', at, `'${name}' is a structure or enumeration`);
      if (program.functions.has(name)) program.report('194', at, `'${name}' is a function already`);
      return;
    }
    const outer = scope.find(name);
    if (outer?.at.file === BUILT_IN_FILE && name.startsWith('_'))
      program.report('64', at, `'${name}' hides a predefined variable`);
    else if (outer !== null)
      program.report(outer.where === 'global' ? '62' : '61', at, `'${name}' hides another variable`);
    if (owner !== null && program.field(owner, name) !== null) program.report('72', at, `'${name}' hides a member`);
  }

  private input(name: Declarator, type: Type): void {
    if (isArray(type) || type.kind === 'struct')
      this.program.report('285', name, 'structures and arrays cannot be inputs');
    if (name.init === null) this.program.report('389', name, `input '${name.name}' needs a value`);
    const isLong = name.init?.kind === 'string' && name.name.length + name.init.text.length - 1 > INPUT_LIMIT;
    if (isLong)
      this.program.report(
        'input_length',
        name,
        `input '${name.name}' and its name have more than ${INPUT_LIMIT} characters`,
      );
  }

  private initial({ init, ...at }: Declarator, type: Type, where: Surroundings): number | bigint | null {
    if (init === null) return null;
    if (init.kind === 'list') {
      this.list(init.items, type, where, at);
      return null;
    }
    const value = this.expressions.value(init, where);
    if (isArray(type)) this.program.report('242', at, 'an array is initialized by a list');
    else this.expressions.convert(value, type, at);
    return value.constant;
  }

  private list(items: readonly Expression[], type: Type, where: Surroundings, at: Place): void {
    const { program } = this;
    const struct = program.structs.get(type.name);
    const element: Type = { ...type, sizes: type.sizes.slice(1) };
    if (!isArray(type) && type.kind !== 'struct')
      return program.report('242', at, 'a simple variable is not initialized by a list');
    if (!isArray(type) && struct?.isClass === true)
      return program.report('276', at, 'a class is not initialized by a list');
    const fields = isArray(type) ? null : [...struct!.fields.values()];
    const room = fields === null ? type.sizes[0]! : fields.length;
    if (room !== null && items.length > room) program.report('186', at, `${items.length} values for ${room} elements`);
    for (const [index, item] of items.entries()) {
      const target = fields === null ? element : fields[index]?.type;
      if (target === undefined) continue;
      if (item.kind === 'list') this.list(item.items, target, where, item);
      // {0} clears a structure of any first member.
      else if (!(fields !== null && items.length === 1 && item.kind === 'number' && item.text === '0'))
        this.expressions.convert(this.expressions.value(item, where), target, item);
    }
  }

  private uninitialized({ name, init, ...at }: Declarator, type: Type, written: TypeName, place: string): void {
    if (init !== null || place !== 'local' || isArray(type) || written.isStatic) return;
    if (type.name === 'MqlTradeRequest' || type.name === 'MqlTradeResult')
      this.program.report('zero_request', at, `'${name}' is uninitialized memory: initialize it with {}`);
    else if (type.kind !== 'struct' && type.kind !== 'any')
      this.program.report('initialize_locals', at, `'${name}' has no value: initialize it`);
  }
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** A scope with the parameters of a function. */
export function parameterScope(callable: Callable, outer: Scope, program: Program): Scope {
  const scope = new Scope(outer);
  for (const [index, { name, type }] of callable.syntax.parameters.entries()) {
    if (name.name === '') continue;
    if (scope.names.has(name.name)) program.report('376', name, `parameter '${name.name}' is declared already`);
    const at = { file: name.file, line: name.line };
    const hidden = callable.owner === null ? null : program.field(callable.owner, name.name);
    if (hidden !== null) program.report('72', at, `'${name.name}' hides a member`);
    else if (outer.names.has(name.name)) program.report('62', at, `'${name.name}' hides a global variable`);
    scope.names.set(name.name, {
      name: name.name,
      type: callable.parameters[index]!.type,
      isConst: type.isConst,
      where: 'parameter',
      constant: null,
      at,
      isUsed: true,
    });
  }
  return scope;
}
