import type { Place } from './diagnostic.ts';
import { BUILT_IN_FILE, type Callable, type ParameterType, type Program, type Scope, type Struct } from './program.ts';
import type { Expression } from './syntax.ts';
import {
  ANY,
  BOOL,
  conversionProblem,
  DOUBLE,
  elementOf,
  INT,
  isArray,
  isNumeric,
  isUnknown,
  isUnsigned,
  isWhole,
  LONG,
  promoted,
  sizeOf,
  STRING,
  typeText,
  type Type,
  type Value,
} from './types.ts';

/** Context of an expression. */
export interface Surroundings {
  readonly scope: Scope;
  readonly owner: Struct | null;
  /** In a const method. */
  readonly isConst: boolean;
}

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>;
const UNKNOWN: Value = { type: ANY, isVariable: true, isConst: false, constant: null };
const COMPARISONS = ['==', '!=', '<', '>', '<=', '>='];
const BITWISE = ['&', '|', '^'];

/** Determines the type of each expression, and reports what MetaEditor would report. */
export class Expressions {
  private readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  /** The value of an expression that must be a bool. */
  condition(expression: Expression, where: Surroundings): void {
    this.convert(this.value(expression, where), BOOL, expression);
  }

  /** Reports why a value cannot become this type. */
  convert(value: Value, to: Type, at: Place): void {
    const { type: from } = value;
    if (isUnknown(from) || (isUnknown(to) && !isArray(to))) return;
    if (isArray(from) !== isArray(to) || (from.kind === 'struct') !== (to.kind === 'struct'))
      return this.program.report('246', at, `${typeText(from)} is not ${typeText(to)}`);
    if (from.kind === 'struct') {
      if (!this.program.derives(from.name, to.name)) this.program.report('246', at, `${from.name} is not ${to.name}`);
      return;
    }
    if (isArray(from)) return this.program.report('150', at, 'an array cannot be assigned: use ArrayCopy');
    const problem = conversionProblem(value, to);
    if (problem !== null) this.program.report(problem[0], at, problem[1]);
  }

  value(expression: Expression, where: Surroundings): Value {
    switch (expression.kind) {
      case 'number':
        return this.number(expression.text);
      case 'char':
        return constant(this.program.type('ushort'), BigInt(characterCode(expression.text)));
      case 'string':
        return { type: STRING, isVariable: false, isConst: true, constant: null };
      case 'literal':
        return constant(this.program.type(expression.text.startsWith('D') ? 'datetime' : 'color'), null);
      case 'name':
        return this.name(expression, where);
      case 'member':
        return this.member(expression, where);
      case 'index':
        return this.index(expression, where);
      case 'call':
        return this.call(expression, where);
      case 'prefix':
      case 'postfix':
        return this.unary(expression, where);
      case 'binary':
        return this.binary(expression, where);
      case 'choice':
        return this.choice(expression, where);
      case 'cast':
        return this.cast(expression, where);
      case 'list':
        return UNKNOWN;
    }
  }

  private number(text: string): Value {
    if (/^0[xXbB]/.test(text)) {
      const value = BigInt(text);
      return constant(this.program.type(value > 0xffffffffn ? 'long' : value > 0x7fffffffn ? 'uint' : 'int'), value);
    }
    if (!/^\d+$/.test(text))
      return constant(/f$/i.test(text) ? this.program.type('float') : DOUBLE, Number.parseFloat(text));
    const value = BigInt(text);
    return constant(value > 0x7fffffffn ? LONG : INT, value);
  }

  private name({ text, ...at }: Of<'name'>, { scope, owner, isConst }: Surroundings): Value {
    if (text === 'true' || text === 'false') return constant(BOOL, text === 'true' ? 1n : 0n);
    const found = scope.find(text);
    const field = owner === null ? null : this.program.field(owner, text);
    const variable = found !== null && found.where !== 'global' ? found : (field ?? found);
    if (variable === null) {
      if (text === 'NULL') return UNKNOWN;
      this.program.report('256', at, `undeclared identifier '${text}'`);
      return UNKNOWN;
    }
    variable.isUsed = true;
    if (variable.at.file === BUILT_IN_FILE) this.program.used.add(text);
    const isFixed = variable.isConst || (variable.where === 'member' && isConst);
    return { type: variable.type, isVariable: true, isConst: isFixed, constant: variable.constant };
  }

