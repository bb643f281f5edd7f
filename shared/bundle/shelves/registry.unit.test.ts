import { describe, expect, it } from 'vitest';
import { TIMEFRAME_NAMES } from '../../pair.ts';
import { slotNameOf } from '../shelf_name.ts';
import { ALL_SHELVES, placeOfSlot, shelfNamed, shelfOfSlot } from './registry.ts';

const MODELS = '/models';
const SLOTS = [null, ...TIMEFRAME_NAMES];

describe('the shelves of bundles', () => {
  it('have a folder, a strategy and pointers of their own', () => {
    const names = ALL_SHELVES.map(({ name }) => name);
    const folders = ALL_SHELVES.map((shelf) => shelf.folder(MODELS));
    const strategies = ALL_SHELVES.map(({ strategy }) => strategy);
    const places = ALL_SHELVES.flatMap((shelf) => shelf.places(MODELS)).map(({ place }) => place);
    for (const one of [names, folders, strategies, places.map(({ path }) => path), places.map(({ name }) => name)])
      expect(new Set(one).size).toBe(one.length);
  });

  it('are found by their names', () => {
    for (const shelf of ALL_SHELVES) expect(shelfNamed(shelf.name)).toBe(shelf);
  });

  it('have each slot once', () => {
    const slots = ALL_SHELVES.flatMap((shelf) => shelf.places(MODELS)).map(({ timeframe }) => timeframe);
    expect(slots.map(slotNameOf).sort()).toEqual(SLOTS.map(slotNameOf).sort());
    for (const shelf of ALL_SHELVES)
      for (const { timeframe, place } of shelf.places(MODELS)) {
        expect(shelfOfSlot(timeframe)).toBe(shelf);
        expect(placeOfSlot(MODELS, timeframe)).toEqual(place);
      }
  });

  it('take nothing that is not there for a bundle', () => {
    for (const shelf of ALL_SHELVES) expect(shelf.isBundle('/nonexistent/20260101_0000')).toBe(false);
  });
});
