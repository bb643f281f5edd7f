import { finite } from './finite.ts';
import { FormulaError } from './formula_error.ts';
import { MAX_DOUBLES, MAX_LOOK_BACK } from './limits.ts';
import {
  isConstant,
  type ConstantParameter,
  type Operator,
  type Parameter,
  type SeriesParameter,
  type ValueType,
} from './operator.ts';
import { OPERATOR_BY_NAME, OPERATORS } from './operators.ts';
import { parse, type Syntax } from './parse.ts';
import { MINUTE_SOURCE, type Source, type Sources } from './sources.ts';
import { isSymbolName, parseOtherSymbol, type OtherSymbolField } from './other_symbols.ts';
import { isSeriesSource, seriesSource } from './series_source.ts';
import { PLAIN, unitName, type Unit } from './unit.ts';

/** A part of a checked formula. Equal parts have equal texts, whatever the order of `a + b`. */
export type Node = Constant | Read | Operation;

interface Checked {
  /** Canonical: it parses to the same node. */
  readonly text: string;
  readonly type: ValueType;
  readonly unit: Unit;
  /** Bars that it looks back over, the current one included. */
  readonly bars: number;
  readonly column: number;
}

export interface Constant extends Checked {
  readonly kind: 'constant';
  readonly value: number;
}

export interface Read extends Checked {
  readonly kind: 'read';
  readonly source: string;
}

export interface Operation extends Checked {
  readonly kind: 'operation';
  readonly operator: Operator;
  readonly inputs: readonly Node[];
  readonly constants: readonly number[];
}

/** A formula that has been checked against the sources of its subject. */
export interface Formula {
  readonly root: Node;
  /** Equal formulas have equal texts. */
  readonly text: string;
  readonly type: ValueType;
  readonly unit: string;
  /** The subject's bar count at which the value first exists. */
  readonly bars: number;
  /** Doubles that its windows keep per subject. */
  readonly doubles: number;
  /** Names of the sources that it reads. */
  readonly sources: readonly string[];
}

/**
 * Parses and checks a formula.
 * @throws FormulaError
 */
export function parseFormula(text: string, sources: Sources): Formula {
  const root = new Checker(sources).check(parse(text));
  const formula = formulaOf(root);
  if (!readsAny(root))
    throw new FormulaError('FORMULA_CONSTANT', root.column, 'the formula reads no source, so its value never changes');
  if (formula.doubles > MAX_DOUBLES)
    throw new FormulaError(
      'FORMULA_MEMORY',
      root.column,
      `the windows keep ${formula.doubles} numbers per subject; at most ${MAX_DOUBLES} are allowed`,
    );
  return formula;
}

function readsAny(node: Node): boolean {
  return node.kind === 'read' || (node.kind === 'operation' && node.inputs.some(readsAny));
}

function formulaOf(root: Node): Formula {
  const parts = new Map<string, Node>();
  collect(root, parts);
  const reads = [...parts.values()].flatMap((part) => (part.kind === 'read' ? [part.source] : []));
  const operations = [...parts.values()].filter((part) => part.kind === 'operation');
  return {
    root,
    text: withoutBrackets(root.text),
    type: root.type,
    unit: root.type === 'boolean' ? 'yes or no' : unitName(root.unit),
    bars: root.bars,
    doubles: operations.reduce((sum, { operator, constants }) => sum + Math.ceil(operator.doubles(constants)), 0),
    sources: reads.filter((name) => name !== MINUTE_SOURCE),
  };
}

/** All different parts, inner ones first. */
function collect(node: Node, parts: Map<string, Node>): void {
  if (parts.has(node.text)) return;
  if (node.kind === 'operation') for (const input of node.inputs) collect(input, parts);
  parts.set(node.text, node);
}

class Checker {
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  check(syntax: Syntax): Node {
    if (syntax.kind === 'number') return constantNode(syntax.value, syntax.column);
    if (syntax.kind === 'name') return this.#read(syntax.name, syntax.column);
    return this.#operation(syntax);
  }