  private member({ of, name, ...at }: Of<'member'>, where: Surroundings): Value {
    const value = this.value(of, where);
    if (isUnknown(value.type)) return UNKNOWN;
    const struct = this.structOf(value, at);
    if (struct === null) return UNKNOWN;
    const field = this.program.field(struct, name);
    if (field === null) {
      this.program.report('256', at, `undeclared identifier '${name}' in ${struct.name}`);
      return UNKNOWN;
    }
    if (field.access !== 'public' && !this.mayAccess(struct, field.access, where))
      this.program.report(
        field.access === 'private' ? '211' : '204',
        at,
        `cannot access ${field.access} member '${name}'`,
      );
    return { type: field.type, isVariable: value.isVariable, isConst: value.isConst || field.isConst, constant: null };
  }

  private structOf({ type }: Value, at: Place): Struct | null {
    const struct = isArray(type) ? undefined : this.program.structs.get(type.name);
    if (struct === undefined) this.program.report('280', at, `'.' needs an object, this is ${typeText(type)}`);
    return struct ?? null;
  }

  private mayAccess(struct: Struct, access: string, { owner }: Surroundings): boolean {
    if (owner === null) return false;
    return access === 'private' ? owner === struct : this.program.derives(owner.name, struct.name);
  }

  private index({ of, index, ...at }: Of<'index'>, where: Surroundings): Value {
    const value = this.value(of, where);
    const place = this.value(index, where);
    if (!isWhole(place.type)) this.program.report('197', index, `an index is an integer, not ${typeText(place.type)}`);
    if (isUnknown(value.type) && !isArray(value.type)) return UNKNOWN;
    if (!isArray(value.type)) {
      this.program.report('241', at, `array required, this is ${typeText(value.type)}`);
      return UNKNOWN;
    }
    const size = value.type.sizes[0]!;
    const number = place.constant === null ? null : Number(place.constant);
    if (number !== null && (number < 0 || (size !== null && number >= size)))
      this.program.report('218', at, `index ${number} out of range`);
    return { type: elementOf(value.type), isVariable: true, isConst: value.isConst, constant: null };
  }

  // ---------------------------------------------------------------- operators

  private unary({ kind, operator, of, ...at }: Of<'prefix' | 'postfix'>, where: Surroundings): Value {
    const value = this.value(of, where);
    if (operator === '!') {
      this.convert(value, BOOL, at);
      return { type: BOOL, isVariable: false, isConst: false, constant: null };
    }
    if (operator === '++' || operator === '--') {
      this.change(value, at);
      if (!isNumeric(value.type) || value.type.kind === 'bool') this.illegal(operator, value.type, at);
      return { ...value, isVariable: kind === 'prefix', constant: null };
    }
    if (operator === '~' ? !isWhole(value.type) : !isNumeric(value.type)) this.illegal(operator, value.type, at);
    if (operator === '-' && value.type.name === 'ulong') this.program.report('67', at, 'minus of an ulong');
    const result = value.constant === null || operator !== '-' ? null : -value.constant;
    const type = promoted(value.type, value.type);
    // The minimum int and long are written as minus a number that does not fit.
    return { type: result === -2147483648n ? INT : type, isVariable: false, isConst: false, constant: result };
  }

  private illegal(operator: string, type: Type, at: Place): void {
    if (isUnknown(type) && !isArray(type)) return;
    this.program.report(type.kind === 'void' ? '151' : '150', at, `'${operator}' does not take ${typeText(type)}`);
  }

  private change(value: Value, at: Place): void {
    if (!value.isVariable) this.program.report('177', at, 'a variable is expected');
    else if (value.isConst) this.program.report('189', at, 'a constant cannot be changed');
  }

