import * as z from 'zod';
import { isReservedTable } from './reserved_tables.ts';

/** Features and labels are computed of the bars. */
export const FEATURES_OF_BARS = 'bars';
/** Those of `core.features` and `core.labels`, which `dataset export --out store` writes. */
export const FEATURES_OF_STORE = 'store';
/** Before the name of a table or view of PostgreSQL. */
export const TABLE_PREFIX = 'table:';

/** Where the trainer gets features and labels from: no file and no address, which a shell alone may name. */
export const featurePlace = z
  .string()
  .regex(/^(?:bars|store|table:[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62})$/)
  .refine(
    (place) => !isReservedTable(place.slice(TABLE_PREFIX.length)),
    'a table of your own: this one belongs to the store',
  )
  .meta({ examples: ['table:research.pair_features'] });
