import { ATTRIBUTE, ELEMENT_FLOAT32, ELEMENT_STRING, type OnnxNode, type OnnxValue } from './schema.ts';
import { ML_DOMAIN } from './tree_nodes.ts';
import type { Matrix } from './tree_ensemble.ts';

const utf8 = new TextEncoder();

/** A column of texts. Its codes are the positions of its values, which do not depend on the label. */
export interface Categories {
  readonly name: string;
  /** Distinct, ascending by code unit. */
  readonly values: readonly string[];
}

/** What a graph does with its inputs before the trees. Columns: the numbers, then the categories. */
export interface Preparation {
  /** Count of number columns, which are the input `features`. */
  readonly numbers: number;
  /** Each is a text input of its own. */
  readonly categories: readonly Categories[];
  /** What replaces a missing value, by column; null: missing values reach the trees. */
  readonly fill: readonly number[] | null;
  /** Columns whose missing values have a flag, 1 or 0, in a column behind all others; ascending. */
  readonly flags: readonly number[];
}

/** Name of the text input of a column. */
export function categoryInput(name: string): string {
  return `category/${name}`;
}

/**
 * Medians of the numbers, and a code of its own for missing texts; flags for columns with missing values.
 * @param x the training rows
 */
export function fitImputation(x: Matrix, categories: readonly Categories[]): Pick<Preparation, 'fill' | 'flags'> {
  const { rows, columns, values } = x;
  const numbers = columns - categories.length;
  const fill: number[] = [];
  const flags: number[] = [];
  for (let column = 0; column < columns; column++) {
    const known = Float32Array.from({ length: rows }, (_, row) => values[row * columns + column]!).filter(
      (value) => !Number.isNaN(value),
    );
    if (known.length < rows) flags.push(column);
    fill.push(column < numbers ? median(known.sort()) : categories[column - numbers]!.values.length);
  }
  return { fill, flags };
}

/** Of ascending values; 0 without any. In float32, as the graph holds it. */
function median(sorted: Float32Array): number {
  const { length } = sorted;
  if (length === 0) return 0;
  const low = sorted[(length - 1) >> 1]!;
  const high = sorted[length >> 1]!;
  return Math.fround(low === high ? low : (low + high) / 2);
}

/** The inputs of the trees. @param x codes in place of texts */
export function prepared(x: Matrix, { fill, flags }: Preparation): Matrix {
  if (fill === null) return x;
  const columns = x.columns + flags.length;
  const values = new Float32Array(x.rows * columns);
  for (let row = 0; row < x.rows; row++) {
    const from = row * x.columns;
    const to = row * columns;
    for (let column = 0; column < x.columns; column++) {
      const value = x.values[from + column]!;
      values[to + column] = Number.isNaN(value) ? fill[column]! : value;
    }
    flags.forEach((column, i) => (values[to + x.columns + i] = Number.isNaN(x.values[from + column]!) ? 1 : 0));
  }
  return { rows: x.rows, columns, values };
}

/** Inputs and nodes of a graph up to the value that the trees take. */
export function preparationNodes(
  { numbers, categories, fill, flags }: Preparation,
  features: string,
): { readonly inputs: OnnxValue[]; readonly nodes: OnnxNode[]; readonly output: string } {
  const input = (name: string, elementType: number, size: number): OnnxValue => {
    const dimensions = [{ symbol: 'N' }, { size }];
    return { name, type: { tensor: { elementType, shape: { dimensions } } } };
  };
  const inputs = categories.map(({ name }) => input(categoryInput(name), ELEMENT_STRING, 1));
  if (numbers > 0) inputs.unshift(input(features, ELEMENT_FLOAT32, numbers));
  const codes = categories.map((own, i) => labelEncoder(own, `code_${i}`));
  const table = [...(numbers > 0 ? [features] : []), ...codes.map(({ outputs }) => outputs[0]!)];
  const nodes = [...codes];
  let output = features;
  if (categories.length > 0) nodes.push(concat('table', table, (output = 'table')));
  if (fill === null) return { inputs, nodes, output };
  nodes.push(
    { name: 'is_missing', operator: 'IsNaN', inputs: [output], outputs: ['missing'] },
    constant('fill', { name: 'value_floats', type: ATTRIBUTE.FLOATS, floats: [...fill] }),
    { name: 'impute', operator: 'Where', inputs: ['missing', 'fill', output], outputs: ['filled'] },
  );
  if (flags.length === 0) return { inputs, nodes, output: 'filled' };
  const integer = (name: string, value: number) => [{ name, type: ATTRIBUTE.INT, integer: value }];
  nodes.push(
    {
      name: 'missing_as_number',
      operator: 'Cast',
      inputs: ['missing'],
      outputs: ['missing_number'],
      attributes: integer('to', ELEMENT_FLOAT32),
    },
    constant('flagged', { name: 'value_ints', type: ATTRIBUTE.INTS, integers: [...flags] }),
    {
      name: 'flag',
      operator: 'Gather',
      inputs: ['missing_number', 'flagged'],
      outputs: ['flags'],
      attributes: integer('axis', 1),
    },
    concat('prepare', ['filled', 'flags'], 'prepared'),
  );
  return { inputs, nodes, output: 'prepared' };
}

/** Texts that are no value of the column are missing. */
function labelEncoder({ name, values }: Categories, output: string): OnnxNode {
  return {
    name: output,
    operator: 'LabelEncoder',
    domain: ML_DOMAIN,
    inputs: [categoryInput(name)],
    outputs: [output],
    attributes: [
      { name: 'keys_strings', type: ATTRIBUTE.STRINGS, texts: values.map((value) => utf8.encode(value)) },
      { name: 'values_floats', type: ATTRIBUTE.FLOATS, floats: [...values.keys()] },
      { name: 'default_float', type: ATTRIBUTE.FLOAT, number: NaN },
    ],
  };
}

function concat(name: string, inputs: string[], output: string): OnnxNode {
  const attributes = [{ name: 'axis', type: ATTRIBUTE.INT, integer: 1 }];
  return { name: `${name}_concat`, operator: 'Concat', inputs, outputs: [output], attributes };
}

function constant(output: string, attribute: NonNullable<OnnxNode['attributes']>[number]): OnnxNode {
  return { name: `${output}_constant`, operator: 'Constant', inputs: [], outputs: [output], attributes: [attribute] };
}
