/**
 * A daemon in its own process, for tests that kill it: `<settings.json>` contains complete Settings, MINUTEHAND_HOME is
 * the home; `--standby` makes it wait for the lease, MAX_WAITING_ROWS bounds the journal's queue. Prints one JSON line
 * per event: `{say}` during start, `{waiting}` when it is the next standby, `{port, bootId}` when it listens. SIGTERM
 * stops it. CLOCK_RATE is the speed of its clock, which shows CLOCK_START_MS at this machine's CLOCK_ZERO_MS; SIGUSR2
 * sets the clock forward by an hour, and back the next time.
 */
import { readFileSync } from 'node:fs';
import { standBy, startDaemon } from '../daemon/main.ts';
import type { EpochMs } from '../shared/bar.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { homePaths } from '../shared/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { Clock } from '../shared/ports.ts';

const print = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

function acceleratedClock(rate: number, startMs: number, zeroMs: number): Clock {
  let stepMs = 0;
  process.on('SIGUSR2', () => (stepMs = 3_600_000 - stepMs));
  return {
    nowMs: () => Math.round(startMs + stepMs + rate * (Date.now() - zeroMs)) as EpochMs,
    monotonicUs: () => performance.now() * 1000 * rate,
  };
}

const { CLOCK_RATE, CLOCK_START_MS, CLOCK_ZERO_MS } = process.env;
const rows = process.env['MAX_WAITING_ROWS'];
const options = {
  ...(rows === undefined ? {} : { maxWaitingRows: Number(rows) }),
  settings: JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Settings,
  paths: homePaths(),
  shard: 'main',
  clock:
    CLOCK_RATE === undefined
      ? MACHINE_CLOCK
      : acceleratedClock(Number(CLOCK_RATE), Number(CLOCK_START_MS), Number(CLOCK_ZERO_MS)),
  token: undefined,
  print: (line: string) => print({ print: line }),
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
