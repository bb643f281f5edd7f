import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { leaveSettingsOut } from './test/own_environment.ts';

// Tests and the programs that they start inherit this environment.
leaveSettingsOut(process.env);

/**
 * Kinds of tests; each file's name ends with one, such as `x.unit.test.ts`.
 *
 * - `unit`: starts no server and no program of this project. `npm run test:unit` runs these.
 * - `server`: starts servers and programs, and leaves nothing behind in its process: what these files import is loaded
 *   once for several of them.
 * - `chain`: needs a process of its own, because it starts several programs, changes the environment, listens to the
 *   process itself, or measures memory.
 * - `slow`: would need too much of the time of `npm run test:unit`.
 */
const filesOf = (kind: 'unit' | 'server' | 'chain' | 'slow'): string[] => [
  `{shared,daemon,trainer,cli,bench,sim,test,mt5,dashboard}/**/*.${kind}.test.ts`,
];
/**
 * Kinds whose files share processes. Only files of one project do, so CI, which runs all of them, has them in one
 * (bin/test.mjs).
 */
const SHARING = ['server', 'slow', 'unit'] as const;
const isOneProject = process.env.TESTS_SHARED !== undefined;
// A run that a test starts asks for projects by their names.
delete process.env.TESTS_SHARED;
/**
 * The longest first, so that the last of them does not run when all the others are done. The order: by time, measured.
 */
const LONGEST = [
  // It adds network interfaces: Chromium ends its requests then, so the tests of the dashboard come much later.
  'test/two_machines',
  'test/disks',
  'test/retrain_chain',
  'test/alerts_command',
  'daemon/kill',
  'test/second_start',
  'test/lease_clock',
  'test/dependencies',
  'daemon/publish/redis_owner',
  'trainer/control/policy/policy_changes',
  'test/bars_commands',
  'test/models_delivery',
  'test/parity',
  'test/job_command',
  'test/cli_commands',
  'test/collect',
  'test/cli_up',
  'test/two_installations',
  'test/registry_runs',
  'daemon/pipeline',
  'test/secrets',
  'test/storage',
  'trainer/control/schedule/backtest_runner',
  'sim/sim',
  'trainer/main',
  'mt5/day',
  'test/examples',
  'test/trained_engines',
  'test/release',
  'trainer/control/monitor/monitor',
  'test/bars_crash',
  'test/admission',
  'daemon/replay',
  'daemon/main',
  'daemon/rollout',
  'daemon/feed/redis',
  'test/cheats',
  'test/dashboard',
  'bench/end_to_end/end_to_end',
  'test/forgotten_connections',
  'test/formulas_live',
  'trainer/learning/evolve/evolve',
  'trainer/store/store',
  'test/golden/golden',
  'trainer/learning/profile/drift',
  'test/specified_tables',
  'trainer/control/notify/sender',
  'test/redis_failover',
  'test/stops',
  'test/feature_table',
  'daemon/serve/serve',
  'shared/store/journal',
  'test/anti_rollback',
  'test/paper_account',
  'cli/bars/import',
  'test/partial_results',
  'test/registry_crash',
  'daemon/publish/redis',
  'trainer/control/api/routes',
  'trainer/control/rollout/simulation/rollouts',
  'test/ea',
  'test/instrument',
  'test/dashboard_fresh',
  'trainer/learning/learners/trees/gbdt',
  'test/private_files',
  'trainer/control/history/history',
  'cli/bars/store_sink',
  'test/rollout',
  'cli/commands/doctor_lease',
  'test/scan_command',
  'mt5/redis',
  'trainer/control/api/attacks',
  'test/policy_chain',
  'test/league_command',
  'test/weekly_retrain',
  'test/parity_day',
  'trainer/learning/training/pipeline',
  'daemon/publish/redis_bus',
  'daemon/handover',
  'test/verify_deep',
  'shared/core/features/allocation',
  'trainer/learning/learners/trees/engines/engines',
  'test/fit',
  'trainer/learning/strategies/pair_reversion/dataset/real_dataset',
  'test/groups',
  'trainer/control/rollout/rollout_rules',
  'trainer/control/fills/fills',
  'trainer/learning/validate/quality_gate',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const index = LONGEST.findIndex((name) => moduleId.includes(`/${name}.`));
      return index === -1 ? LONGEST.length : index;
    };
    const sorted = await super.sort(files);
    // Processes of their own first. Another file in between would end a process that several files share, and the next
    // one would load all modules again.
    const shared = ({ project }: TestSpecification): number => (project.config.isolate ? 0 : 1);
    return sorted.sort((a, b) => shared(a) - shared(b) || place(a) - place(b));
  }
}

const COVERED = '{shared/{core,strategies},daemon,trainer/learning/{gates,strategies/direction/gates}}/**';
/** Only for `npm run test:long`; see bin/only_long.mjs. */
const onlyLong = JSON.parse(readFileSync(join(import.meta.dirname, 'test', 'only_long.json'), 'utf8')) as string[];
/** Folders and files that another run of the same CI has (bin/test.mjs), and what CI leaves out. */
const without = (process.env.TESTS_ELSEWHERE ?? '')
  .split(',')
  .filter((path) => path !== '')
  .map((path) => (path.endsWith('/') ? `${path}**/*.test.ts` : path))
  .concat(process.env.CI && process.env.MINUTEHAND_LONG === undefined ? onlyLong : []);
/** Percent, just under what is measured. Programs that tests start are not counted. */
const FLOORS = {
  'shared/{core,strategies}/**': { statements: 99, branches: 97, functions: 98, lines: 99 },
  'daemon/**': { statements: 93, branches: 89.5, functions: 91.5, lines: 94 },
  'trainer/learning/{gates,strategies/direction/gates}/**': {
    statements: 86,
    branches: 75,
    functions: 86,
    lines: 86.5,
  },
};

/**
 * Of the whole program, by `npm run coverage`, which is no part of CI: docs/adr/0032-differences-from-the-specification.md.
 * The figure is that of the specification.
 */
const EVERYTHING = '{shared,daemon,trainer,cli,learners,sim,mt5,dashboard}/**/*.{ts,tsx}';
const FLOOR_OF_EVERYTHING = { lines: 58.64 };
const isOfEverything = process.env.COVERAGE_OF === 'everything';

/** In CI the property tests have the seed of the day: a change is refused for its own faults only. */
const alias = process.env.CI ? { 'fast-check': join(import.meta.dirname, 'test/seeded_fast_check.ts') } : {};

const project = (name: string, test: ViteUserConfig['test']): ViteUserConfig => ({
  resolve: { alias },
  test: {
    name,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The default is a second, which a busy machine may take to start a thread.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
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
      include: [isOfEverything ? EVERYTHING : `${COVERED}/*.ts`],
      exclude: ['**/*.{test,fixture,oracle,as}.ts'],
      reportsDirectory: 'var/coverage',
      reporter: ['text-summary', 'json-summary'],
      thresholds: isOfEverything ? FLOOR_OF_EVERYTHING : FLOORS,
    },
    projects: [
      project('chain', { include: filesOf('chain'), exclude: without }),
      ...(isOneProject
        ? [project('shared', { include: SHARING.flatMap(filesOf), exclude: without, isolate: false })]
        : SHARING.map((kind) => project(kind, { include: filesOf(kind), exclude: without, isolate: false }))),
    ],
  },
});
