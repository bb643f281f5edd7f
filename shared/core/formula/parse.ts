import { FormulaError } from './formula_error.ts';
import { otherSymbolSource } from './other_symbols.ts';
import { seriesSource } from './series_source.ts';
import { MAX_DEPTH, MAX_LENGTH, MAX_NODES } from './limits.ts';

/** What a formula says, before names and types are known. `column` is that of the name, sign or number; 1 is first. */
export type Syntax =
  | { readonly kind: 'number'; readonly value: number; readonly column: number }
  | { readonly kind: 'name'; readonly name: string; readonly column: number }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly arguments: readonly Syntax[];
      readonly column: number;
      /** Whether it was written as a sign between or before its arguments. */
      readonly isSign: boolean;
    };

interface Token {
  readonly kind: 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
  readonly column: number;
}

const TOKEN =
  /[ \t\r\n]+|((?:[ab]\.)?)series[ \t]*\([ \t]*"([^"\n]{0,64})"[ \t]*\)|symbol[ \t]*\([ \t]*"([^"\n]{0,64})"[ \t]*\)\.([a-z_]+)|(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)|(<=|>=|==|!=|[-+*/(),<>])/y;
const WORD_SIGNS: ReadonlySet<string> = new Set(['and', 'or', 'not']);

/** Signs between two arguments, by how tightly they bind. */
const PRECEDENCE: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '==': 4,
  '!=': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
};
const NOT_PRECEDENCE = 3;
const COMPARISON_PRECEDENCE = 4;
const MINUS_PRECEDENCE = 7;

/** Operator names of signs. `>` and `>=` are the mirrored `<` and `<=`, so that equal conditions are equal formulas. */
const OPERATORS: Readonly<Record<string, string>> = {
  or: 'or',
  and: 'and',
  '<': 'less',
  '<=': 'less_or_equal',
  '>': 'less',
  '>=': 'less_or_equal',
  '==': 'equal',
  '!=': 'equal',
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
};

/** @throws FormulaError FORMULA_SYNTAX, FORMULA_LENGTH, FORMULA_DEPTH, FORMULA_NODES */
export function parse(text: string): Syntax {
  if (text.length > MAX_LENGTH)
    throw new FormulaError(
      'FORMULA_LENGTH',
      MAX_LENGTH + 1,
      `the formula has ${text.length} characters; at most ${MAX_LENGTH} are allowed`,
    );
  return new Parser(tokens(text)).parse();
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    const column = at + 1;
    const match = TOKEN.exec(text);
    if (match === null) throw new FormulaError('FORMULA_SYNTAX', column, unreadable(text, at));
    const leg = match[1];
    const series = match[2];
    const symbol = match[3];
    const field = match[4];
    const number = match[5];
    const name = match[6];
    const sign = match[7];
    if (symbol !== undefined) found.push({ kind: 'name', text: otherSymbolSource({ symbol, field: field! }), column });
    else if (series !== undefined) found.push({ kind: 'name', text: `${leg}${seriesSource(series)}`, column });
    else if (number !== undefined) found.push({ kind: 'number', text: number, column });
    else if (name === 'symbol') throw withoutField(column);
    else if (name !== undefined) found.push({ kind: WORD_SIGNS.has(name) ? 'sign' : 'name', text: name, column });
    else if (sign !== undefined) found.push({ kind: 'sign', text: sign, column });
    at = TOKEN.lastIndex;
  }
  found.push({ kind: 'end', text: '', column: text.length + 1 });
  return found;
}

/** `symbol` in any other form than the one that names a symbol and a field. */
function withoutField(column: number): FormulaError {
  return new FormulaError(
    'FORMULA_ARGUMENTS',
    column,
    'symbol takes the name of a symbol in quotation marks, and a field behind it, such as symbol("BTCUSDT").close',
  );
}

