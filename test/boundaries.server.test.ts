import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

const eslint = new ESLint({ cwd: packageRoot(), warnIgnored: false });

async function rulesBroken(path: string, code: string): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(code, { filePath: join(packageRoot(), path) });
  return (result?.messages ?? []).map(({ ruleId, message }) => ruleId ?? message);
}

describe('the import rule', () => {
  it.each([
    ['daemon/feed/x.ts', "import '../../trainer/pipeline.ts';"],
    ['daemon/x.ts', "import '../cli/main.ts';"],
    ['trainer/learning/learners/x.ts', "import '../../../daemon/pipeline.ts';"],
    ['trainer/learning/learners/trees/x.ts', "import '../../dataset/dataset.ts';"],
    ['trainer/learning/learners/trees/kernel/x.ts', "import '../../model_job.ts';"],
    ['shared/store/x.ts', "import '../../daemon/pipeline.ts';"],
    ['shared/x.ts', "import '../trainer/learning/training/pipeline.ts';"],
    ['bench/end_to_end/x.ts', "import '../../cli/main.ts';"],
    ['shared/core/rule/x.ts', "import '../../store/journal.ts';"],
    ['shared/core/rule/x.ts', "import 'node:fs';"],
    ['shared/core/rule/x.ts', "import 'zod';"],
    ['shared/core/rule/x.ts', "import '../../clock.ts';"],
    ['shared/core/rule/x.ts', "import type { Clock } from '../../ports.ts';"],
    ['shared/core/rule/x.ts', "export * from '../../rng.ts';"],
    ['shared/core/rule/x.ts', "import '../../../daemon/threads/wait.ts';"],
    ['shared/core/rule/x.ts', "import '../../http/bar.ts';"],
    ['shared/core/rule/x.ts', "import './../../clock.ts';"],
    ['shared/core/rule/x.ts', "import '../features/../../clock.ts';"],
    ['shared/core/x.ts', "import '../clock.ts';"],
    ['shared/core/rule/x.ts', "import '../../strategies/direction/direction.ts';"],
    ['shared/strategies/direction/x.ts', "import '../../clock.ts';"],
    ['shared/strategies/direction/x.ts', "import '../../bundle/bundle.ts';"],
    ['shared/strategies/direction/x.ts', "import 'node:fs';"],
    ['shared/strategies/x.ts', "import '../rng.ts';"],
    ['shared/core/features/window/x.ts', "import '../../../clock.ts';"],
    ['shared/core/features/window/x.ts', "import '../../../../daemon/threads/wait.ts';"],
  ])('refuses in %s: %s', async (path, code) => {
    expect(await rulesBroken(path, code)).toEqual(['no-restricted-imports']);
  });

  it.each([
    ['daemon/feed/x.ts', "import '../../shared/bar.ts';"],
    ['trainer/learning/learners/x.ts', "import '../../../shared/bar.ts';"],
    ['trainer/learning/learners/x.ts', "import '../dataset/dataset.ts';"],
    ['trainer/learning/learners/trees/kernel/x.ts', "import '../learner.ts';"],
    ['trainer/learning/learners/trees/x.ts', "import '../../../../shared/bundle/bundle.ts';"],
    ['shared/core/rule/x.ts', "import '../../bar.ts';"],
    ['shared/core/rule/x.ts', "import '../position/position.ts';"],
    ['shared/core/rule/x.ts', "import './rule.ts';"],
    ['shared/core/x.ts', "import '../pair.ts';"],
    ['shared/strategies/direction/x.ts', "import '../../core/rule/rule.ts';"],
    ['shared/strategies/direction/x.ts', "import '../../bar.ts';"],
    ['shared/strategies/direction/x.ts', "import './direction.ts';"],
    ['shared/core/rule/x.ts', "import '../../elementary.ts';"],
    ['shared/core/x.ts', "import './rule/rule.ts';"],
    ['shared/core/features/window/x.ts', "import '../../rule/rule.ts';"],
    ['shared/core/features/window/x.ts', "import '../../../bar.ts';"],
    ['shared/core/features/x.test.ts', "import '../../rng.ts';"],
    ['cli/x.ts', "import '../daemon/main.ts';"],
  ])('allows in %s: %s', async (path, code) => {
    expect(await rulesBroken(path, code)).toEqual([]);
  });
});

describe('the rule on modules with a single entry point', () => {
  it.each(['better-sqlite3', 'onnxruntime-node'])('holds for %s, in tests too', (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-lint-'));
    const path = join(folder, 'x.test.ts');
    writeFileSync(path, `import '${name}';\n`);
    const args = ['node_modules/oxlint/bin/oxlint', '--config', '.oxlintrc.json', path];
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: packageRoot(), encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect([status, stdout]).toEqual([1, expect.stringContaining('no-restricted-imports')]);
  });
});

describe('folders', () => {
  it('are made by shared/folder.ts, which does not loop below /proc', async () => {
    const code = "mkdirSync('x', { recursive: true });";
    expect(await rulesBroken('daemon/x.ts', code)).toEqual(['no-restricted-syntax']);
    expect(await rulesBroken('daemon/x.test.ts', code)).toEqual([]);
  });
});

