import { describe, expect, it } from 'vitest';
import { modelsOf } from '../../strategies/registry.ts';
import { loadSettings } from '../../policy/policy.ts';
import { ALL_SHELVES, shelfNamed, shelfOfSlot } from './registry.ts';
import { MODEL_SLOTS } from '../../subject/slot.ts';
import { filesOf } from '../slot_files.ts';

const MODELS = '/models';

describe('the shelves of bundles', () => {
  it('have a folder, a strategy, models and pointers of their own', () => {
    const names = ALL_SHELVES.map(({ name }) => name);
    const folders = ALL_SHELVES.map((shelf) => shelf.folder(MODELS));
    const strategies = ALL_SHELVES.map(({ strategy }) => strategy);
    const models = ALL_SHELVES.flatMap((shelf) => modelsOf(shelf.strategy));
    const places = ALL_SHELVES.flatMap((shelf) => shelf.places(MODELS)).map(({ place }) => place);
    for (const one of [
      names,
      folders,
      strategies,
      models,
      places.map(({ path }) => path),
      places.map(({ name }) => name),
    ])
      expect(new Set(one).size).toBe(one.length);
  });

  it('are found by their names', () => {
    for (const shelf of ALL_SHELVES) expect(shelfNamed(shelf.name)).toBe(shelf);
  });

  it('have each slot once', () => {
    const slots = ALL_SHELVES.flatMap((shelf) => shelf.places(MODELS)).map(({ slot }) => slot);
    expect(slots.sort()).toEqual([...MODEL_SLOTS].sort());
    for (const shelf of ALL_SHELVES)
      for (const { slot, place } of shelf.places(MODELS)) {
        expect(shelfOfSlot(slot)).toBe(shelf);
        expect(filesOf(MODELS, slot).active).toEqual(place);
      }
  });

  it('say what this configuration runs, and by which features it reads a bundle', () => {
    const settings = loadSettings().minutehand;
    const minutehand = { ...settings, pairs: ['EURUSD_GBPUSD'], instruments: ['BTCUSDT@1h', 'ETHUSDT@1h'] };
    const bundle = { version: '20261101_0000', windows: {} };
    const seen = MODEL_SLOTS.map((slot) => shelfOfSlot(slot).expectedSchema(slot, bundle, minutehand));
    // The schema depends on the timeframe.
    expect(new Set(seen).size).toBe(MODEL_SLOTS.length);
    expect(ALL_SHELVES.map((shelf) => shelf.timeframesOf(minutehand))).toEqual([['1m'], ['1h']]);
    // Formulas of instruments read no bars that a daemon would have to wait for.
    expect(shelfNamed('pairs').awaitingWindows(bundle, minutehand)).toMatchObject({
      beta_window: settings.windows.beta_window,
    });
    expect(shelfNamed('direction').awaitingWindows(bundle, minutehand)).toBeNull();
  });

  it('take nothing that is not there for a bundle', () => {
    for (const shelf of ALL_SHELVES) expect(shelf.isBundle('/nonexistent/20260101_0000')).toBe(false);
  });
});
