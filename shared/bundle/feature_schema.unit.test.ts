import { describe, expect, it } from 'vitest';
import { tinySettings } from '../../test/tiny_models.ts';
import type { Windows } from '../core/features/windows.ts';
import { featureSchema } from './feature_schema.ts';

const { windows } = tinySettings().minutehand;

describe('featureSchema', () => {
  it('is sixteen hex digits that do not depend on the order of the windows', () => {
    const { hash, definitions } = featureSchema(windows);
    expect(hash).toMatch(/^[0-9a-f]{16}$/);
    expect(new Set(definitions.map(({ name }) => name)).size).toBe(definitions.length);
    const reversed = Object.fromEntries(Object.entries(windows).reverse()) as unknown as Windows;
    expect(featureSchema(reversed).hash).toBe(hash);
  });

  it('changes with every single window', () => {
    const hashes = Object.keys(windows).map(
      (name) => featureSchema({ ...windows, [name]: windows[name as keyof typeof windows] + 1 }).hash,
    );
    expect(new Set([...hashes, featureSchema(windows).hash]).size).toBe(Object.keys(windows).length + 1);
  });
});
