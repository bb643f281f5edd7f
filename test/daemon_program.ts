/**
 * A daemon in a process of its own, for tests that kill it: `<settings.json>` holds whole Settings, MINUTEHAND_HOME says where.
 * Prints one JSON line per event: `{say}` while it starts, `{port, bootId}` when it listens. SIGTERM stops it.
 */
import { readFileSync } from 'node:fs';
import { startDaemon } from '../daemon/main.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { homePaths } from '../shared/policy/home.ts';
import type { Settings } from '../shared/policy/policy.ts';

const print = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const daemon = await startDaemon({
  settings: JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Settings,
  paths: homePaths(),
  shard: 'main',
  clock: MACHINE_CLOCK,
  token: undefined,
  say: (line) => print({ say: line }),
});
process.on('SIGTERM', () => void daemon.stop());
print({ port: daemon.port, bootId: daemon.bootId });