it('a lock is waited for by blocking in the process of a job alone', async () => {
  const code = 'export const x = blockUntilUnlocked(change);';
  for (const path of [
    'daemon/x.ts',
    'trainer/control/api/x.ts',
    'trainer/store/x.ts',
    'shared/bundle/x.ts',
    'cli/x.ts',
  ])
    expect([path, await rulesBroken(path, code)]).toEqual([path, ['no-restricted-syntax']]);
  for (const path of ['trainer/jobs/kinds/x.ts', 'trainer/learning/backtest/x.ts'])
    expect([path, await rulesBroken(path, code)]).toEqual([path, []]);
});

describe('queues of promises', () => {
  it.each([
    ['turn = turn.then(work);', ['no-restricted-syntax']],
    ['this.turn = own.catch(() => undefined);', ['no-restricted-syntax']],
    ['return (this.turn = this.turn.then(() => this.look()));', ['no-restricted-syntax']],
    // One at a time, which everybody gets who asks.
    ['this.looking ??= this.look().finally(() => (this.looking = null));', []],
  ])('are made by shared/in_turn.ts, which bounds them: %s', async (line, expected) => {
    const code = `export class X { go() { ${line} } }`;
    for (const path of ['daemon/x.ts', 'trainer/control/x.ts', 'trainer/learning/backtest/x.ts', 'cli/x.ts'])
      expect([path, await rulesBroken(path, code)]).toEqual([path, expected]);
    expect(await rulesBroken('trainer/x.test.ts', code)).toEqual([]);
  });
});

const AMBIENT = [
  ['no-restricted-properties', 'export const x = Math.random();'],
  ['no-restricted-properties', 'const { random } = Math; export const x = random();'],
  ['no-restricted-properties', 'export const x = Date.now();'],
  ['no-restricted-properties', 'export const x = process.hrtime.bigint();'],
  ['no-restricted-properties', 'export const x = globalThis.performance.now();'],
  ['no-restricted-syntax', 'export const x = new Date();'],
  ['no-restricted-syntax', 'export const x = Date();'],
  ['no-restricted-globals', 'export const x = performance.now();'],
  ['no-restricted-globals', 'export const x = crypto.randomUUID();'],
  ['no-restricted-globals', 'setTimeout(() => undefined, 1);'],
] as const;

describe('shared/core', () => {
  it.each([
    ...AMBIENT,
    ['no-restricted-globals', 'export const x = process.env;'],
    ['no-restricted-globals', 'export const x = Buffer.alloc(1);'],
    ['no-restricted-syntax', "export const x = await import('../../clock.ts');"],
    ['no-restricted-syntax', "export type X = import('../../ports.ts').Clock;"],
  ] as const)('may not use ambient time, randomness or environment (%s): %s', async (rule, code) => {
    expect(await rulesBroken('shared/core/rule/x.ts', code)).toContain(rule);
    expect(await rulesBroken('shared/core/features/window/x.ts', code)).toContain(rule);
    expect(await rulesBroken('daemon/x.ts', code)).toEqual([]);
  });

  it('may convert a given time to a date', async () => {
    expect(await rulesBroken('shared/core/rule/x.ts', 'export const x = new Date(0);')).toEqual([]);
  });
});

describe.each([
  'daemon/align/x.ts',
  'daemon/decide/x.ts',
  'daemon/pipeline.ts',
  'trainer/learning/label/x.ts',
  'trainer/learning/backtest/report/x.ts',
  'trainer/learning/validate/leakage/x.ts',
  'shared/bundle/scorer.ts',
  'shared/bundle/tree_kernel/x.ts',
])('%s', (path) => {
  const up = '../'.repeat(path.split('/').length - 1);

  it.each(AMBIENT)('may not use ambient time or randomness (%s): %s', async (rule, code) => {
    expect(await rulesBroken(path, code)).toContain(rule);
  });

  it.each([
    `import { MACHINE_CLOCK } from '${up}shared/clock.ts';`,
    "import { randomBytes } from 'node:crypto';",
    "import { performance } from 'node:perf_hooks';",
    "import { setTimeout } from 'node:timers/promises';",
    "import { hrtime } from 'node:process';",
    path.startsWith('daemon')
      ? `import '${up}trainer/learning/training/pipeline.ts';`
      : `import '${up}daemon/pipeline.ts';`,
    `import '${up}cli/main.ts';`,
  ])('must not contain: %s', async (code) => {
    expect(await rulesBroken(path, code)).toEqual(['no-restricted-imports']);
  });

  it.each([
    "import { createHash } from 'node:crypto'; export const x = createHash('sha256');",
    'export const x = (clock: { nowMs(): number }) => new Date(clock.nowMs());',
  ])('may have: %s', async (code) => {
    expect(await rulesBroken(path, code)).toEqual([]);
  });

  it('makes no folder with a recursive mkdir', async () => {
    expect(await rulesBroken(path, "mkdirSync('x', { recursive: true });")).toEqual(['no-restricted-syntax']);
  });
});

describe('a regular expression', () => {
  const BACKTRACKING = 'regexp/no-super-linear-backtracking';

  it.each([
    ['export const isName = (text: string): boolean => /^(a+)+$/.test(text);', [BACKTRACKING]],
    ['export const isPair = (text: string): boolean => /^[a-z ]*,?[a-z ]*$/.test(text);', [BACKTRACKING]],
    ["export const trimmed = (text: string): string => text.replace(/ +$/, '');", ['regexp/no-super-linear-move']],
    ['export const isNumber = (text: string): boolean => /^[0-9]+$/.test(text);', []],
  ])('takes time proportional to its text: %s', async (code, expected) => {
    expect(await rulesBroken('trainer/control/api/x.ts', code)).toEqual(expected);
  });
});
