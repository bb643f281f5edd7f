import type { Place } from './diagnostic.ts';

/** A type as written. */
export interface TypeName {
  readonly name: string;
  readonly isConst: boolean;
  readonly isStatic: boolean;
  readonly isInput: boolean;
  readonly at: Place;
}

export type Expression = Place & {
  /** In parentheses. */
  readonly isGrouped?: boolean;
} & (
    | { readonly kind: 'number' | 'string' | 'char' | 'literal'; readonly text: string }
    | { readonly kind: 'name'; readonly text: string }
    | { readonly kind: 'member'; readonly of: Expression; readonly name: string }
    | { readonly kind: 'index'; readonly of: Expression; readonly index: Expression }
    | { readonly kind: 'call'; readonly callee: Expression; readonly args: readonly Expression[] }
    | { readonly kind: 'prefix' | 'postfix'; readonly operator: string; readonly of: Expression }
    | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
    | { readonly kind: 'choice'; readonly test: Expression; readonly yes: Expression; readonly no: Expression }
    | { readonly kind: 'cast'; readonly type: TypeName; readonly of: Expression }
    | { readonly kind: 'list'; readonly items: readonly Expression[] }
  );

/** A declared name: `const T &name[3][] = init`. */
export interface Declarator extends Place {
  readonly name: string;
  readonly isReference: boolean;
  /** Sizes of its dimensions; null of one that is dynamic. */
  readonly sizes: readonly (Expression | null)[];
  readonly init: Expression | null;
}

export interface Variables extends Place {
  readonly kind: 'variables';
  readonly type: TypeName;
  readonly names: readonly Declarator[];
}

export interface Parameter {
  readonly type: TypeName;
  readonly name: Declarator;
}

export interface FunctionSyntax extends Place {
  readonly kind: 'function';
  readonly type: TypeName;
  readonly name: string;
  /** Of `Class::Method`. */
  readonly owner: string | null;
  readonly parameters: readonly Parameter[];
  readonly takesMore: boolean;
  readonly isConst: boolean;
  readonly isVirtual: boolean;
  readonly body: Block | null;
}

export interface EnumSyntax extends Place {
  readonly kind: 'enum';
  readonly name: string;
  readonly members: readonly (Place & { readonly name: string; readonly value: Expression | null })[];
}

export interface StructSyntax extends Place {
  readonly kind: 'struct';
  readonly isClass: boolean;
  readonly name: string;
  readonly base: string | null;
  readonly members: readonly {
    readonly access: 'public' | 'protected' | 'private';
    readonly declaration: Variables | FunctionSyntax;
  }[];
}

export type Declaration = Variables | FunctionSyntax | EnumSyntax | StructSyntax;

export interface Block extends Place {
  readonly kind: 'block';
  readonly statements: readonly Statement[];
}

export type Statement =
  | Block
  | Variables
  | (Place &
      (
        | { readonly kind: 'expression'; readonly expression: Expression }
        | { readonly kind: 'empty' | 'break' | 'continue' }
        | { readonly kind: 'return'; readonly value: Expression | null }
        | { readonly kind: 'if'; readonly test: Expression; readonly yes: Statement; readonly no: Statement | null }
        | { readonly kind: 'while' | 'do'; readonly test: Expression; readonly body: Statement }
        | {
            readonly kind: 'for';
            readonly init: Statement | null;
            readonly test: Expression | null;
            readonly step: readonly Expression[];
            readonly body: Statement;
          }
        | { readonly kind: 'switch'; readonly value: Expression; readonly body: Block }
        | { readonly kind: 'case'; readonly value: Expression | null }
      ));
