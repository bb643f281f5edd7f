import { describe, expect, it } from 'vitest';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import { createModelLine } from './model_line.ts';

const set = (version: string): ModelSet => ({ version }) as ModelSet;

describe('the line of models', () => {
  const [first, second, third, fourth] = ['1', '2', '3', '4'].map(set) as [ModelSet, ModelSet, ModelSet, ModelSet];

  it('starts empty and after each swap names only the new set', () => {
    const line = createModelLine();
    expect([line.named(''), line.named('1')]).toEqual([true, false]);
    for (const next of [first, second, third]) line.swapped(next);
    expect([line.named('3'), line.named('2'), line.named('')]).toEqual([true, false, false]);
  });

  it('falls back to the predecessor of a failed set, never further, and then to none', () => {
    const line = createModelLine();
    for (const next of [first, second, third, fourth]) line.swapped(next);
    expect(line.failed(fourth)).toBe(third);
    expect([line.named('1'), line.named('4'), line.named('3')]).toEqual([false, false, true]);
    expect(line.failed(second)).toBeUndefined();
    expect(line.failed(third)).toBeNull();
    expect([line.named('2'), line.named('')]).toEqual([false, true]);
  });

  it('allows a slow set to stay or to be replaced by its predecessor after the bar, and no other outcome', () => {
    const line = createModelLine();
    for (const next of [first, second]) line.swapped(next);
    line.slow(second);
    expect([line.named('2'), line.named(''), line.named('2'), line.named('1')]).toEqual([true, false, true, true]);
    expect([line.named('2'), line.named('1')]).toEqual([false, true]);
    line.slow(first);
    expect([line.named('1'), line.named('')]).toEqual([true, false]);
  });
});
