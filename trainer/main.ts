import fastify from 'fastify';
import type { Logger } from 'pino';
import { MinutehandError } from '../shared/errors.ts';
import { openLog } from '../shared/log/log.ts';
import type { HomePaths } from '../shared/policy/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { lockHome } from '../shared/store/home_lock.ts';
import { addRoutes } from './api/api.ts';
import { createRetrainer, type Retrainer } from './schedule/retrainer.ts';
import { createRunLog } from './schedule/run_log.ts';
import { scheduleRetrain } from './schedule/schedule.ts';
import { lackOfModels, waitForFirstBars } from './schedule/first_models.ts';

export interface TrainerOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  /** Program and first arguments of the command line, e.g. `['node', 'bin/minutehand.mjs']`: training runs in a process of its own. */
  readonly command: readonly string[];
  say(line: string): void;
}

export interface RunningTrainer {
  readonly port: number;
  readonly retrainer: Retrainer;
  stop(): Promise<void>;
}

/**
 * Starts the control plane: first models when there are none, then by schedule and on demand.
 * @throws MinutehandError HOME_LOCKED, HOME_UNUSABLE, PORT_TAKEN, ADDRESS_UNUSABLE
 */
export async function startTrainer(options: TrainerOptions): Promise<RunningTrainer> {
  const { settings, paths, say } = options;
  const unlock = lockHome(paths.lock('trainer'));
  const runs = openLog(paths.log, 'train', settings.minutehand.log.level);
  const retrainer = createRetrainer(options, createRunLog(runs.log));
  const server = fastify({ logger: false, forceCloseConnections: true });
  const { host, port } = settings.minutehand.transports.trainer;
  addRoutes(server, retrainer, paths);
  try {
    await server.listen({ host, port });
  } catch (cause) {
    await retrainer.stop();
    await server.close();
    await runs.close();
    unlock();
    const { code } = cause as NodeJS.ErrnoException;
    const seen = `${host}:${port}${code === undefined || code === 'EADDRINUSE' ? '' : ` (${code})`}`;
    throw new MinutehandError(code === 'EADDRINUSE' ? 'PORT_TAKEN' : 'ADDRESS_UNUSABLE', { seen, cause });
  }
  const schedule = scheduleRetrain(settings.retrain.retrain_cron, () => retrainer.start('schedule'));
  say(
    `Retraining by schedule "${settings.retrain.retrain_cron}" (UTC), next at ${schedule.next()?.toISOString() ?? 'never'}.`,
  );

  const waiting = new AbortController();
  const lack = lackOfModels(settings, paths);
  if (lack !== null) {
    void waitForFirstBars(settings, paths, waiting.signal, lack, say).then(async (enough) => {
      if (enough && lackOfModels(settings, paths) !== null) await retrainer.start('first models');
    });
  }
  const address = server.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    retrainer,
    async stop() {
      waiting.abort();
      schedule.stop();
      await retrainer.stop();
      await server.close();
      await runs.close();
      unlock();
    },
  };
}
