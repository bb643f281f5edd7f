import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { makePrivateFolder } from '../shared/private_files.ts';
import { reachable } from './socket_address.ts';

/**
 * The request to end where there are no signals: a named pipe of each process, whose name is in the home. Windows lets
 * its user, administrators and the system alone write to such a pipe, whoever can read the name; a file that asks to
 * stop could be made by everybody who may write in the home's folder, and a door in the local API by every program of
 * this machine that has no token. The connection stays open as long as the process lives, so who asked knows when it
 * has ended.
 */
const FOLDER = 'stop';
const REQUEST = 'stop\n';
const ACCEPTED = 'ending\n';
const NAME = /^[\w-]+\.\d+\.json$/;

/** Processes that can be asked to end. */
const KINDS = ['up', 'daemon', 'standby', 'trainer', 'ea', 'collect'] as const;
export type StopKind = (typeof KINDS)[number];

const doorSchema = z.object({ kind: z.enum(KINDS), pid: z.int(), address: z.string() });

export type StopDoor = z.infer<typeof doorSchema>;

/** Where a process listens: a name nobody can guess, and take before. */
const pipeName = (): string => String.raw`\\.\pipe\minutehand-${randomUUID()}`;

/**
 * Where a process listens on other systems: in a folder that is its user's alone.
 * @throws the system's error when the folder cannot be made
 */
export function socketPath(home: string, kind: StopKind): string {
  makePrivateFolder(join(home, FOLDER));
  return join(home, FOLDER, `${kind}.${process.pid}.sock`);
}

/**
 * Lets this process be asked to end. A home that cannot be written leaves it without a door.
 * @param asked called once
 * @returns a function that closes the door
 */
export function openStopDoor(home: string, kind: StopKind, asked: () => void, address = pipeName()): () => void {
  const { pid } = process;
  const path = doorPath(home, kind, pid);
  const own = reachable(address);
  const close = (): void => {
    process.off('exit', close);
    server.close();
    own.release();
    remove(path);
  };
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8').on('error', () => undefined);
    socket.on('data', (part: string) => {
      text += part;
      if (text.length > REQUEST.length) return void socket.destroy();
      if (text !== REQUEST) return;
      socket.write(ACCEPTED);
      asked();
    });
    // It must not keep a process that has ended its work.
    socket.unref();
  });
  server.on('error', () => remove(path));
  server.listen(own.address, () => {
    try {
      makePrivateFolder(join(home, FOLDER));
      writeFileSync(path, `${JSON.stringify({ kind, pid, address } satisfies StopDoor)}\n`);
    } catch {
      server.close();
    }
  });
  server.unref();
  process.once('exit', close);
  return close;
}

const doorPath = (home: string, kind: StopKind, pid: number): string => join(home, FOLDER, `${kind}.${pid}.json`);

/** Removes doors that killed processes of this kind have left. */
export function forgetDoors(home: string, kind: StopKind): void {
  for (const door of stopDoors(home).filter((one) => one.kind === kind)) forget(home, door);
}

function forget(home: string, { kind, pid, address }: StopDoor): void {
  remove(doorPath(home, kind, pid));
  if (dirname(address) === join(home, FOLDER)) remove(address);
}

/** Doors in this home, that of `up` first: its children end with it. Those of killed processes are among them. */
export function stopDoors(home: string): readonly StopDoor[] {
  const doors = namesIn(join(home, FOLDER)).flatMap((name) => {
    try {
      return [doorSchema.parse(JSON.parse(readFileSync(join(home, FOLDER, name), 'utf8')))];
    } catch {
      return [];
    }
  });
  return [...doors.filter(({ kind }) => kind === 'up'), ...doors.filter(({ kind }) => kind !== 'up')];
}

/**
 * Asks a process to end, and waits until it has. `gone`: it was killed before, and its door is removed now.
 * `unanswered`: it still runs after `waitMs`.
 */
export function askThroughDoor(home: string, door: StopDoor, waitMs: number): Promise<'ended' | 'gone' | 'unanswered'> {
  return new Promise((resolve) => {
    let isConnected = false;
    const { address, release } = reachable(door.address);
    const socket = connect(address, () => {
      isConnected = true;
      socket.write(REQUEST);
    });
    const timer = setTimeout(() => finish('unanswered'), waitMs);
    function finish(how: 'ended' | 'gone' | 'unanswered'): void {
      clearTimeout(timer);
      socket.destroy();
      release();
      if (how === 'gone') forget(home, door);
      resolve(how);
    }
    socket.on('data', () => undefined);
    // The pipe of a process that ends may break instead of being closed.
    socket.on('error', () => finish(isConnected ? 'ended' : 'gone'));
    socket.on('close', () => finish('ended'));
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => NAME.test(name));
  } catch {
    return [];
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The next request finds nobody behind it.
  }
}