  #read(name: string, column: number): Node {
    const number = this.#sources.numbers?.get(name);
    if (number !== undefined) return constantNode(number, column);
    const other = parseOtherSymbol(name);
    const source = other === null ? this.#sources.byName.get(name) : this.#otherField(other, column);
    if (source === undefined) throw this.#unknownSource(name, column);
    return { kind: 'read', source: name, text: name, type: 'number', unit: source.unit, bars: source.bars, column };
  }

  /** @throws FormulaError for what is no symbol, or no field of one, and where the subject reads its own bars alone */
  #otherField({ symbol, field }: OtherSymbolField, column: number): Source {
    const { subject, otherFields } = this.#sources;
    if (otherFields === undefined)
      throw new FormulaError(
        'FORMULA_NAME',
        column,
        `a formula of ${subject} cannot read other symbols here; formulas of the models of pairs can`,
      );
    if (!isSymbolName(symbol))
      throw new FormulaError('FORMULA_NAME', column, `"${symbol}" is no symbol; write it as symbol("BTCUSDT")`);
    const source = otherFields.find(({ name }) => name === field);
    if (source !== undefined) return source;
    const known = otherFields.map(({ name }) => name);
    const reason = `another symbol has no ${field}, but ${known.join(', ')}`;
    throw new FormulaError('FORMULA_NAME', column, reason, { name: field, known });
  }

  #unknownSource(name: string, column: number): FormulaError {
    const { subject, byName } = this.#sources;
    if (OPERATOR_BY_NAME.has(name))
      return new FormulaError(
        'FORMULA_ARGUMENTS',
        column,
        `${name} is an operator: write ${signatureOf(OPERATOR_BY_NAME.get(name)!)}`,
      );
    const ofLegs = [`a.${name}`, `b.${name}`].filter((known) => byName.has(known));
    if (isSeriesSource(name) && ofLegs.length === 0) {
      const known = [...byName.keys()].filter(isSeriesSource);
      if (known.length === 0)
        return new FormulaError(
          'FORMULA_NAME',
          column,
          `${subject} has no auxiliary series; pairs and instruments have them`,
        );
      return new FormulaError('FORMULA_NAME', column, `there is no ${name}`, { name, known });
    }
    const reason =
      ofLegs.length > 0
        ? `${subject} has two of ${name}; write ${ofLegs.join(' or ')}`
        : `${subject} has no source ${name}`;
    return new FormulaError('FORMULA_NAME', column, reason, { name, known: [...byName.keys()] });
  }

  #operation({ name, arguments: given, column, isSign }: Syntax & { readonly kind: 'call' }): Node {
    const operator = OPERATOR_BY_NAME.get(name);
    if (operator === undefined) throw this.#unknownOperator(name, column);
    const { parameters } = operator;
    const checked = given.map((argument) => this.check(argument));
    const implicit = parameters.filter((parameter) => 'implicit' in parameter);
    const isImplicit = implicit.length > 0 && isShortOf(checked, parameters, implicit.length);
    const inputs: Node[] = [];
    const constants: number[] = [];
    let next = 0;
    for (const parameter of parameters) {
      if (isImplicit && 'implicit' in parameter) {
        inputs.push(this.#implicit(parameter.implicit!, column));
        continue;
      }
      const argument = checked[next++];
      if (isConstant(parameter)) constants.push(constantOf(operator, parameter, argument, column));
      else inputs.push(inputOf(operator, parameter, argument, column, isSign));
    }
    if (next < checked.length)
      throw new FormulaError(
        'FORMULA_ARGUMENTS',
        checked[next]!.column,
        `too many arguments; write ${signatureOf(operator)}`,
      );
    return operationNode(operator, inputs, constants, column);
  }

  #implicit(name: string, column: number): Node {
    if (name !== MINUTE_SOURCE) return this.#read(name, column);
    return { kind: 'read', source: name, text: name, type: 'number', unit: PLAIN, bars: 1, column };
  }

  #unknownOperator(name: string, column: number): FormulaError {
    if (this.#sources.byName.has(name))
      return new FormulaError('FORMULA_ARGUMENTS', column, `${name} is a source: write it without brackets`);
    if (name === 'series')
      return new FormulaError(
        'FORMULA_ARGUMENTS',
        column,
        `series takes the name of a series in quotation marks, such as ${seriesSource('funding_rate')}`,
      );
    return new FormulaError('FORMULA_NAME', column, `there is no operator ${name}`, {
      name,
      known: OPERATORS.filter(({ sign }) => sign === undefined).map((operator) => operator.name),
    });
  }
}

/** Whether the implicit series were left out: the calendar's always are. */
function isShortOf(given: readonly Node[], parameters: readonly Parameter[], implicit: number): boolean {
  if (parameters.some((parameter) => 'implicit' in parameter && parameter.implicit === MINUTE_SOURCE)) return true;
  return given.length <= parameters.length - implicit;
}

function constantNode(value: number, column: number): Constant {
  if (!Number.isFinite(value))
    throw new FormulaError('FORMULA_CONSTANT', column, `this number is too large for a double`);
  return { kind: 'constant', value, text: String(value), type: 'number', unit: null, bars: 1, column };
}

function constantOf(
  operator: Operator,
  parameter: ConstantParameter,
  argument: Node | undefined,
  column: number,
): number {
  const { least, most, isInteger, usual, name } = parameter;
  if (argument === undefined) {
    if (usual !== undefined) return usual;
    throw new FormulaError('FORMULA_ARGUMENTS', column, `${name} is missing; write ${signatureOf(operator)}`);
  }
  const isWindow = parameter.kind === 'window';
  const code = isWindow ? 'FORMULA_WINDOW' : 'FORMULA_ARGUMENTS';
  if (argument.kind !== 'constant')
    throw new FormulaError(code, argument.column, `${name} of ${operator.name} must be a number that is written out`);
  const { value } = argument;
  if (isInteger && !Number.isInteger(value))
    throw new FormulaError(code, argument.column, `${name} of ${operator.name} must be a whole number, not ${value}`);
  if (value < least) {
    const reason = isWindow
      ? `${operator.name} needs a window of at least ${least}`
      : `${name} of ${operator.name} is at least ${least}`;
    throw new FormulaError(code, argument.column, `${reason}, not ${value}`);
  }
  if (value > most) {
    const reason = isWindow
      ? `${operator.name} takes a window of at most ${most}`
      : `${name} of ${operator.name} is at most ${most}`;
    throw new FormulaError(code, argument.column, `${reason}, not ${value}`);
  }
  return value;
}

