import { BUILT_INS, type Flag } from './built_ins.ts';
import { BUILT_IN_TYPES } from './built_in_types.ts';
import type { Diagnostic, Place } from './diagnostic.ts';
import { tokensOf } from './lexer.ts';
import { parse, parseSignature } from './parser.ts';
import type { Declaration, FunctionSyntax, StructSyntax } from './syntax.ts';
import { ANY, simpleType, type Type } from './types.ts';

/** A name with a value. */
export interface Variable {
  readonly name: string;
  readonly type: Type;
  readonly isConst: boolean;
  readonly where: 'global' | 'member' | 'parameter' | 'local';
  readonly constant: number | bigint | null;
  readonly at: Place;
  isUsed: boolean;
}

export interface ParameterType {
  readonly type: Type;
  readonly isReference: boolean;
  readonly isConst: boolean;
  readonly isOptional: boolean;
}

/** A function or method that can be called. */
export interface Callable {
  readonly name: string;
  readonly result: Type;
  readonly parameters: readonly ParameterType[];
  readonly takesMore: boolean;
  readonly isConst: boolean;
  readonly access: 'public' | 'protected' | 'private';
  readonly owner: Struct | null;
  readonly syntax: FunctionSyntax;
  /** Of a built-in. */
  readonly builtIn: { readonly page: string; readonly flags: readonly Flag[] } | null;
}

export interface Struct {
  readonly name: string;
  readonly isClass: boolean;
  readonly base: Struct | null;
  readonly fields: Map<string, Variable & { readonly access: 'public' | 'protected' | 'private' }>;
  readonly methods: Map<string, Callable[]>;
}

/** Kinds of programs by the content of their main file. */
export type Kind = 'expert' | 'script' | 'service' | 'indicator';

/** Names of a block, and the enclosing scope. */
export class Scope {
  readonly outer: Scope | null;
  readonly names = new Map<string, Variable>();

  constructor(outer: Scope | null) {
    this.outer = outer;
  }

  find(name: string): Variable | null {
    return this.names.get(name) ?? this.outer?.find(name) ?? null;
  }
}

/** Declarations so far, and diagnostics. */
export class Program {
  readonly structs = new Map<string, Struct>();
  /** Values of the members of each enumeration. */
  readonly enums = new Map<string, ReadonlyMap<string, bigint>>();
  readonly functions = new Map<string, Callable[]>();
  readonly builtIns = new Map<string, Callable[]>();
  /** Built-in constants, then what the program declares. */
  readonly globals = new Scope(new Scope(null));
  readonly diagnostics: Diagnostic[] = [];
  /** Names of built-in functions, constants, types and variables that the program uses. */
  readonly used = new Set<string>();
  kind: Kind = 'expert';

  report(rule: string, { file, line }: Place, message: string): void {
    this.diagnostics.push({ rule, file, line, message });
  }

  /** A type by its name; `any` when there is none. */
  type(name: string): Type {
    const struct = this.structs.get(name);
    if (struct !== undefined) return { kind: 'struct', name, sizes: [] };
    if (this.enums.has(name)) return { kind: 'enum', name, sizes: [] };
    return simpleType(name) ?? ANY;
  }

  /** Whether a structure equals another one, or is derived from it. */
  derives(name: string, from: string): boolean {
    for (let struct = this.structs.get(name) ?? null; struct !== null; struct = struct.base)
      if (struct.name === from) return true;
    return false;
  }

  field(struct: Struct, name: string): (Variable & { access: string }) | null {
    for (let one: Struct | null = struct; one !== null; one = one.base) {
      const field = one.fields.get(name);
      if (field !== undefined) return field;
    }
    return null;
  }

  methods(struct: Struct, name: string): Callable[] {
    for (let one: Struct | null = struct; one !== null; one = one.base) {
      const methods = one.methods.get(name);
      if (methods !== undefined) return methods;
    }
    return [];
  }

  /** Whether a value of the type can be copied as bytes: no string, dynamic array or class. */
  isPlain(type: Type): boolean {
    if (type.kind === 'string' || type.sizes.includes(null)) return false;
    const struct = this.structs.get(type.name);
    if (type.kind !== 'struct' || struct === undefined) return true;
    return !struct.isClass && [...struct.fields.values()].every((field) => this.isPlain(field.type));
  }
}

export const BUILT_IN_FILE = 'built-in';

/** Declarations of the terminal's types and constants, in the order of their table. */
export function builtInDeclarations(): readonly Declaration[] {
  built ??= (() => {
    const names: string[] = [];
    return BUILT_IN_TYPES.flatMap(([, source]) => {
      const declarations = parse(tokensOf(source, BUILT_IN_FILE), names);
      for (const one of declarations) if (one.kind === 'enum' || one.kind === 'struct') names.push(one.name);
      return declarations;
    });
  })();
  return built;
}
let built: readonly Declaration[] | undefined;

export const builtInTypeNames = (): string[] =>
  builtInDeclarations().flatMap((one) => (one.kind === 'enum' || one.kind === 'struct' ? [one.name] : []));

interface Signature {
  readonly page: string;
  readonly flags: readonly Flag[];
  readonly syntax: FunctionSyntax;
}

/** Signatures of the built-in functions, in the order of their table. */
export function builtInSignatures(): readonly Signature[] {
  signed ??= parsedSignatures();
  return signed;
}
let signed: readonly Signature[] | undefined;

function parsedSignatures(): Signature[] {
  const types = [...builtInTypeNames(), 'any', 'number'];
  return BUILT_INS.flatMap(([page, signatures, ...flags]) =>
    signatures
      .split(';')
      .filter((signature) => signature.trim() !== '')
      .map((signature) => ({ page, flags, syntax: parseSignature(tokensOf(`${signature};`, BUILT_IN_FILE), types) })),
  );
}

/** An empty structure, to be filled with its members. */
export function newStruct({ name, isClass }: StructSyntax, base: Struct | null): Struct {
  return { name, isClass, base, fields: new Map(), methods: new Map() };
}
