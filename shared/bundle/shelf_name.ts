/** Kinds of bundles: each has a folder, pointers and rows of the registry of its own. */
export type ShelfName = 'pairs' | 'direction';
