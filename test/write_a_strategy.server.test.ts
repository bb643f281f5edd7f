import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { entryStates as EntryStates } from '../shared/core/rule/conditions.ts';
import { GuidedTree } from './followed_guide.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

interface Program {
  readonly decideDip: (side: -1 | 0 | 1, question: object) => object;
  readonly entryStates: typeof EntryStates;
  readonly DIP_RULE: never;
}

describe('the guide to a strategy', () => {
  const tree = new GuidedTree();
  let files: string[];
  beforeAll(() => {
    files = tree.follow('WRITE_A_STRATEGY.md');
  });
  afterAll(() => tree.remove());

  it('makes one file, and edits none, for its rule', () => {
    expect(files).toEqual(['+shared/strategies/dip/dip_rule.ts']);
  });

  it('makes a rule that compiles, decides and is explained', async () => {
    expect(await tree.typeCheck()).toBe('');
    const program = (await tree.load([
      "export { DIP_RULE, decideDip } from './shared/strategies/dip/dip_rule.ts';",
      "export { entryStates } from './shared/core/rule/conditions.ts';",
    ])) as unknown as Program;
    const question = { change: -0.04, hasEdge: true, ageBars: 0, stop: null, news: null };
    const decided = (side: -1 | 0 | 1, changes: object): object => program.decideDip(side, { ...question, ...changes });
    expect(decided(0, {})).toEqual({ action: 'ENTER', reason: 'ENTRY', target: 1 });
    expect(decided(0, { change: NaN })).toEqual({ action: 'HOLD', reason: 'NO_DIP', target: 0 });
    expect(decided(0, { hasEdge: false })).toEqual({ action: 'HOLD', reason: 'NO_EDGE', target: 0 });
    expect(decided(1, { ageBars: 24 })).toEqual({ action: 'EXIT', reason: 'AGE_EXIT', target: 0 });
    expect(decided(1, { change: 0.01 })).toEqual({ action: 'EXIT', reason: 'RECOVERED', target: 0 });
    expect(decided(1, {})).toEqual({ action: 'HOLD', reason: 'IN_POSITION', target: 1 });
    const states = program.entryStates(program.DIP_RULE, 0, { ...question, change: -0.02 } as never);
    expect(states.find(({ holds }) => !holds)).toMatchObject({ name: 'dip', value: -0.02, limit: -0.03 });
  });
});