  private binary(expression: Of<'binary'>, where: Surroundings): Value {
    const { operator, left, right, ...at } = expression;
    const a = this.value(left, where);
    const b = this.value(right, where);
    if (operator.endsWith('=') && !COMPARISONS.includes(operator)) return this.assign(operator, a, b, at, left, where);
    this.precedence(expression);
    if (operator === '&&' || operator === '||') {
      this.convert(a, BOOL, left);
      this.convert(b, BOOL, right);
      return { type: BOOL, isVariable: false, isConst: false, constant: null };
    }
    return this.operation(operator, a, b, at);
  }

  private assign(operator: string, a: Value, b: Value, at: Place, left: Expression, where: Surroundings): Value {
    if (a.isVariable && a.isConst && where.isConst && this.isOwnField(left, where))
      this.program.report('274', at, 'a const method cannot change its object');
    else this.change(a, at);
    if (operator === '=') this.convert(b, a.type, at);
    else {
      const result = this.operation(operator.slice(0, -1), a, b, at);
      if (a.type.kind !== 'bool' || !BITWISE.includes(operator.slice(0, -1)))
        this.convert({ ...result, constant: b.constant === null ? null : 0n }, a.type, at);
    }
    return { ...a, constant: null };
  }

  private isOwnField(expression: Expression, { scope, owner }: Surroundings): boolean {
    if (expression.kind === 'index' || expression.kind === 'member')
      return this.isOwnField(expression.of, { scope, owner, isConst: true });
    if (expression.kind !== 'name' || owner === null) return false;
    const found = scope.find(expression.text);
    return (found === null || found.where === 'global') && this.program.field(owner, expression.text) !== null;
  }

  private precedence({ operator, left, right, ...at }: Of<'binary'>): void {
    for (const side of [left, right]) {
      if (side.kind !== 'binary' || side.isGrouped === true) continue;
      const isMixed =
        (operator === '||' && side.operator === '&&') ||
        (BITWISE.includes(operator) && COMPARISONS.includes(side.operator)) ||
        (['<<', '>>'].includes(operator) && ['+', '-'].includes(side.operator));
      if (isMixed) this.program.report('80', at, `'${side.operator}' within '${operator}' needs parentheses`);
    }
  }

  private operation(operator: string, a: Value, b: Value, at: Place): Value {
    const make = (type: Type, value: Value['constant'] = null): Value => ({
      type,
      isVariable: false,
      isConst: false,
      constant: value,
    });
    const isComparison = COMPARISONS.includes(operator);
    if (a.type.kind === 'string' || b.type.kind === 'string') return this.textOperation(operator, a, b, at, make);
    for (const { type } of [a, b])
      if (!isNumeric(type)) {
        this.illegal(operator, type, at);
        return make(isComparison ? BOOL : ANY);
      }
    if (isComparison) {
      this.signs(a, b, at);
      return make(BOOL);
    }
    const needsWhole = ['%', '&', '|', '^', '<<', '>>'].includes(operator);
    const isLogic = BITWISE.includes(operator) && a.type.kind === 'bool' && b.type.kind === 'bool';
    if (isLogic) return make(BOOL);
    for (const { type } of [a, b]) {
      if (needsWhole && !isWhole(type) && type.kind !== 'bool') this.illegal(operator, type, at);
      if (type.kind === 'bool') this.program.report('66', at, `'${operator}' with a bool is unsafe`);
    }
    if ((operator === '/' || operator === '%') && b.constant !== null && Number(b.constant) === 0)
      this.program.report('198', at, 'division by zero');
    if (
      (operator === '<<' || operator === '>>') &&
      b.constant !== null &&
      (Number(b.constant) < 0 || Number(b.constant) >= sizeOf(a.type) * 8)
    )
      this.program.report('75', at, `shift by ${b.constant}`);
    const type = ['<<', '>>'].includes(operator) ? promoted(a.type, a.type) : promoted(a.type, b.type);
    return make(type, folded(operator, a.constant, b.constant));
  }

  private textOperation(operator: string, a: Value, b: Value, at: Place, make: (type: Type) => Value): Value {
    const isComparison = COMPARISONS.includes(operator);
    const other = a.type.kind === 'string' ? b : a;
    if (isArray(a.type) || isArray(b.type) || other.type.kind === 'struct' || (operator !== '+' && !isComparison))
      this.program.report('150', at, `'${operator}' does not take ${typeText(a.type)} and ${typeText(b.type)}`);
    else if (other.type.kind !== 'string' && !isUnknown(other.type))
      this.program.report(
        other.type.kind === 'void' ? '151' : '181',
        at,
        "implicit conversion from 'number' to 'string'",
      );
    return make(isComparison ? BOOL : STRING);
  }

