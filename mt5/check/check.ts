import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Declarations } from './declarations.ts';
import { SyntaxProblem, type Diagnostic } from './diagnostic.ts';
import { parse } from './parser.ts';
import { preprocess, type FindInclude } from './preprocess.ts';
import { builtInTypeNames, Program, type Callable, type Kind } from './program.ts';
import { Statements } from './statements.ts';
import type { Declaration, FunctionSyntax } from './syntax.ts';

/** Event handlers: kinds of programs, result, parameters (runtime/event_fire in the reference). */
const HANDLERS: Readonly<
  Record<string, { readonly kinds: readonly Kind[]; readonly results: readonly string[]; readonly parameters: string }>
> = {
  OnInit: { kinds: ['expert', 'indicator'], results: ['int', 'void'], parameters: '' },
  OnDeinit: { kinds: ['expert', 'indicator'], results: ['void'], parameters: 'const int' },
  OnTick: { kinds: ['expert'], results: ['void'], parameters: '' },
  OnTimer: { kinds: ['expert', 'indicator'], results: ['void'], parameters: '' },
  OnTrade: { kinds: ['expert'], results: ['void'], parameters: '' },
  OnStart: { kinds: ['script', 'service'], results: ['void', 'int'], parameters: '' },
  OnTradeTransaction: {
    kinds: ['expert'],
    results: ['void'],
    parameters: 'const MqlTradeTransaction&,const MqlTradeRequest&,const MqlTradeResult&',
  },
  OnChartEvent: {
    kinds: ['expert', 'indicator'],
    results: ['void'],
    parameters: 'const int,const long&,const double&,const string&',
  },
};

/** Result of the check of a program. MetaEditor may still refuse it. */
export interface Check {
  readonly diagnostics: readonly Diagnostic[];
  /** Built-in functions and constants that the program uses. */
  readonly builtInsUsed: ReadonlySet<string>;
}

/** @param source of the main file @param file its name */
export function checkSource(source: string, file: string, findInclude: FindInclude = () => null): Check {
  const program = new Program();
  const declarations = new Declarations(program);
  try {
    const { tokens, properties, diagnostics } = preprocess(source, file, findInclude);
    program.diagnostics.push(...diagnostics);
    const parsed = parse(tokens, builtInTypeNames());
    program.kind = kindOf(parsed, properties.has('service'));
    checkProgram(program, declarations, parsed);
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    program.diagnostics.push(error.diagnostic);
  }
  return { diagnostics: program.diagnostics, builtInsUsed: program.used };
}

/** @param folder with Experts, Include and Services, as the terminal has them @param name of a file below it */
export function checkFile(folder: string, name: string): Check {
  const read = (path: string): { text: string; file: string } => ({
    text: readFileSync(path, 'utf8'),
    file: relative(folder, path).replaceAll('\\', '/'),
  });
  const findInclude: FindInclude = (included, isSystem, from) => {
    const path = isSystem ? join(folder, 'Include', included) : join(folder, dirname(from), included);
    return existsSync(path) ? read(path) : null;
  };
  const { text, file } = read(join(folder, name));
  return checkSource(text, file, findInclude);
}

function kindOf(declarations: readonly Declaration[], isService: boolean): Kind {
  const has = (name: string): boolean => declarations.some((one) => one.kind === 'function' && one.name === name);
  if (isService) return 'service';
  if (has('OnStart') && !has('OnTick')) return 'script';
  return has('OnCalculate') ? 'indicator' : 'expert';
}

function checkProgram(program: Program, declarations: Declarations, parsed: readonly Declaration[]): void {
  const statements = new Statements(program, declarations);
  const bodies: Callable[] = [];
  for (const one of parsed) if (one.kind === 'enum' || one.kind === 'struct') declarations.declare(one);
  for (const one of parsed) if (one.kind === 'function') declarations.declareFunction(one);
  for (const one of parsed) {
    if (one.kind === 'variables') declarations.declare(one);
    if (one.kind === 'struct') bodies.push(...[...program.structs.get(one.name)!.methods.values()].flat());
    if (one.kind === 'function' && one.owner === null)
      bodies.push(program.functions.get(one.name)!.find(({ syntax }) => syntax === one)!);
  }
  for (const body of bodies) statements.body(body);
  for (const one of parsed) if (one.kind === 'function' && one.owner === null) checkHandler(program, one);
  const isProgram = parsed.some((one) => one.kind === 'function' && one.name in HANDLERS);
  if (!isProgram)
    program.report('356', parsed[0] ?? { file: '', line: 1 }, 'no event handler: nothing would be executed');
}

function checkHandler(program: Program, { name, type, parameters, ...at }: FunctionSyntax): void {
  if (!Object.hasOwn(HANDLERS, name)) return;
  const { kinds, results, parameters: wanted } = HANDLERS[name]!;
  if (!kinds.includes(program.kind)) {
    const rule = { OnInit: '55', OnDeinit: '57', OnStart: '53' }[name] ?? 'not_in_program';
    program.report(rule, at, `'${name}' is not called in a program of kind ${program.kind}`);
  }
  const found = parameters.map(
    (one) => `${one.type.isConst ? 'const ' : ''}${one.type.name}${one.name.isReference ? '&' : ''}`,
  );
  if (found.join(',') !== wanted || !results.includes(type.name))
    program.report('70', at, `'${name}' has wrong parameters or a wrong return type`);
}
