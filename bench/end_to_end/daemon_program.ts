/** The real daemon in its own process, for the bench: settings from a file, live market, no output. */
import { readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { startDaemon } from '../../daemon/main.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { homePaths } from '../../shared/policy/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { DaemonArgument, DaemonMemory, ProgramMessage } from './field.ts';

const { settingsPath, home } = JSON.parse(process.argv[2]!) as DaemonArgument;
const tell = (message: ProgramMessage): void => void process.send!(message);

const daemon = await startDaemon({
  settings: JSON.parse(readFileSync(settingsPath, 'utf8')) as Settings,
  paths: homePaths({ MINUTEHAND_HOME: home }),
  shard: 'main',
  clock: MACHINE_CLOCK,
  token: undefined,
  say: () => undefined,
});

process.on(
  'message',
  (message: {
    readonly memory?: true;
    readonly collect?: true;
    readonly health?: true;
    readonly priority?: number;
  }) => {
    if (message.collect) globalThis.gc!();
    if (message.memory || message.collect) tell(memoryNow());
    if (message.health) {
      const { model_version, pairs_ready, redis } = daemon.health();
      tell({ version: model_version, ready: pairs_ready, redis });
    }
    if (message.priority !== undefined) setPriority(message.priority ?? constants.priority.PRIORITY_NORMAL);
  },
);
function memoryNow(): DaemonMemory {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed, external };
}

let stopping = false;
const stop = (): void => {
  if (stopping) return;
  stopping = true;
  void daemon.stop().finally(() => process.exit());
};
process.on('SIGTERM', stop);
process.on('disconnect', stop);
tell({ port: daemon.port });
