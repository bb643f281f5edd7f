import { SyntaxProblem, type Place } from './diagnostic.ts';

/** A token of MQL5. `text` of a string or character has its quotes. */
export interface Token extends Place {
  readonly kind: 'word' | 'number' | 'string' | 'char' | 'literal' | 'operator' | 'directive' | 'end';
  readonly text: string;
}

const OPERATORS = /^(?:<<=|>>=|\.\.\.|->|::|\+\+|--|&&|\|\||[=!<>+\-*/%&|^]=|<<|>>|[-+*/%=<>!&|^~?:;,.()[\]{}])/;
const NUMBER = /^(?:0[xX][0-9A-Za-z]*|0[bB][01]+\b|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\w*)/;
const ESCAPES = /\\(?![nrt\\"'0xX])/;
const IDENTIFIER_LIMIT = 63;

/**
 * @param source of one file
 * @param file its name, for diagnostics
 * @throws {SyntaxProblem} where no token begins
 */
export function tokensOf(source: string, file: string): Token[] {
  const tokens: Token[] = [];
  const lines = withoutBlockComments(source).split('\n');
  for (let index = 0; index < lines.length; index++) {
    const at = { file, line: index + 1 };
    const line = lines[index]!.replace(/\r$/, '');
    if (/^\s*#/.test(line)) {
      let whole = line;
      while (whole.endsWith('\\') && index + 1 < lines.length) whole = `${whole.slice(0, -1)} ${lines[++index]}`;
      tokens.push({ kind: 'directive', text: withoutComment(whole).trim(), ...at });
    } else tokens.push(...lineTokens(line, at));
  }
  return tokens;
}

/** The tokens of a piece of one line. */
export function lineTokens(line: string, at: Place): Token[] {
  const tokens: Token[] = [];
  let rest = line;
  for (;;) {
    rest = rest.trimStart();
    if (rest === '' || rest.startsWith('//')) return tokens;
    const token = firstToken(rest, at);
    tokens.push(token);
    rest = rest.slice(token.text.length);
  }
}

function firstToken(rest: string, at: Place): Token {
  const make = (kind: Token['kind'], text: string): Token => ({ kind, text, file: at.file, line: at.line });
  if (/^[DC]'/.test(rest)) {
    const literal = /^[DC]'[^']*'/.exec(rest)?.[0];
    if (literal === undefined) throw new SyntaxProblem('114', at, 'single quote omitted');
    return make('literal', literal);
  }
  if (rest.startsWith('"')) return make('string', quoted(rest, '"', '112', at));
  if (rest.startsWith("'")) return make('char', quoted(rest, "'", '114', at));
  const word = /^[A-Za-z_]\w*/.exec(rest)?.[0];
  if (word !== undefined) {
    if (word.length > IDENTIFIER_LIMIT)
      throw new SyntaxProblem('identifier_length', at, `'${word}' has more than ${IDENTIFIER_LIMIT} characters`);
    return make('word', word);
  }
  const number = NUMBER.exec(rest)?.[0];
  if (number !== undefined && /^\.?\d/.test(rest)) return make('number', checkedNumber(number, at));
  const operator = OPERATORS.exec(rest)?.[0];
  if (operator === undefined) throw new SyntaxProblem('110', at, `symbol '${rest[0]}' unknown to the compiler`);
  if (operator === '->') throw new SyntaxProblem('arrow', at, "'->': MQL5 accesses members by '.' only");
  return make('operator', operator);
}

function quoted(rest: string, quote: string, rule: string, at: Place): string {
  for (let index = 1; index < rest.length; index++) {
    if (rest[index] === '\\') index++;
    else if (rest[index] === quote) {
      const text = rest.slice(0, index + 1);
      if (ESCAPES.test(text.replaceAll('\\\\', '')))
        throw new SyntaxProblem('25', at, `unknown escape sequence in ${text}`);
      if (quote === "'" && text.length < 3) throw new SyntaxProblem('157', at, 'empty character constant');
      return text;
    }
  }
  throw new SyntaxProblem(rule, at, `${quote} omitted`);
}

function checkedNumber(text: string, at: Place): string {
  if (/^0[xX]/.test(text)) {
    const digits = text.slice(2);
    if (digits === '') throw new SyntaxProblem('36', at, `no digits in '${text}'`);
    if (/^[0-9A-Fa-f]+[uUlL]+$/.test(digits)) throw new SyntaxProblem('number_suffix', at, `suffix of '${text}'`);
    if (!/^[0-9A-Fa-f]+$/.test(digits)) throw new SyntaxProblem('158', at, `non-hex character in '${text}'`);
    if (digits.length > 16) throw new SyntaxProblem('35', at, `'${text}' has more than 16 digits`);
    return text;
  }
  if (/^\d+[uUlL]+$/.test(text)) throw new SyntaxProblem('number_suffix', at, `'${text}': MQL5 numbers have no suffix`);
  if (!/^(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?$/.test(text) && !/^0[bB]/.test(text))
    throw new SyntaxProblem('239', at, `'${text}' is no number`);
  return text;
}

/** Line breaks are kept. */
function withoutBlockComments(source: string): string {
  return source.replace(/\/\/.*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\/\*[\s\S]*?\*\//g, (found) =>
    found.startsWith('/*') ? found.replace(/[^\n]/g, ' ') : found,
  );
}

function withoutComment(line: string): string {
  return line.replace(/("(?:[^"\\]|\\.)*")|\/\/.*/g, (_, text?: string) => text ?? '');
}
