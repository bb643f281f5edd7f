import {
  identitiesOf,
  type ColumnIdentity,
  type DefinedColumn,
} from '../../trainer/learning/feature_table/feature_table.ts';

/** The columns of a manifest; by name alone where this version does not know them. */
export function namedColumns(
  { features }: { readonly features: readonly string[] },
  definitions: readonly DefinedColumn[],
): ColumnIdentity[] {
  const known = new Map(identitiesOf(definitions).map((column) => [column.name, column]));
  return features.map((column) => known.get(column) ?? { name: column });
}