  private signs(a: Value, b: Value, at: Place): void {
    const isPlain = [a, b].every(({ type }) => type.kind === 'integer');
    if (!isPlain || isUnsigned(a.type) === isUnsigned(b.type)) return;
    const [signed, unsigned] = isUnsigned(a.type) ? [b, a] : [a, b];
    if (signed.constant !== null && signed.constant >= 0) return;
    if (unsigned.constant !== null) return;
    const size = Math.max(4, sizeOf(signed.type));
    if (sizeOf(unsigned.type) >= size)
      this.program.report('45', at, `sign mismatch: ${a.type.name} and ${b.type.name}`);
  }

  private choice({ test, yes, no, ...at }: Of<'choice'>, where: Surroundings): Value {
    this.condition(test, where);
    const a = this.value(yes, where);
    const b = this.value(no, where);
    const make = (type: Type): Value => ({ type, isVariable: false, isConst: false, constant: null });
    if (isUnknown(a.type) || isUnknown(b.type)) return UNKNOWN;
    if (a.type.kind === b.type.kind && a.type.name === b.type.name) return make(a.type);
    if (a.type.kind === 'string' || b.type.kind === 'string') {
      this.program.report('181', at, "implicit conversion from 'number' to 'string'");
      return make(STRING);
    }
    if (!isNumeric(a.type) || !isNumeric(b.type)) {
      this.program.report('302', at, `'?' chooses between ${typeText(a.type)} and ${typeText(b.type)}`);
      return UNKNOWN;
    }
    // A constant takes the type of the other side, as in `isLong ? (ulong)x : 0`.
    if (a.constant !== null && a.constant >= 0 && b.type.kind === 'integer' && a.type.kind === 'integer')
      return make(b.type);
    if (b.constant !== null && b.constant >= 0 && a.type.kind === 'integer' && b.type.kind === 'integer')
      return make(a.type);
    return make(promoted(a.type, b.type));
  }

  private cast({ type, of, ...at }: Of<'cast'>, where: Surroundings): Value {
    const value = this.value(of, where);
    const to = this.program.type(type.name);
    if (to.kind === 'void') this.program.report('143', at, "use of 'void' is unacceptable");
    else if (
      !isUnknown(value.type) &&
      (to.kind === 'struct' || value.type.kind === 'struct' || isArray(value.type)) &&
      to.name !== value.type.name
    )
      this.program.report('252', at, `${typeText(value.type)} cannot be cast to ${typeText(to)}`);
    else if (value.type.kind === 'void') this.program.report('151', at, 'expression of void type not allowed');
    const isKept = to.kind === 'integer' || to.kind === 'enum';
    return {
      type: to,
      isVariable: false,
      isConst: false,
      constant: isKept && typeof value.constant === 'bigint' ? value.constant : null,
    };
  }

  // ---------------------------------------------------------------- calls

  private call({ callee, args, ...at }: Of<'call'>, where: Surroundings): Value {
    const values = args.map((arg) => this.value(arg, where));
    const { name, candidates } = this.candidates(callee, where);
    if (candidates === null) return UNKNOWN;
    const chosen = this.choose(name, candidates, values, at);
    if (chosen === null) return UNKNOWN;
    for (const [index, parameter] of chosen.parameters.entries()) {
      const value = values[index];
      if (value !== undefined) this.pass(value, parameter, args[index]!, chosen, index);
    }
    if (chosen.builtIn !== null) this.builtIn(chosen, values, at);
    const isMixed = chosen.result.kind === 'number';
    const type = isMixed ? values.map((value) => value.type).reduce((a, b) => promoted(a, b)) : chosen.result;
    return { type, isVariable: false, isConst: false, constant: null };
  }