function unreadable(text: string, at: number): string {
  const character = String.fromCodePoint(text.codePointAt(at)!);
  if (character === '=') return '= is not a comparison; write ==';
  if (character === '^') return '^ is not an operator; write pow(x, 2)';
  if (character === '&') return '& is not an operator; write and';
  if (character === '|') return '| is not an operator; write or';
  if (character === '!') return '! is not an operator; write not, or != between numbers';
  return `${JSON.stringify(character)} has no meaning here`;
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #nodes = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Syntax {
    const whole = this.#expression(0);
    const rest = this.#peek();
    if (rest.kind !== 'end')
      throw unexpected(rest, rest.text === ')' ? 'no ( is open' : 'an operator is missing before it');
    return whole;
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(): Token {
    return this.#tokens[this.#next++]!;
  }

  #expect(text: string, reason: string): void {
    const token = this.#take();
    if (token.text !== text) throw unexpected(token, reason);
  }

  /** Everything whose signs bind at least as tightly as `least`. */
  #expression(least: number): Syntax {
    let left = this.#first();
    for (;;) {
      const sign = this.#peek();
      const precedence = sign.kind === 'sign' ? (PRECEDENCE[sign.text] ?? -1) : -1;
      if (precedence < least) return left;
      this.#next++;
      const right = this.#expression(precedence + 1);
      const after = this.#peek();
      if (precedence === COMPARISON_PRECEDENCE && PRECEDENCE[after.text] === COMPARISON_PRECEDENCE)
        throw new FormulaError(
          'FORMULA_SYNTAX',
          after.column,
          `a comparison of a comparison; write a < b and b < c with and between`,
        );
      left = this.#between(sign, left, right);
    }
  }

  #between({ text, column }: Token, left: Syntax, right: Syntax): Syntax {
    const isMirrored = text === '>' || text === '>=';
    const parts = isMirrored ? [right, left] : [left, right];
    const compared = this.#call(OPERATORS[text]!, parts, column, true);
    return text === '!=' ? this.#call('not', [compared], column, true) : compared;
  }

  /** A number, a name, a call, something in brackets, or one of these after a sign. */
  #first(): Syntax {
    const token = this.#take();
    if (token.kind === 'number')
      return this.#counted({ kind: 'number', value: Number(token.text), column: token.column });
    if (token.kind === 'name') return this.#name(token);
    if (token.text === '(') {
      this.#enter(token);
      const inside = this.#expression(0);
      this.#expect(')', `the ( of column ${token.column} is not closed`);
      this.#depth--;
      return inside;
    }
    if (token.text === '-' || token.text === 'not') {
      this.#enter(token);
      const isMinus = token.text === '-';
      const inside = this.#expression(isMinus ? MINUS_PRECEDENCE : NOT_PRECEDENCE);
      this.#depth--;
      return this.#call(isMinus ? 'negate' : 'not', [inside], token.column, true);
    }
    throw unexpected(token, 'a number, a source or an operator is missing');
  }

  #name({ text, column }: Token): Syntax {
    const bracket = this.#peek();
    if (bracket.text !== '(') return this.#counted({ kind: 'name', name: text, column });
    this.#next++;
    this.#enter(bracket);
    const found: Syntax[] = [];
    if (this.#peek().text === ')') this.#next++;
    else {
      for (;;) {
        found.push(this.#expression(0));
        const after = this.#take();
        if (after.text === ')') break;
        if (after.text !== ',') throw unexpected(after, `the ( of column ${bracket.column} is not closed`);
      }
    }
    this.#depth--;
    return this.#call(text, found, column, false);
  }

  #call(name: string, parts: readonly Syntax[], column: number, isSign: boolean): Syntax {
    return this.#counted({ kind: 'call', name, arguments: parts, column, isSign });
  }

  #enter({ column }: Token): void {
    this.#depth++;
    if (this.#depth > MAX_DEPTH)
      throw new FormulaError(
        'FORMULA_DEPTH',
        column,
        `brackets and signs are ${this.#depth} deep; at most ${MAX_DEPTH} are allowed`,
      );
  }

  #counted(node: Syntax): Syntax {
    this.#nodes++;
    if (this.#nodes > MAX_NODES)
      throw new FormulaError(
        'FORMULA_NODES',
        node.column,
        `the formula has more than ${MAX_NODES} numbers, sources and operators`,
      );
    return node;
  }
}

function unexpected({ kind, text, column }: Token, reason: string): FormulaError {
  const seen = kind === 'end' ? 'the formula ends here' : `unexpected ${text}`;
  return new FormulaError('FORMULA_SYNTAX', column, `${seen}: ${reason}`);
}
