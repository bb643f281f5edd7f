import { join } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { leaveSettingsOut } from './test/own_environment.ts';

// Tests and the programs that they start inherit this environment.
leaveSettingsOut(process.env);

const EVERY = '{shared,daemon,trainer,cli,bench,sim,test,mt5,dashboard}/**/*.test.ts';
/**
 * Files that need a process of their own: they start programs and servers, change the environment, listen to the
 * process itself, or measure memory.
 */
const ALONE = [
  'test/!(build|comments|contributing|doc_claims|doc_links|docs|import_circles|operate_guide|specified_policy).test.ts',
  'mt5/!(language).test.ts',
  'mt5/*/**/*.test.ts',
  'cli/systemd/systemd*.test.ts',
  'sim/!(disk|feed|halt_ledger|memory_journal|model_line|oracle|twin).test.ts',
  'bench/**/!(duration|market|models|peers|percentiles|report|rounding|soak|trainer).test.ts',
  'daemon/!(collector|idle_window|input|inputs|pipeline_batch|queue|turns|undo).test.ts',
  'daemon/publish/!(envelope|publishers|recent_answers|redis_publisher|subscriptions|unsent_signals).test.ts',
  'daemon/serve/**/*.test.ts',
  'daemon/feed/{redis,redis_stream}.test.ts',
  'shared/market/!(session_calendar|trading_week).test.ts',
  'shared/bundle/tree_kernel/**/*.test.ts',
  'shared/core/{features,screen}/allocation.test.ts',
  'trainer/{,learning/,learning/threads/}*.test.ts',
  'trainer/learning/learners/**/!(binning|boost|elementary|engine_rows|fit_table|learners|lightgbm_model|model_learning|scoring|split_node|turns|xgboost_model).test.ts',
  'trainer/learning/search/!(axis|deflated_sharpe_ratio|gaussian_process|median_pruner|normal|parzen|space|training_space).test.ts',
];
/**
 * Files that start servers and programs, and leave nothing behind in their process: what they import is loaded once for
 * several of them.
 */
const SERVERS = [
  'cli/{commands/**/*,bars/store_sink,ea/signal_redis,output,interrupted}.test.ts',
  'shared/{store,log}/**/*.test.ts',
  'shared/bundle/{grouped_models,halts,onnxruntime,signature,model_set}.test.ts',
  'trainer/control/{api,model_events,policy,report,registry}/**/*.test.ts',
  'trainer/{store,learning/bundle}/**/*.test.ts',
  'trainer/control/schedule/!(gpu_watch|progress_line|run_limits|run_progress|status_line).test.ts',
  'trainer/control/monitor/!(cluster|drift|evidence|feature_profile|fill_performance|kpi|performance_drift|report).test.ts',
  'trainer/control/notify/*.test.ts',
  'trainer/control/notify/!(watch)/**/*.test.ts',
  'trainer/control/fills/!(fill_figures|journal_signals|reconcile|tail).test.ts',
  'trainer/learning/dataset/{dataset_process,pair_cache}.test.ts',
  'trainer/control/history/{history,bucket}.test.ts',
  'trainer/learning/search/{choose_thresholds,research_theta2,search,search_model,thresholds}.test.ts',
  'trainer/learning/learners/{result_model,warm_start,warm_start_chain,warm_start_fit}.test.ts',
  'trainer/learning/learners/trees/{fit,fit_pool,onnx_export,random_forest}.test.ts',
  'trainer/learning/learners/trees/kernel/{gradients,threads}.test.ts',
  'sim/{lease_world,redis,timeline,variety,websockets}.test.ts',
  'bench/{compare/verdict,turns_ratio}.test.ts',
  'mt5/{bars,broker,consumer,day,logic,redis,wake,check/**/*}.test.ts',
  'daemon/publish/{batch_publisher,file,file_thread,publish,redis,redis_bus,redis_commands,websocket}.test.ts',
  'daemon/{groups,instruments,pipeline_work,policy_watch}.test.ts',
  'test/@(boundaries|dashboard_gates|dashboard_texts|mt5_python|net_target|price_kinds|prometheus_rules|series_live|skip_reporter).test.ts',
  'test/@(backtest|bars_crash|examples|feature_table|groups|lease_store|parity_day|policy_chain|registry_crash|rollout|signals_crash|specified_tables|suspect).test.ts',
  'test/@(anti_rollback|backtest_command|bars_commands|check_models|direction_command|ea|fit|home|instrument|late_bars|models_folder|pairs_option|parity|private_files|redis_refused|registry_cli|registry_runs|replay_running|scan_command|signals_command|suspect_commands|systemd_notify|timeframes|tiny_models|unit_tests|verify_deep).test.ts',
];
/** Files that would need a third of the time of `npm run test:unit`, measured. They share a process too. */
const SLOW = [
  'shared/bundle/onnx/tree_model.test.ts',
  'cli/bars/import.test.ts',
  'trainer/learning/dataset/real_dataset.test.ts',
  'trainer/learning/gate/{gate,shuffled}.test.ts',
];
/**
 * The longest first, so that the last of them does not run when all the others are done. The order: by time, measured.
 */
