import { describe, expect, it } from 'vitest';
import { MODEL_SLOTS, type SlotId } from '../subject/slot.ts';
import { shadowPointer } from './shadow_pointer.ts';
import { filesOf, folderOf } from './slot_files.ts';

const SLOTS: readonly SlotId[] = [...MODEL_SLOTS, 'rule BTCUSDT', 'rule BTCUSDT@1h', 'rule XAUUSD_XAGUSD@1h'];

describe('the files of a slot', () => {
  it.each([
    ['pairs', '', ['active.json', 'active'], ['shadow.json', 'shadow']],
    [
      'direction 1h',
      '/direction',
      ['direction/1h.json', 'direction_1h'],
      ['direction/shadow_1h.json', 'direction_shadow_1h'],
    ],
    [
      'rule BTCUSDT@1h',
      '/rule',
      ['rule/BTCUSDT@1h.json', 'rule_BTCUSDT@1h'],
      ['rule/shadow_BTCUSDT@1h.json', 'rule_shadow_BTCUSDT@1h'],
    ],
  ] as const)('of %s have the names that marks and signatures have', (slot, folder, active, shadow) => {
    expect(filesOf('/models', slot)).toEqual({
      folder: `/models${folder}`,
      active: { path: `/models/${active[0]}`, name: active[1] },
      shadow: { path: `/models/${shadow[0]}`, name: shadow[1] },
    });
    expect(folderOf(slot, '20260101_0000', '/models')).toBe(`/models${folder}/20260101_0000`);
  });

  it('are refused for what names no slot, as any name from outside', () => {
    for (const subject of ['', '..', 'a b', '\n', 'BTCUSDT@7w'])
      expect(() => filesOf('/models', `rule ${subject}`), subject).toThrow(/NAME_UNSAFE|cannot be part of a path/);
  });

  it('have pointers of their own, and a shadow’s error names its file', () => {
    const pointers = SLOTS.flatMap((slot) => [filesOf('/models', slot).active, filesOf('/models', slot).shadow]);
    for (const of of ['path', 'name'] as const)
      expect(new Set(pointers.map((one) => one[of])).size).toBe(pointers.length);
    for (const slot of MODEL_SLOTS)
      expect(`/models/${shadowPointer(slot).file}`).toBe(filesOf('/models', slot).shadow.path);
  });
});
