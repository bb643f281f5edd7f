/**
 * A daemon in its own process, for tests that kill it: `<settings.json>` holds whole Settings, MINUTEHAND_HOME is the
 * home; `--standby` after it waits for the lease, MAX_WAITING_ROWS bounds the journal in memory. Prints one JSON line
 * per event: `{say}` while it starts, `{waiting}` when it is the next, `{port, bootId}` when it listens. SIGTERM stops
 * it.
 */
import { readFileSync } from 'node:fs';
import { standBy, startDaemon } from '../daemon/main.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { homePaths } from '../shared/policy/home.ts';
import type { Settings } from '../shared/policy/policy.ts';

const print = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const rows = process.env['MAX_WAITING_ROWS'];
const options = {
  ...(rows === undefined ? {} : { maxWaitingRows: Number(rows) }),
  settings: JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Settings,
  paths: homePaths(),
  shard: 'main',
  clock: MACHINE_CLOCK,
  token: undefined,
  say: (line: string) => print({ say: line }),
};
const ending = new AbortController();
const stopping = new Promise<void>((resolve) => process.on('SIGTERM', resolve));
void stopping.then(() => ending.abort());
const daemon =
  process.argv[3] === '--standby'
    ? await standBy(options, ending.signal, () => print({ waiting: true }))
    : await startDaemon(options);
if (daemon !== null) {
  print({ port: daemon.port, bootId: daemon.bootId });
  void stopping.then(() => daemon.stop());
}
