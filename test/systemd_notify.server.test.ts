import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMPILED_PROGRAM } from '../shared/launcher.ts';
import { packageRoot } from '../shared/root.ts';
import { listenForDatagrams, type DatagramSocket } from '../cli/systemd/datagram_socket.fixture.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { skipNote } from './skip_note.ts';

// Started as by systemd, with a real socket that receives the notifications; needs no systemd.
const isLinux = process.platform === 'linux';
const NOTE = skipNote(!isLinux, 'only Linux has systemd');
/** Whether a process is stopped: its state in /proc, after the name in parentheses, is T. */
const isStopped = (pid: number): boolean => /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

describe.runIf(isLinux)(`a service as systemd starts it${NOTE}`, { timeout: 120_000 }, () => {
  let place: Workplace;
  let socket: DatagramSocket;
  let received: string[];
  beforeEach(() => {
    place = createWorkplace({ minutehand: { market: 'live' } });
    socket = listenForDatagrams(join(place.folder, 'notify'));
    received = [];
  });
  afterEach(async () => {
    await place.remove();
    socket.close();
  });

  /** With a watchdog interval of half a second. */
  const start = (command: string): Running =>
    place.start([command], { NOTIFY_SOCKET: join(place.folder, 'notify'), WATCHDOG_USEC: '2000000' });
  const receives = (service: Running, line: string | RegExp): Promise<unknown> =>
    eventually(
      () => `${String(line)} among ${received.join(' | ')}; ${service.stderr()}`,
      () => {
        received.push(...socket.received());
        return received.some((one) => (typeof line === 'string' ? one === line : line.test(one)));
      },
    );

  it.each([
    // A weekend and no models still count as READY.
    ['daemon', /^STATUS=waiting for the first bars, 0 of \d pairs ready, no models, mode HALT$/],
    ['trainer', /^STATUS=no run yet, next at \d{4}-/],
  ])('%s reports readiness, status, watchdog pings and stopping', async (command, status) => {
    const service = start(command);
    await receives(service, 'READY=1');
    await receives(service, status);
    received = [];
    await receives(service, 'WATCHDOG=1');
    // A stopped process sends nothing, whatever is queued.
    service.kill('SIGSTOP');
    await eventually('stopped', () => isStopped(service.pid));
    socket.received();
    await sleep(1000);
    expect(socket.received()).toEqual([]);
    service.kill('SIGCONT');
    await receives(service, 'WATCHDOG=1');
    service.kill('SIGTERM');
    await receives(service, 'STOPPING=1');
    await receives(service, 'STATUS=ending: SIGTERM');
    expect(await service.ended).toBe(0);
  });

  it('runs the compiled program, with the same output as the command', async () => {
    const asCommand = await place.run(['service', '--help']);
    const compiled = (argument: string): { status: number | null; stdout: string } =>
      spawnSync(process.execPath, [join(packageRoot(), COMPILED_PROGRAM), 'service', argument], { encoding: 'utf8' });
    expect(compiled('--help')).toMatchObject({ status: 0, stdout: asCommand.stdout });
    expect(compiled('--nosuch')).toMatchObject({ status: 2 });
  });
});