function inputOf(
  operator: Operator,
  parameter: SeriesParameter,
  argument: Node | undefined,
  column: number,
  isSign: boolean,
): Node {
  if (argument === undefined)
    throw new FormulaError('FORMULA_ARGUMENTS', column, `${parameter.name} is missing; write ${signatureOf(operator)}`);
  if (argument.type !== parameter.kind) {
    const seen = argument.type === 'boolean' ? 'a condition' : 'a number';
    const expected = parameter.kind === 'boolean' ? 'a condition, such as close > open' : 'a number';
    const advice = argument.type === 'boolean' ? '; where(condition, 1, 0) makes one' : '';
    const subject = isSign ? operator.sign : `${parameter.name} of ${operator.name}`;
    throw new FormulaError('FORMULA_TYPE', argument.column, `${subject} needs ${expected}, not ${seen}${advice}`);
  }
  return argument;
}

function operationNode(operator: Operator, given: readonly Node[], constants: readonly number[], column: number): Node {
  const inputs = operator.isCommutative === true ? inTextOrder(given) : given;
  const unit = operator.unit(
    given.map((input) => input.unit),
    constants,
  );
  if (unit === undefined) {
    const units = [...new Set(given.filter((input) => input.unit !== null).map((input) => unitName(input.unit)))];
    const name = operator.sign ?? operator.name;
    throw new FormulaError('FORMULA_UNIT', column, `${name} of ${units.join(' and ')}: their units differ`);
  }
  if (
    operator.family === 'pointwise' &&
    inputs.every((input) => input.kind === 'constant') &&
    operator.type === 'number'
  ) {
    const windows = inputs.map((input) => [input.value]);
    const value = finite(operator.oracle(windows, constants));
    if (Number.isNaN(value)) throw new FormulaError('FORMULA_CONSTANT', column, 'this has no value for any bar');
    return constantNode(value, column);
  }
  const bars = Math.max(...inputs.map((input) => input.bars)) + operator.bars(constants) - 1;
  if (bars > MAX_LOOK_BACK)
    throw new FormulaError(
      'FORMULA_LOOK_BACK',
      column,
      `the formula looks back over ${bars} bars here; at most ${MAX_LOOK_BACK} are allowed`,
    );
  const text = textOf(operator, inputs, constants);
  return { kind: 'operation', operator, inputs, constants, text, type: operator.type, unit, bars, column };
}

function inTextOrder(inputs: readonly Node[]): readonly Node[] {
  const first = inputs[0]!;
  const second = inputs[1]!;
  return first.text <= second.text ? inputs : [second, first];
}

function textOf({ name, sign, parameters }: Operator, inputs: readonly Node[], constants: readonly number[]): string {
  if (sign !== undefined) {
    const space = sign === 'not' ? ' ' : '';
    if (inputs.length === 1) return `(${sign}${space}${inputs[0]!.text})`;
    return `(${inputs[0]!.text} ${sign} ${inputs[1]!.text})`;
  }
  const remaining = { inputs: [...inputs], constants: [...constants] };
  const parts = parameters.map((parameter) =>
    isConstant(parameter) ? String(remaining.constants.shift()) : withoutBrackets(remaining.inputs.shift()!.text),
  );
  return `${name}(${parts.filter((part) => part !== MINUTE_SOURCE).join(', ')})`;
}

/** An infix text stands in brackets, of which an argument and a whole formula have no need. */
export function withoutBrackets(text: string): string {
  return text.startsWith('(') ? text.slice(1, -1) : text;
}

/** `rank(x, n)`; `x + y`; of one that may be left out `rsi([x,] n)`. */
export function signatureOf({ name, sign, parameters }: Operator): string {
  if (sign !== undefined) {
    const space = sign === 'not' ? ' ' : '';
    return parameters.length === 1 ? `${sign}${space}x` : `x ${sign} y`;
  }
  const shown = parameters.filter((parameter) => !('implicit' in parameter && parameter.implicit === MINUTE_SOURCE));
  const parts = shown.map((parameter) => {
    if ('usual' in parameter) return `${parameter.name} = ${parameter.usual}`;
    return 'implicit' in parameter ? `${parameter.name} = ${parameter.implicit}` : parameter.name;
  });
  return `${name}(${parts.join(', ')})`;
}