  private candidates(
    callee: Expression,
    where: Surroundings,
  ): { name: string; candidates: readonly Callable[] | null } {
    const { program } = this;
    if (callee.kind === 'member') return this.methodCandidates(callee, where);
    if (callee.kind !== 'name') {
      program.report('168', callee, 'this is not a function');
      return { name: '', candidates: null };
    }
    const name = callee.text;
    const own = where.owner === null ? [] : program.methods(where.owner, name);
    if (where.isConst && own.length > 0 && own.every((method) => !method.isConst))
      program.report('279', callee, `method '${name}' is not const`);
    const found = own.length > 0 ? own : (program.functions.get(name) ?? program.builtIns.get(name) ?? []);
    if (found.length > 0) return { name, candidates: found };
    const isVariable = where.scope.find(name) !== null;
    program.report(
      isVariable ? '168' : '256',
      callee,
      isVariable ? `'${name}' is not a function` : `undeclared identifier '${name}'`,
    );
    return { name, candidates: null };
  }

  private methodCandidates(
    { of, name, ...at }: Of<'member'>,
    where: Surroundings,
  ): { name: string; candidates: readonly Callable[] | null } {
    const value = this.value(of, where);
    const struct = isUnknown(value.type) ? null : this.structOf(value, at);
    if (struct === null) return { name, candidates: null };
    const methods = this.program.methods(struct, name);
    if (methods.length === 0) {
      this.program.report('256', at, `undeclared identifier '${name}' in ${struct.name}`);
      return { name, candidates: null };
    }
    const { access, isConst } = methods[0]!;
    if (access !== 'public' && !this.mayAccess(struct, access, where))
      this.program.report(access === 'private' ? '214' : '264', at, `cannot call ${access} method '${name}'`);
    if (value.isConst && !isConst)
      this.program.report('279', at, `'${name}' is not a const method, and the object is const`);
    return { name, candidates: methods };
  }

  private choose(name: string, candidates: readonly Callable[], values: readonly Value[], at: Place): Callable | null {
    const fitting = candidates.filter(({ parameters, takesMore }) => {
      const least = parameters.filter(({ isOptional }) => !isOptional).length;
      return values.length >= least && (takesMore || values.length <= parameters.length);
    });
    if (fitting.length === 0) {
      const counts = candidates.map(({ parameters }) => parameters.length).join(' or ');
      this.program.report('199', at, `'${name}' takes ${counts} parameters, not ${values.length}`);
      return null;
    }
    if (fitting.length === 1) return fitting[0]!;
    const scored = fitting
      .map((one) => ({ one, score: this.score(one, values) }))
      .filter(({ score }) => score !== null);
    if (scored.length === 0) {
      this.program.report(
        '166',
        at,
        `no overload of '${name}' takes (${values.map(({ type }) => typeText(type)).join(', ')})`,
      );
      return null;
    }
    const least = Math.min(...scored.map(({ score }) => score!));
    const best = scored.filter(({ score }) => score === least);
    if (best.length > 1) this.program.report('182', at, `ambiguous call of '${name}'`);
    return best[0]!.one;
  }

  /** Number of arguments that an overload converts; null when it cannot accept one. */
  private score({ parameters }: Callable, values: readonly Value[]): number | null {
    let score = 0;
    for (const [index, value] of values.entries()) {
      const parameter = parameters[index];
      if (parameter === undefined) continue;
      const { type } = parameter;
      if (isUnknown(value.type)) continue;
      if (isArray(type) !== isArray(value.type)) return null;
      const isSame = type.name === value.type.name || type.kind === 'any';
      if (isSame) continue;
      if (isArray(type) || parameter.isReference || type.kind === 'struct' || value.type.kind === 'struct') return null;
      if ((type.kind === 'string') !== (value.type.kind === 'string') || type.kind === 'enum') return null;
      score++;
    }
    return score;
  }