const LONGEST = [
  'test/retrain_chain',
  'test/alerts_command',
  'test/cli_commands',
  'test/cli_up',
  'sim/sim',
  'test/collect',
  'test/two_machines',
  'test/policy_chain',
  'test/timeframes',
  'trainer/control/policy/policy_changes',
  'test/rollout',
  'test/dashboard',
  'daemon/kill',
  'daemon/rollout',
  'test/registry_crash',
  'mt5/day',
  'test/bars_crash',
  'test/registry_runs',
  'test/anti_rollback',
  'test/instrument',
  'test/verify_deep',
  'test/scan_command',
  'trainer/control/model_events/model_events',
  'trainer/main',
  'trainer/control/notify/sender',
  'trainer/learning/pipeline',
  'trainer/learning/searched_pipeline',
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

const COVERED = '{shared/core,daemon,trainer/learning/gate}/**';
/** Folders and files that another run of the same CI has (bin/test.mjs). */
const without = (process.env.TESTS_ELSEWHERE ?? '')
  .split(',')
  .filter((path) => path !== '')
  .map((path) => (path.endsWith('/') ? `${path}**/*.test.ts` : path));
/** Percent, just under what is measured. Programs that tests start are not counted. */
const FLOORS = {
  'shared/core/**': { statements: 99, branches: 98, functions: 98, lines: 99 },
  'daemon/**': { statements: 93, branches: 89.5, functions: 91.5, lines: 94 },
  'trainer/learning/gate/**': { statements: 99.5, branches: 94, functions: 99.5, lines: 99.5 },
};

/** In CI the property tests have the seed of the day: a change is refused for its own faults only. */
const alias = process.env.CI ? { 'fast-check': join(import.meta.dirname, 'test/seeded_fast_check.ts') } : {};

const project = (name: string, test: ViteUserConfig['test']): ViteUserConfig => ({
  resolve: { alias },
  test: {
    name,
    testTimeout: 30_000,
    hookTimeout: 60_000,
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
      include: [`${COVERED}/*.ts`],
      exclude: ['**/*.{test,fixture,oracle,as}.ts'],
      reportsDirectory: 'var/coverage',
      reporter: ['text-summary', 'json-summary'],
      thresholds: FLOORS,
    },
    projects: [
      project('alone', { include: ALONE, exclude: [...SERVERS, ...without] }),
      project('servers', { include: SERVERS, exclude: without, isolate: false }),
      project('slow', { include: SLOW, exclude: without, isolate: false }),
      // The unit tests: `npm run test:unit`.
      project('together', { include: [EVERY], exclude: [...ALONE, ...SERVERS, ...SLOW, ...without], isolate: false }),
    ],
  },
});
