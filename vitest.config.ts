import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { isSupportedNode, NODE_MAJOR } from './shared/node_version.ts';
import { readDurations } from './test/durations.ts';
import { leaveSettingsOut } from './test/own_environment.ts';
import { keepBytecode, ownLightgbm } from './test/python.ts';

// Native parts end the process of another Node without a word.
if (!isSupportedNode(process.versions.node))
  throw new Error(
    `Node ${NODE_MAJOR} runs the tests, this is ${process.versions.node}. \`npm test -- <file>\` starts itself again with it.`,
  );
// Tests and the programs that they start inherit this environment.
leaveSettingsOut(process.env);
keepBytecode(process.env);
const lightgbm = ownLightgbm();
if (lightgbm !== null) process.env.MINUTEHAND_LIGHTGBM_LIBRARY ??= lightgbm;

/**
 * Kinds of tests; each file's name ends with one, such as `x.unit.test.ts`.
 *
 * - `unit`: starts no server and no program of this project. `npm run test:unit` runs these.
 * - `server`: starts servers and programs, and leaves nothing behind in its process: what these files import is loaded
 *   once for several of them.
 * - `chain`: needs a process of its own, because it starts several programs, changes the environment, replaces modules
 *   (`vi.mock`), listens to the process itself, or measures memory.
 * - `slow`: would need too much of the time of `npm run test:unit`.
 */
const filesOf = (kind: 'unit' | 'server' | 'chain' | 'slow'): string[] => [
  `{shared,daemon,trainer,cli,bench,sim,test,mt5,dashboard}/**/*.${kind}.test.ts`,
];
/** Kinds whose files share processes. */
const SHARING = ['server', 'slow', 'unit'] as const;

/** It adds network interfaces, which ends what Chromium is loading. */
const ADDS_NETWORKS = /(machine_network|two_machines)\.fixture/;
const HAS_BROWSER = /\/(browser|dashboard_steps)\.ts'/;

/**
 * By what each file took when it last ran, the longest first, so that none of them runs when all others are done; before
 * these the files of which that is not known.
 */
class LongestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const durations = readDurations();
    const rank = new Map(
      files.map(({ moduleId, project }) => {
        const text = readFileSync(moduleId, 'utf8');
        const apart = ADDS_NETWORKS.test(text) ? -1 : HAS_BROWSER.test(text) ? 1 : 0;
        // Processes of their own first. Another file in between would end a process that several files share, and the
        // next one would load all modules again.
        const group = (project.config.isolate ? 0 : 10) + apart;
        const file = relative(import.meta.dirname, moduleId).replaceAll('\\', '/');
        return [moduleId, { group, seconds: durations[file]?.wall_s ?? Infinity }];
      }),
    );
    const of = ({ moduleId }: TestSpecification): { group: number; seconds: number } => rank.get(moduleId)!;
    const compare = (a: TestSpecification, b: TestSpecification): number =>
      of(a).group - of(b).group ||
      (of(a).seconds === of(b).seconds ? 0 : of(b).seconds - of(a).seconds) ||
      (a.moduleId < b.moduleId ? -1 : 1);
    return Promise.resolve([...files].sort(compare));
  }
}

/** Files that count in `npm run coverage`. */
const COVERED = '{shared,daemon,trainer,cli,learners,sim,mt5,dashboard}/**/*.{ts,tsx}';
/**
 * Percent, just under what is measured; that of everything is the specification's. Programs that tests start are not
 * counted.
 */
const FLOORS = {
  lines: 58.64,
  'shared/{core,strategies}/**': { statements: 99, branches: 97, functions: 98, lines: 99 },
  'daemon/**': { statements: 93, branches: 89.5, functions: 91.5, lines: 94 },
  'trainer/learning/{gates,strategies/direction/gates}/**': {
    statements: 86,
    branches: 75,
    functions: 86,
    lines: 86.5,
  },
};

/** A seed of the property tests, where one is given. */
const alias = process.env.TEST_SEED ? { 'fast-check': join(import.meta.dirname, 'test/seeded_fast_check.ts') } : {};

const project = (name: string, test: ViteUserConfig['test']): ViteUserConfig => ({
  resolve: { alias },
  test: {
    name,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The default is a second, which a busy machine may take to start a thread.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    setupFiles: ['test/processor_time.setup.ts', 'test/umask.setup.ts'],
    server: { deps: { external: [/\/dist\//] } },
    ...test,
  },
});

export default defineConfig({
  test: {
    // Programs that tests start come from dist/.
    globalSetup: 'test/built.setup.ts',
    // More than the two cores that are always there: half of the time most long files wait for programs they have
    // started.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Transformed sources are kept for the other projects and runs.
    experimental: { fsModuleCache: true },
    coverage: {
      provider: 'v8',
      include: [COVERED],
      // uWebSockets.js is tested in a process of its own where it does not load here (daemon/serve/newer_libc.chain.test.ts).
      exclude: ['**/*.{test,fixture,oracle,as}.ts', 'daemon/serve/uwebsockets*.ts'],
      reportsDirectory: 'var/coverage',
      reporter: ['text-summary', 'json-summary'],
      thresholds: FLOORS,
    },
    projects: [
      project('chain', { include: filesOf('chain') }),
      project('shared', { include: SHARING.flatMap(filesOf), isolate: false }),
    ],
  },
});
