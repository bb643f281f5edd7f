import type { FeatureDefinition } from './feature.ts';

/** Column indexes of features in a pair's row of values. */
export type ColumnsOf<Name extends string> = Readonly<Record<Name, number>>;

/** Collects the declarations of features. Schema order is the order of declaration. */
export class ColumnPlanner {
  readonly #definitions: FeatureDefinition[] = [];

  get definitions(): readonly FeatureDefinition[] {
    return this.#definitions;
  }

  /** Gives each feature the next column. @throws RangeError when a name is declared twice */
  declare<Name extends string>(features: readonly (FeatureDefinition & { readonly name: Name })[]): ColumnsOf<Name> {
    const columns: Partial<Record<string, number>> = {};
    for (const feature of features) {
      if (this.#definitions.some(({ name }) => name === feature.name))
        throw new RangeError(`feature ${feature.name} is declared twice`);
      columns[feature.name] = this.#definitions.length;
      this.#definitions.push(feature);
    }
    return columns as ColumnsOf<Name>;
  }
}
