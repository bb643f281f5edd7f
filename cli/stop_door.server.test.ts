import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endStep } from '../shared/process/end_steps.ts';
import { askThroughDoor, openStopDoor, socketPath, stopDoors, unansweredText } from './stop_door.ts';
import { eventually } from '../test/cli_process.ts';
import { skipNote } from '../test/skip_note.ts';

const isLinux = process.platform === 'linux';

let home: string;
let close: (() => void) | null;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-door-'));
  close = null;
});
afterEach(() => {
  close?.();
  rmSync(home, { recursive: true, force: true });
});

/** On Unix a socket instead of a pipe: both are an address to listen on. */
const address = (): string =>
  process.platform === 'win32' ? String.raw`\\.\pipe\minutehand-test-${process.pid}` : join(home, 'door.sock');
const opened = () => eventually('a door', () => stopDoors(home)[0]);

describe('the door for requests to end', () => {
  it('passes a request on, and tells who asked when the process has ended', async () => {
    let asked = 0;
    close = openStopDoor(home, 'daemon', () => void asked++, address());
    const door = await opened();
    expect(door).toEqual({ kind: 'daemon', pid: process.pid, address: address() });
    // This process does not end.
    expect(await askThroughDoor(home, door, 200)).toEqual({ how: 'unanswered', waitsFor: null });
    expect(asked).toBe(1);
    close();
    expect(stopDoors(home)).toEqual([]);
  });

  it('tells who asked what it waits for', async () => {
    close = openStopDoor(home, 'trainer', () => undefined, address());
    const door = await opened();
    let finish: () => void = () => undefined;
    const step = endStep('connections of the API', () => new Promise<void>((resolve) => (finish = resolve)));
    const end = await askThroughDoor(home, door, 2500);
    finish();
    await step;
    expect(end).toEqual({ how: 'unanswered', waitsFor: 'connections of the API' });
    expect(unansweredText(end as typeof end & { how: 'unanswered' }, 2500)).toBe(
      'after 3 s; it waits for connections of the API',
    );
  });

  it('takes nothing but the request', async () => {
    let asked = 0;
    close = openStopDoor(home, 'trainer', () => void asked++, address());
    await opened();
    const socket = connect(address(), () => socket.write('stop it now\n'));
    await new Promise((resolve) => socket.on('close', resolve).on('error', () => undefined));
    expect(asked).toBe(0);
  });

  it('of a process that was killed is removed when it is asked', async () => {
    mkdirSync(join(home, 'stop'));
    const left = { kind: 'up' as const, pid: 12, address: address() };
    writeFileSync(join(home, 'stop', 'up.12.json'), JSON.stringify(left));
    expect(await askThroughDoor(home, left, 5_000)).toEqual({ how: 'gone' });
    expect(readdirSync(join(home, 'stop'))).toEqual([]);
  });

  it.runIf(isLinux)(`is reached however deep its folder is${skipNote(!isLinux, 'sockets of Linux')}`, async () => {
    const deep = join(home, ...['a', 'b', 'c'].map((name) => name.repeat(60)));
    mkdirSync(deep, { recursive: true });
    let asked = 0;
    close = openStopDoor(deep, 'up', () => void asked++, socketPath(deep, 'up'));
    const door = await eventually('a door', () => stopDoors(deep)[0]);
    expect(readdirSync(join(deep, 'stop'))).toHaveLength(2);
    expect((await askThroughDoor(deep, door, 200)).how).toBe('unanswered');
    expect(asked).toBe(1);
    close();
    expect((await askThroughDoor(deep, door, 200)).how).toBe('gone');
    expect(readdirSync(join(deep, 'stop'))).toEqual([]);
    expect(readdirSync(home)).toEqual(['a'.repeat(60)]);
  });

  it('of `up` comes first, and damaged files are none', () => {
    mkdirSync(join(home, 'stop'));
    for (const kind of ['daemon', 'up', 'trainer'])
      writeFileSync(join(home, 'stop', `${kind}.1.json`), JSON.stringify({ kind, pid: 1, address: address() }));
    writeFileSync(join(home, 'stop', 'daemon.2.json'), '{');
    expect(stopDoors(home).map(({ kind }) => kind)).toEqual(['up', 'daemon', 'trainer']);
  });

  it('is absent where the home cannot be written, which ends nothing', () => {
    writeFileSync(join(home, 'file'), '');
    close = openStopDoor(join(home, 'file'), 'up', () => undefined, address());
    expect(existsSync(join(home, 'file', 'stop'))).toBe(false);
  });
});
