/** The real daemon in its own process, for the bench: settings from a file, live market, no output. */
import { readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { startDaemon } from '../../daemon/main.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { homePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { memoryNow, watchCollections } from './collections.ts';
import { answerProfile, createCpuProfiler } from './cpu_profile.ts';
import type { DaemonArgument, ProgramMessage } from './field.ts';

const { settingsPath, home } = JSON.parse(process.argv[2]!) as DaemonArgument;
const tell = (message: ProgramMessage): void => void process.send!(message);

const collections = watchCollections();
const profiler = createCpuProfiler();
const daemon = await startDaemon({
  settings: JSON.parse(readFileSync(settingsPath, 'utf8')) as Settings,
  paths: homePaths({ MINUTEHAND_HOME: home }),
  shard: 'main',
  clock: MACHINE_CLOCK,
  token: undefined,
  print: () => undefined,
});

process.on(
  'message',
  (message: {
    readonly memory?: true;
    readonly collect?: true;
    readonly pauses?: true;
    readonly health?: true;
    readonly profile?: 'start' | 'stop';
    readonly priority?: number;
  }) => {
    if (message.memory) tell(memoryNow());
    if (message.collect) tell(collections.collect());
    if (message.pauses) tell({ pauses: collections.takePauses() });
    if (message.profile !== undefined) void answerProfile(profiler, message.profile, tell);
    if (message.health) {
      const { model_version, pairs_ready, redis } = daemon.health();
      tell({ version: model_version, ready: pairs_ready, redis });
    }
    if (message.priority !== undefined) setPriority(message.priority ?? constants.priority.PRIORITY_NORMAL);
  },
);
let stopping = false;
const stop = (): void => {
  if (stopping) return;
  stopping = true;
  void daemon.stop().finally(() => process.exit());
};
process.on('SIGTERM', stop);
process.on('disconnect', stop);
tell({ port: daemon.port });
