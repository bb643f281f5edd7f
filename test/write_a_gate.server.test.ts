import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BUNDLE_GATES as BundleGates } from '../trainer/learning/gates/registry.ts';
import type { EXPECTED_OF_PAIRS as Expected, needsLimit as NeedsLimit } from '../shared/bundle/gates/gate_codes.ts';
import type { gateText as GateText } from '../shared/bundle/gates/gate_text.ts';
import type { gateStep as GateStep } from '../shared/bundle/gates/gate_steps.ts';
import { GuidedTree } from './followed_guide.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

interface Program {
  readonly BUNDLE_GATES: typeof BundleGates;
  readonly EXPECTED_OF_PAIRS: typeof Expected;
  readonly needsLimit: typeof NeedsLimit;
  readonly gateText: typeof GateText;
  readonly gateStep: typeof GateStep;
}

describe('the guide to a gate', () => {
  const tree = new GuidedTree();
  let files: string[];
  beforeAll(() => {
    files = tree.follow('WRITE_A_GATE.md');
  });
  afterAll(() => tree.remove());

  it('makes one file, and edits the two lists and the catalogs', () => {
    expect(files).toEqual([
      '+trainer/learning/gates/trades.ts',
      'trainer/learning/gates/registry.ts',
      'shared/bundle/gates/gate_codes.ts',
      'shared/bundle/gates/en.ts',
      'shared/bundle/gates/ja.ts',
    ]);
  });

  it('makes a gate that compiles, judges, is demanded by admission, and has words', async () => {
    expect(await tree.typeCheck()).toBe('');
    const program = (await tree.load([
      "export { BUNDLE_GATES } from './trainer/learning/gates/registry.ts';",
      "export { EXPECTED_OF_PAIRS, needsLimit } from './shared/bundle/gates/gate_codes.ts';",
      "export { gateText } from './shared/bundle/gates/gate_text.ts';",
      "export { gateStep } from './shared/bundle/gates/gate_steps.ts';",
    ])) as unknown as Program;
    const gate = program.BUNDLE_GATES.find(({ code }) => String(code) === 'trades')!;
    const judged = [19, 20].map((trades) => gate.check({ executability: { all_pairs: { trades } } } as never, null)!);
    expect(judged.map(({ passed }) => passed)).toEqual([false, true]);
    expect(program.gateText(judged[0]!)).toEqual({ name: 'trades', seen: '19', limit: 'at least 20 on the holdout' });
    expect(program.gateText(judged[0]!, 'ja').name).toBe('取引数');
    expect(program.gateStep(judged[0]!)).toBe('A longer holdout, or more pairs.');
    expect(program.EXPECTED_OF_PAIRS).toContainEqual({ code: 'trades', role: null });
    expect(program.needsLimit('trades')).toBe(true);
  });
});
