import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { MinutehandError } from '../shared/errors.ts';
import { makePrivateFolder } from '../shared/private_files.ts';
import { openResources, stepInWork } from '../shared/process/end_steps.ts';
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
/** Answers: the request was taken; then, as long as the process lives, what it waits for. */
const ACCEPTED = 'ending\n';
const WAITS_FOR = 'waits for ';
const REPORT_MS = 1000;
/** Characters of answers that are kept: more than two of them. */
const LONGEST_REPORTS = 2000;
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
      const reports = setInterval(() => {
        socket.write(`${WAITS_FOR}${stepInWork() ?? openResources()}\n`);
      }, REPORT_MS);
      reports.unref();
      socket.once('close', () => clearInterval(reports));
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

/** How a request to end went. */
export type AskedEnd =
  | { readonly how: 'ended' }
  /** It was killed before, and its door is removed now. */
  | { readonly how: 'gone' }
  /** It still runs; null: it has said nothing, or nothing for the last seconds, so it is busy or hangs. */
  | { readonly how: 'unanswered'; readonly waitsFor: string | null };

/** A process that has not said for this time what it waits for says nothing. */
const SILENT_MS = 5 * REPORT_MS;

/** Asks a process to end, and waits until it has, at most `waitMs`. */
export function askThroughDoor(home: string, door: StopDoor, waitMs: number): Promise<AskedEnd> {
  return new Promise((resolve) => {
    let isConnected = false;
    let waitsFor: string | null = null;
    let heardMs = -Infinity;
    const { address, release } = reachable(door.address);
    const socket = connect(address, () => {
      isConnected = true;
      socket.write(REQUEST);
    });
    const timer = setTimeout(() => {
      const isSilent = performance.now() - heardMs > SILENT_MS;
      finish({ how: 'unanswered', waitsFor: isSilent ? null : waitsFor });
    }, waitMs);
    function finish(end: AskedEnd): void {
      clearTimeout(timer);
      socket.destroy();
      release();
      if (end.how === 'gone') forget(home, door);
      resolve(end);
    }
    let heard = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      heardMs = performance.now();
      heard = (heard + part).slice(-LONGEST_REPORTS);
      // The newest whole line.
      const line = heard.split('\n').at(-2) ?? '';
      if (line.startsWith(WAITS_FOR)) waitsFor = line.slice(WAITS_FOR.length);
    });
    // The pipe of a process that ends may break instead of being closed.
    socket.on('error', () => finish({ how: isConnected ? 'ended' : 'gone' }));
    socket.on('close', () => finish({ how: 'ended' }));
  });
}

/** How a request went that was not answered: "after 30 s; it waits for connections of the API". */
export function unansweredText({ waitsFor }: AskedEnd & { readonly how: 'unanswered' }, waitedMs: number): string {
  const why =
    waitsFor === null ? 'it does not say what it waits for, so it is busy or hangs' : `it waits for ${waitsFor}`;
  return `after ${Math.round(waitedMs / 1000)} s; ${why}`;
}

/** The error STOP_UNANSWERED of a process that was asked through its door. */
export function stopUnanswered(
  { kind, pid }: StopDoor,
  end: AskedEnd & { readonly how: 'unanswered' },
  waitedMs: number,
): MinutehandError {
  return new MinutehandError('STOP_UNANSWERED', { seen: `${kind}, process ${pid}, ${unansweredText(end, waitedMs)}` });
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
