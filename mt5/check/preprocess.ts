import { SyntaxProblem, type Diagnostic, type Place } from './diagnostic.ts';
import { lineTokens, tokensOf, type Token } from './lexer.ts';

/** Properties of programs in the reference (basis/preprosessor/compilation), without those of indicators. */
const PROPERTIES = new Set(
  (
    'icon link copyright version description stacksize library script_show_confirm script_show_inputs service ' +
    'tester_file tester_indicator tester_library tester_no_cache tester_set tester_everytick_calculate'
  ).split(' '),
);
const INCLUDE_DEPTH = 32;

/** A program after preprocessing. */
export interface Preprocessed {
  readonly tokens: readonly Token[];
  readonly properties: ReadonlyMap<string, string>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Finds what `#include` names. @returns text and name of the file, null when it does not exist */
export type FindInclude = (name: string, isSystem: boolean, from: string) => { text: string; file: string } | null;

/**
 * Processes `#include`, `#define` of constants, and conditions.
 * @throws {SyntaxProblem}
 */
export function preprocess(source: string, file: string, findInclude: FindInclude): Preprocessed {
  const work = new Preprocessor(findInclude);
  work.read(source, file, 0);
  return { tokens: work.tokens, properties: work.properties, diagnostics: work.diagnostics };
}

class Preprocessor {
  readonly tokens: Token[] = [];
  readonly properties = new Map<string, string>();
  readonly diagnostics: Diagnostic[] = [];
  private readonly macros = new Map<string, readonly Token[]>();
  private readonly findInclude: FindInclude;

  constructor(findInclude: FindInclude) {
    this.findInclude = findInclude;
  }

  read(source: string, file: string, depth: number): void {
    /** Of each open condition: whether its text is active. */
    const conditions: boolean[] = [];
    let last: Place = { file, line: 1 };
    for (const token of tokensOf(source, file)) {
      last = token;
      if (token.kind !== 'directive') {
        if (conditions.every(Boolean)) this.expand(token, new Set());
        continue;
      }
      if (this.condition(token, conditions) || !conditions.every(Boolean)) continue;
      this.directive(token, depth);
    }
    if (conditions.length > 0) throw new SyntaxProblem('372', last, 'inconsistent #ifdef/#endif');
  }

  private condition({ text, ...at }: Token, conditions: boolean[]): boolean {
    const [, word, name = ''] = /^#\s*(\w*)\s*(\w*)/.exec(text)!;
    if (word === 'ifdef') conditions.push(this.isDefined(name));
    else if (word === 'ifndef') conditions.push(!this.isDefined(name));
    else if (word === 'else' && conditions.length > 0) conditions.push(!conditions.pop());
    else if (word === 'endif' && conditions.length > 0) conditions.pop();
    else if (word === 'else' || word === 'endif') throw new SyntaxProblem('372', at, `#${word} without #ifdef`);
    else return false;
    return true;
  }

  private isDefined(name: string): boolean {
    return this.macros.has(name) || name === '__MQL5__';
  }

  private directive(token: Token, depth: number): void {
    const [, word, rest] = /^#\s*(\w*)\s*(.*)$/.exec(token.text)!;
    if (word === 'define') this.define(rest!, token);
    else if (word === 'undef') this.macros.delete(rest!.trim());
    else if (word === 'include') this.include(rest!, token, depth);
    else if (word === 'property') this.property(rest!, token);
    else if (word === 'import') this.report('no_import', token, 'a DLL or library: outside of the subset');
    else if (word === 'resource') this.report('no_resource', token, 'a resource: outside of the subset');
    else throw new SyntaxProblem('109', token, `unknown preprocessor directive '#${word}'`);
  }

  private define(rest: string, at: Token): void {
    const found = /^([A-Za-z_]\w*)(\(?)(.*)$/.exec(rest);
    if (found === null) throw new SyntaxProblem('108', at, 'inappropriate name for #define');
    const [, name, bracket, value] = found;
    if (bracket === '(') return this.report('no_macro_functions', at, `macro '${name}' with parameters`);
    if (this.macros.has(name!)) this.report('30', at, `macro '${name}' is defined again`);
    this.macros.set(name!, lineTokens(value!, at));
  }

  private include(rest: string, at: Token, depth: number): void {
    const found = /^(?:<([^>]+)>|"([^"]+)")$/.exec(rest.trim());
    if (found === null) {
      if (!/^[<"]/.test(rest.trim())) throw new SyntaxProblem('113', at, '< or " omitted');
      throw new SyntaxProblem(rest.startsWith('<') ? '115' : '112', at, 'closing bracket or quote omitted');
    }
    const name = (found[1] ?? found[2])!;
    const included = this.findInclude(name.replaceAll('\\', '/'), found[1] !== undefined, at.file);
    if (included === null || depth >= INCLUDE_DEPTH) throw new SyntaxProblem('106', at, `file '${name}' not found`);
    this.read(included.text, included.file, depth + 1);
  }

  private property(rest: string, at: Token): void {
    const [, name, value] = /^(\w*)\s*(.*)$/.exec(rest)!;
    if (!PROPERTIES.has(name!)) return this.report('288', at, `unknown property '${name}'`);
    if (name === 'version' && !/^"\d{1,3}\.\d{1,3}"$/.test(value!))
      this.report('68', at, `version ${value} is not "1.00"`);
    this.properties.set(name!, value!);
  }

  /** Replaces constants' names by their values, at the place of use. */
  private expand(token: Token, within: ReadonlySet<string>): void {
    const macro = token.kind === 'word' && !within.has(token.text) ? this.macros.get(token.text) : undefined;
    if (macro === undefined) this.tokens.push(token);
    else
      for (const part of macro)
        this.expand({ ...part, file: token.file, line: token.line }, new Set([...within, token.text]));
  }

  private report(rule: string, { file, line }: Place, message: string): void {
    this.diagnostics.push({ rule, file, line, message });
  }
}
