import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listenForDatagrams, type DatagramSocket } from './datagram_socket.fixture.ts';
import { openSystemd, type State, type Systemd } from './systemd.ts';
import { skipNote } from '../../test/skip_note.ts';

// Node has no datagram sockets of this kind, and only Linux has systemd.
const isLinux = process.platform === 'linux';
describe.runIf(isLinux)(`a process that systemd has started${skipNote(!isLinux, 'only Linux has systemd')}`, () => {
  let folder: string;
  let address: string;
  let socket: DatagramSocket;
  let warnings: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'minutehand-systemd-'));
    address = join(folder, 'notify');
    socket = listenForDatagrams(address);
    warnings = [];
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  });
  afterEach(() => {
    vi.useRealTimers();
    socket.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (env: NodeJS.ProcessEnv = {}, at = address): Systemd =>
    openSystemd((line) => warnings.push(line), { NOTIFY_SOCKET: at, ...env });
  const calm = (status = 'calm'): State => ({ status: () => status, isMoving: () => true });
  const WATCHED = { WATCHDOG_USEC: '8000000', WATCHDOG_PID: String(process.pid) };

  it('reports the progress of its start, that it is ready, and that it ends', () => {
    const systemd = open();
    systemd.starting('reads\n  history');
    systemd.ready(calm('10 of 10 pairs ready'));
    systemd.starting('too late');
    systemd.stopping('SIGTERM');
    expect(socket.received()).toEqual([
      'STATUS=reads history',
      'READY=1',
      'STATUS=10 of 10 pairs ready',
      'WATCHDOG=1',
      'STOPPING=1',
      'STATUS=ending: SIGTERM',
    ]);
    expect(warnings).toEqual([]);
  });

  it('sends to an abstract socket too', () => {
    const name = `@minutehand-test-${process.pid}`;
    const abstract = listenForDatagrams(name);
    open({}, name).ready(calm());
    expect(abstract.received()).toContain('READY=1');
    abstract.close();
  });

  it('sends its status again only when it has changed', () => {
    let status = 'one';
    open().ready({ status: () => status, isMoving: () => true });
    socket.received();
    vi.advanceTimersByTime(5000);
    expect(socket.received()).toEqual([]);
    status = 'two';
    vi.advanceTimersByTime(5000);
    expect(socket.received()).toEqual(['STATUS=two']);
  });

  it('notifies the watchdog four times per period, and not once work has stalled', () => {
    let isMoving = true;
    open(WATCHED).ready({ status: () => 'busy', isMoving: () => isMoving });
    socket.received();
    vi.advanceTimersByTime(8000);
    expect(socket.received()).toEqual(['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    isMoving = false;
    vi.advanceTimersByTime(8000);
    expect(socket.received()).toEqual([]);
  });

  it('returns none where the watchdog is for another process, or for none', () => {
    open({ ...WATCHED, WATCHDOG_PID: '1' }).ready(calm());
    socket.received();
    vi.advanceTimersByTime(60_000);
    expect(socket.received()).toEqual([]);
  });

  it('replaces the old state with a new one', () => {
    const systemd = open();
    systemd.ready(calm('standby'));
    systemd.ready(calm('active'));
    expect(socket.received().filter((line) => line !== 'WATCHDOG=1')).toEqual([
      'READY=1',
      'STATUS=standby',
      'STATUS=active',
    ]);
  });

  it('reports readiness again when systemd did not receive it, and warns once', () => {
    socket.close();
    rmSync(address);
    open().ready(calm());
    vi.advanceTimersByTime(10_000);
    socket = listenForDatagrams(address);
    vi.advanceTimersByTime(5000);
    expect(socket.received()).toEqual(['READY=1', 'STATUS=calm']);
    expect(warnings).toEqual([expect.stringContaining('ENOENT')]);
  });

  it('never blocks on a systemd that does not read', () => {
    const systemd = open();
    for (let message = 0; message < 2000; message++) systemd.starting(`message ${message}`);
    expect(warnings).toEqual([expect.stringContaining('EAGAIN')]);
  });

  it('hides its variables from the processes that it starts', () => {
    const env = { NOTIFY_SOCKET: address, ...WATCHED, OTHER: '1' };
    openSystemd(() => undefined, env);
    expect(env).toEqual({ OTHER: '1' });
  });

  it('warns about an invalid address, and continues without it', () => {
    open({}, 'vsock:2:1234').ready(calm());
    expect(warnings).toEqual([expect.stringContaining('"vsock:2:1234" is not the address of a socket')]);
  });
});