  private pass(value: Value, parameter: ParameterType, at: Place, { builtIn }: Callable, index: number): void {
    const { type, isReference, isConst } = parameter;
    const { program } = this;
    if (isUnknown(value.type) && !isArray(value.type)) return;
    if (!isReference) {
      if (type.kind === 'any' && value.type.kind === 'void')
        program.report('151', at, 'expression of void type not allowed');
      else if (type.kind === 'any' && (isArray(value.type) || value.type.kind === 'struct'))
        program.report('246', at, `${typeText(value.type)} cannot be converted to text`);
      else if (type.kind === 'number' && !isNumeric(value.type))
        program.report(
          value.type.kind === 'string' ? '180' : '246',
          at,
          `a number is expected, this is ${typeText(value.type)}`,
        );
      else this.convert(value, type, at);
      return;
    }
    if (!value.isVariable) return program.report('200', at, 'a parameter by reference must be a variable');
    if (value.isConst && !isConst) return program.report('202', at, 'a constant is passed by a non-constant reference');
    if (type.sizes.length !== value.type.sizes.length && (isArray(type) || type.kind !== 'any'))
      return program.report('241', at, `${typeText(type)} is expected, this is ${typeText(value.type)}`);
    const isDynamic = builtIn?.flags.includes('dynamic') === true && index === this.firstArray(builtIn.page);
    if (isDynamic && value.type.sizes[0] !== null)
      program.report('63', at, `${typeText(value.type)} is not a dynamic array`);
    if (type.kind === 'any' || type.name === value.type.name) return;
    // Built-ins accept signed and unsigned bytes.
    if (
      builtIn !== null &&
      isArray(type) &&
      [type, value.type].every(({ name }) => name === 'char' || name === 'uchar')
    )
      return;
    if (type.kind === 'struct' && !isArray(type) && program.derives(value.type.name, type.name)) return;
    program.report('201', at, `a variable of type ${type.name} is expected, this is ${value.type.name}`);
  }

  private firstArray(page: string): number {
    return page === 'network/socketread' ? 1 : page === 'strings/stringsplit' ? 2 : 0;
  }

  private builtIn({ name, builtIn }: Callable, values: readonly Value[], at: Place): void {
    const { program } = this;
    program.used.add(name);
    const { kind } = program;
    const { flags } = builtIn!;
    const isForbidden =
      (kind === 'indicator' && (flags.includes('trade') || flags.includes('network'))) ||
      (flags.includes('events') && (kind === 'script' || kind === 'service')) ||
      (flags.includes('chart') && kind === 'service');
    if (isForbidden) program.report('not_in_program', at, `'${name}' does nothing in a program of kind ${kind}`);
    const type = values[0]?.type;
    if (name === 'EnumToString' && type !== undefined && type.kind !== 'enum')
      program.report('321', at, 'EnumToString takes an enumeration');
    if (name === 'ZeroMemory' && type?.kind === 'struct' && program.structs.get(type.name)?.isClass === true)
      program.report('226', at, 'ZeroMemory does not take objects with hidden members');
    if (name === 'FileWriteStruct' && values[1] !== undefined && !program.isPlain(values[1].type))
      program.report('369', at, 'a structure with strings, dynamic arrays or objects cannot be copied as bytes');
    if (
      (name === 'FileWriteArray' || name === 'FileReadArray') &&
      values[1] !== undefined &&
      !program.isPlain({ ...values[1].type, sizes: [] })
    )
      program.report('369', at, 'an array of strings or of structures with strings cannot be copied as bytes');
  }
}

function constant(type: Type, value: number | bigint | null): Value {
  return { type, isVariable: false, isConst: true, constant: value };
}

/** @param text with its quotes */
function characterCode(text: string): number {
  const inner = text.slice(1, -1);
  if (!inner.startsWith('\\')) return inner.charCodeAt(0);
  const escape = inner[1]!;
  if (/[xX]/.test(escape)) return Number.parseInt(inner.slice(2), 16);
  return { n: 10, r: 13, t: 9, '0': 0 }[escape] ?? escape.charCodeAt(0);
}

function folded(operator: string, a: Value['constant'], b: Value['constant']): Value['constant'] {
  if (typeof a !== 'bigint' || typeof b !== 'bigint') return null;
  if (operator === '+') return a + b;
  if (operator === '-') return a - b;
  if (operator === '*') return a * b;
  if (operator === '/' && b !== 0n) return a / b;
  if (operator === '%' && b !== 0n) return a % b;
  if (operator === '|') return a | b;
  if (operator === '&') return a & b;
  return null;
}
