import { readSections } from '../core/formula/sections.ts';
import { MinutehandError } from '../errors.ts';

/**
 * Refuses to serve formulas that compare the pairs of a group: a live bar would have to wait until the minute of each
 * of them has ended, which no daemon does (docs/adr/0039-cross-sections-are-not-served.md). Nothing overrides this.
 * @param windows of a bundle, or of a training that is to be adopted
 * @throws MinutehandError MODEL_CROSS_SECTIONS
 */
export function refuseCrossSections(version: string, windows: { readonly formulas?: unknown }): void {
  if (!readSections(windows.formulas)) return;
  throw new MinutehandError('MODEL_CROSS_SECTIONS', { seen: `${version} compares the pairs of a group` });
}
