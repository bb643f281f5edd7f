import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const EVERY = '{shared,daemon,trainer,cli,bench,sim,test,mt5,dashboard}/**/*.test.ts';
/**
 * Files that need a process of their own: they start programs and servers, change the environment, listen to the
 * process itself, or measure memory. All the others share one with each other, so that what they import is loaded once.
 */
const ALONE = [
  '{test,mt5,sim,bench}/**/*.test.ts',
  'cli/{commands/**/*,bars/store_sink,systemd/systemd*,output}.test.ts',
  'daemon/*.test.ts',
  'daemon/{publish,serve}/**/*.test.ts',
  'daemon/feed/redis.test.ts',
  'shared/{store,log,market}/**/*.test.ts',
  'shared/bundle/{halts,onnxruntime,signature,model_set}.test.ts',
  'shared/bundle/tree_kernel/**/*.test.ts',
  'shared/core/{features,screen}/allocation.test.ts',
  'trainer/*.test.ts',
  'trainer/{api,store,schedule,registry,monitor,notify,fills,learn,search}/**/*.test.ts',
  'trainer/dataset/{dataset_process,pair_cache}.test.ts',
  'trainer/history/{history,bucket}.test.ts',
];
/** Files that would need a third of the time of `npm run test:unit`, measured. They share a process too. */
const SLOW = [
  'shared/bundle/onnx/tree_model.test.ts',
  'cli/bars/import.test.ts',
  'trainer/dataset/real_dataset.test.ts',
  'trainer/gate/{gate,shuffled}.test.ts',
];
/**
 * The longest first, so that the last of them does not run when all the others are done. The order: by time, measured.
 */
const LONGEST = [
  'test/cli_commands',
  'test/cli_up',
  'sim/sim',
  'test/retrain_chain',
  'daemon/kill',
  'test/registry_crash',
  'mt5/day',
  'test/bars_crash',
  'test/registry_runs',
  'trainer/pipeline',
  'trainer/searched_pipeline',
  'test/fit',
  'test/examples',
  'test/readme',
  'test/pre_commit',
  'test/ea',
  'daemon/pipeline',
  'daemon/feed/replay',
  'test/bars_commands',
  'test/backtest_command',
  'bench/end_to_end/end_to_end',
  'daemon/main',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const index = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return index === -1 ? LONGEST.length : index;
    };
    const sorted = await super.sort(files);
    // A process is kept for the next file only where that one may share it.
    const shared = ({ project }: TestSpecification): number => (project.config.isolate ? 0 : 1);
    return sorted.sort((a, b) => place(a) - place(b) || shared(a) - shared(b));
  }
}

const project = (name: string, test: ViteUserConfig['test']): ViteUserConfig => ({
  test: { name, testTimeout: 30_000, hookTimeout: 60_000, pool: 'forks', ...test },
});

export default defineConfig({
  test: {
    // Programs that tests start come from dist/.
    globalSetup: 'test/built.setup.ts',
    // More than the two cores that are always there: half of the time most long files wait for programs they have
    // started.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      project('alone', { include: ALONE }),
      project('slow', { include: SLOW, isolate: false }),
      // The unit tests: `npm run test:unit`.
      project('together', { include: [EVERY], exclude: [...ALONE, ...SLOW], isolate: false }),
    ],
  },
});
