/** A type of MQL5. `any` and `number` occur in signatures of built-ins; `any` also marks reported errors. */
export interface Type {
  readonly kind: 'void' | 'bool' | 'integer' | 'real' | 'string' | 'enum' | 'struct' | 'any' | 'number';
  readonly name: string;
  /** Sizes of an array's dimensions; null of one that is dynamic. Empty: no array. */
  readonly sizes: readonly (number | null)[];
}

/** Type and value of an expression. */
export interface Value {
  readonly type: Type;
  /** It is an lvalue. */
  readonly isVariable: boolean;
  readonly isConst: boolean;
  readonly constant: number | bigint | null;
}

/** Bytes, negative when signed. datetime counts as unsigned: negative times do not exist. */
const INTEGERS: Readonly<Record<string, number>> = {
  char: -1,
  uchar: 1,
  short: -2,
  ushort: 2,
  int: -4,
  uint: 4,
  color: 4,
  long: -8,
  ulong: 8,
  datetime: 8,
};
const KINDS: Readonly<Record<string, Type['kind']>> = {
  void: 'void',
  bool: 'bool',
  float: 'real',
  double: 'real',
  string: 'string',
  any: 'any',
  number: 'number',
};

export function simpleType(name: string): Type | null {
  const kind = KINDS[name] ?? (name in INTEGERS ? 'integer' : undefined);
  return kind === undefined ? null : { kind, name, sizes: [] };
}

export const ANY: Type = { kind: 'any', name: 'any', sizes: [] };
export const BOOL = simpleType('bool')!;
export const INT = simpleType('int')!;
export const LONG = simpleType('long')!;
export const DOUBLE = simpleType('double')!;
export const STRING = simpleType('string')!;

export const isArray = ({ sizes }: Type): boolean => sizes.length > 0;
export const isUnknown = ({ kind }: Type): boolean => kind === 'any' || kind === 'number';
/** Numbers, enumerations and truth values; no array. */
export const isNumeric = (type: Type): boolean =>
  !isArray(type) && ['bool', 'integer', 'real', 'enum', 'any', 'number'].includes(type.kind);
export const isWhole = (type: Type): boolean =>
  !isArray(type) && ['integer', 'enum', 'any', 'number'].includes(type.kind);
export const elementOf = (type: Type): Type => ({ ...type, sizes: type.sizes.slice(1) });
export const sizeOf = ({ name }: Type): number => Math.abs(INTEGERS[name] ?? 4);
export const isUnsigned = ({ kind, name }: Type): boolean => kind === 'integer' && (INTEGERS[name] ?? -4) > 0;

/** The type in messages, arrays with their brackets. */
export function typeText({ name, sizes }: Type): string {
  return name + sizes.map((size) => `[${size ?? ''}]`).join('');
}

/** Result type of an arithmetic operation. */
export function promoted(left: Type, right: Type): Type {
  if (isUnknown(left) || isUnknown(right)) return ANY;
  if (left.kind === 'real' || right.kind === 'real') return DOUBLE;
  const [a, b] = [left, right].map((type) => (type.kind !== 'integer' || sizeOf(type) < 4 ? INT : type)) as [
    Type,
    Type,
  ];
  if (sizeOf(a) !== sizeOf(b)) return sizeOf(a) > sizeOf(b) ? a : b;
  return isUnsigned(a) ? a : b;
}

/** Whether an integer constant keeps its value in a type. */
export function holds(type: Type, constant: bigint): boolean {
  const bits = BigInt(sizeOf(type) * 8);
  // Hexadecimal constants may fill all bits of a signed type.
  return constant >= -(1n << (bits - 1n)) && constant < 1n << bits;
}

/**
 * Why a value does not convert to a type without a cast: a rule and its message. Arrays and structures are compared by
 * the caller.
 * @returns null when it does
 */
export function conversionProblem({ type: from, constant }: Value, to: Type): [rule: string, message: string] | null {
  if (isUnknown(from) || isUnknown(to)) return null;
  if (from.kind === 'void') return ['151', 'expression of void type not allowed'];
  if (to.kind === 'string')
    return from.kind === 'string' ? null : ['181', "implicit conversion from 'number' to 'string'"];
  if (from.kind === 'string') return ['180', "implicit conversion from 'string' to 'number'"];
  if (to.kind === 'enum')
    return from.kind === 'enum' && from.name === to.name
      ? null
      : ['262', `cannot convert ${from.name} to enumeration ${to.name}`];
  if (to.kind === 'bool')
    return from.kind === 'bool' ? null : ['implicit_bool', `${from.name} converts to bool: compare it with 0`];
  if (to.kind === 'real') return toReal(from, to, constant);
  if (from.kind === 'real') {
    if (constant === null) return ['43', `possible loss of data from ${from.name} to ${to.name}`];
    return Number.isInteger(Number(constant)) ? null : ['44', `truncation of constant ${constant}`];
  }
  if (typeof constant === 'bigint') return holds(to, constant) ? null : ['44', `truncation of constant ${constant}`];
  if (from.kind === 'integer' && sizeOf(from) > sizeOf(to))
    return ['43', `possible loss of data from ${from.name} to ${to.name}`];
  return null;
}

function toReal(from: Type, to: Type, constant: Value['constant']): [string, string] | null {
  const isWide = from.kind === 'integer' && sizeOf(from) === 8;
  const isNarrow = to.name === 'float' && (from.name === 'double' || (from.kind === 'integer' && sizeOf(from) > 2));
  if (constant !== null || !(isWide || isNarrow)) return null;
  return ['43', `possible loss of data from ${from.name} to ${to.name}`];
}
