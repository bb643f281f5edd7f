import type { FastifyInstance } from 'fastify';
import { readActive } from '../../../shared/bundle/bundle.ts';
import { activeDirectionVersions } from '../../../shared/bundle/direction/active_direction.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { FileImports } from '../imports/file_imports.ts';
import { JobRunner } from '../jobs/job_runner.ts';
import { startPolicyService } from '../policy/policy_service.ts';
import { BacktestRunner } from '../schedule/backtest_runner.ts';
import { jobsYield } from '../schedule/command_process.ts';
import type { Retrainer } from '../schedule/retrainer.ts';
import { openStore, storeUrl, type Store } from '../../store/store.ts';
import { storeOpener } from '../../store/store_opener.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import { addApi } from './api_server.ts';
import type { ApiContext } from './context.ts';
import { followDaemons } from './events/daemon_signals.ts';
import { EventHub } from './events/hub.ts';
import { SlowReadThread } from './slow_reads_thread.ts';

const LOOK_MS = 500;

export interface ControlPlane {
  stop(): Promise<void>;
}

/** Starts the API: its routes on the trainer's server, its connection to the daemons, its events. */
export async function startControlPlane(
  server: FastifyInstance,
  parts: Pick<
    ApiContext,
    'settings' | 'paths' | 'log' | 'clock' | 'retrainer' | 'monitor' | 'rollout' | 'schedules' | 'fleet' | 'audit'
  > &
    Pick<TrainerOptions, 'command'>,
): Promise<ControlPlane> {
  const { settings, paths } = parts;
  const opener = storeOpener(async () => ({ store: await openStore(storeUrl(process.env, paths), parts.clock) }));
  const hub = new EventHub();
  const signals = followDaemons(settings, paths, {
    onSignal: (_signal, text) => hub.publish('signal', text.trimEnd()),
    onConnection: (shard, is_connected) => hub.publish('daemon', JSON.stringify({ shard, is_connected })),
  });
  const store = async (): Promise<Store> => (await opener.get()).store;
  const yields = jobsYield(settings.retrain);
  const policy = startPolicyService({ ...parts, store, yields });
  const backtests = new BacktestRunner({
    ...parts,
    store,
    yields,
    market: settings.minutehand.market,
    onChange: ({ backtest_id, status, percent }) =>
      hub.publish('backtest', JSON.stringify({ backtest_id, status, percent })),
  });
  const jobs = new JobRunner({
    ...parts,
    store,
    yields,
    market: settings.minutehand.market,
    leastFreeMb: settings.retrain.retrain_min_free_mb,
    cancelOrigin: (origin) => cancelOrigin(origin, parts.retrainer, backtests),
    onChange: (job_id) => hub.publish('job', JSON.stringify({ job_id })),
  });
  const fileImports = new FileImports(parts.command, paths.uploads);
  const reads = new SlowReadThread(settings, paths);
  const context: ApiContext = { ...parts, reads, hub, signals, policy, store, backtests, jobs, fileImports };
  await addApi(server, context);
  backtests.begin();
  jobs.begin();
  const watching = setInterval(watchOf(context), LOOK_MS).unref();
  return {
    async stop() {
      clearInterval(watching);
      signals.stop();
      fileImports.stop();
      await jobs.stop();
      await backtests.stop();
      hub.close();
      await policy.stop();
      await reads.close();
      await opener.close();
    },
  };
}

/** Ends a run or a backtest by the name that its job has for it. */
async function cancelOrigin(origin: string, retrainer: Retrainer, backtests: BacktestRunner): Promise<void> {
  const [what, number] = origin.split(':');
  const id = Number(number);
  if (what === 'run' && retrainer.runs().some(({ run_id, status }) => run_id === id && status === 'running'))
    retrainer.cancel(null);
  if (what !== 'backtest') return;
  try {
    await backtests.cancel(id);
  } catch (error) {
    if (!(error instanceof MinutehandError) || error.code !== 'BACKTEST_ENDED') throw error;
  }
}

/** Publishes changes of the newest run and the active models. */
function watchOf({ hub, retrainer, paths }: ApiContext): () => void {
  let run = '';
  let models = '';
  let directions = '';
  return () => {
    if (hub.size === 0) return;
    const newest = retrainer.runs()[0];
    const runNow = newest === undefined ? '' : JSON.stringify(newest);
    if (runNow !== run) hub.publish('run', runNow);
    const modelsNow = pointerText(paths.models);
    const directionsNow = directionText(paths.models);
    if (modelsNow !== models || directionsNow !== directions) hub.publish('models', modelsNow);
    run = runNow;
    models = modelsNow;
    directions = directionsNow;
  };
}

function pointerText(models: string): string {
  try {
    return JSON.stringify(readActive(models) ?? { version: null, previous: null });
  } catch {
    return '{"version":null,"previous":null}';
  }
}

function directionText(models: string): string {
  try {
    return JSON.stringify(activeDirectionVersions(models));
  } catch {
    return '';
  }
}
