import { describe, expect, it } from 'vitest';
import { tinySettings } from '../../test/tiny_models.ts';
import type { Windows } from '../core/features/windows.ts';
import { bundleSchema, bundleWindows, featureSchema } from './feature_schema.ts';

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

describe('the schema of a bundle', () => {
  const version = '20260101_0000';
  const of = (formulas: string | undefined, configured: Windows = windows) =>
    bundleSchema(featureSchema(configured), { version, windows: { ...windows, ...(formulas && { formulas }) } });

  it('has the formulas of the bundle, whatever the configuration has', () => {
    const own = of('x = beta + corr');
    expect(own).toEqual(featureSchema({ ...windows, formulas: 'x = beta + corr' }));
    expect(of('x = beta + corr', { ...windows, formulas: 'y = beta' })).toEqual(own);
    expect(of(undefined, { ...windows, formulas: 'y = beta' })).toEqual(featureSchema(windows));
    expect(bundleWindows(windows, { windows: {} })).toEqual(windows);
  });

  it('has another hash with another formula, name or order, and the same for the same formula in other words', () => {
    const hashes = ['x = beta + corr', 'y = beta + corr', 'x = beta - corr', 'x = beta + corr\ny = beta'].map(
      (formulas) => of(formulas).hash,
    );
    expect(new Set([...hashes, featureSchema(windows).hash, of('y = beta\nx = beta + corr').hash]).size).toBe(6);
    expect(of('x = beta + corr').definitions.at(-1)!.formula).toBe(of('x = corr + beta').definitions.at(-1)!.formula);
  });

  it('is refused for formulas that this version does not compute', () => {
    expect(() => of('x = magic(beta)')).toThrow(
      expect.objectContaining({ code: 'MODEL_MANIFEST', seen: expect.stringContaining('magic') }),
    );
  });
});
