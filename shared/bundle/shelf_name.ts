/** Kinds of bundles. Each has its own folder, pointer files and registry rows. */
export type ShelfName = 'pairs' | 'direction';
