import { oneLine } from '../../shared/one_line.ts';
import { openNotifySocket, type SendDatagram } from './notify_socket.ts';

/** Interval at which the text of `systemctl status` is updated. */
const STATUS_MS = 5000;
/** A sign of life is given this often within the time that systemd waits for one: two may be late. */
const SIGNS_PER_WAIT = 4;
const MICROSECONDS_PER_MS = 1000;

/** The reported state of a running process. */
export interface State {
  /** One line for people. */
  status(): string;
  /** Returns whether there was progress since the last call, or nothing to do: else systemd ends the process. */
  isMoving(): boolean;
}

/** The systemd that started this process. Where none did, every call does nothing. */
export interface Systemd {
  /** Reports the progress of the start. No effect once it is ready. */
  starting(line: string): void;
  /** Reports that the process is ready and, from now on, its state. A further call replaces the state. */
  ready(state: State): void;
  /** Reports that the process ends. */
  stopping(reason: string): void;
}

const ABSENT: Systemd = { starting: () => undefined, ready: () => undefined, stopping: () => undefined };

/**
 * Sends systemd the notifications of a `Type=notify` service: READY, STATUS, WATCHDOG, STOPPING (sd_notify(3),
 * sd_watchdog_enabled(3)). Its variables are removed from `env`, so that no child process sends in its name.
 * @param warn called once when systemd cannot be notified
 */
export function openSystemd(warn: (line: string) => void, env: NodeJS.ProcessEnv = process.env): Systemd {
  const address = env['NOTIFY_SOCKET'];
  const watchdogMs = watchdogOf(env);
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (address === undefined || address === '') return ABSENT;
  let send: SendDatagram;
  try {
    send = openNotifySocket(address);
  } catch (error) {
    warn(`systemd cannot be notified that this process is ready: ${(error as Error).message}`);
    return ABSENT;
  }
  return createNotifier(send, watchdogMs, warn);
}

/** Of this process; null where systemd watches none. */
function watchdogOf(env: NodeJS.ProcessEnv): number | null {
  const pid = env['WATCHDOG_PID'];
  const ms = Number(env['WATCHDOG_USEC'] ?? 0) / MICROSECONDS_PER_MS;
  const isOurs = pid === undefined || pid === String(process.pid);
  return isOurs && Number.isFinite(ms) && ms > 0 ? ms : null;
}

function createNotifier(send: SendDatagram, watchdogMs: number | null, warn: (line: string) => void): Systemd {
  let state: State | null = null;
  let isStopping = false;
  /** Notifications already sent to systemd. */
  let sentReady = false;
  let sentStatus = '';
  let hasWarned = false;

  function tell(lines: readonly string[]): boolean {
    const failure = send(lines.join('\n'));
    if (failure !== null && !hasWarned) {
      warn(`systemd does not listen (${failure}); the notification is sent again later.`);
      hasWarned = true;
    }
    return failure === null;
  }

  /**
   * Status and readiness are sent when they change, and again where systemd did not receive them; each watchdog ping
   * once.
   */
  function tellAll(isAlive: boolean): void {
    const isReady = state !== null;
    const status = isStopping || state === null ? sentStatus : oneLine(state.status());
    const lines = [
      ...(isReady && !sentReady ? ['READY=1'] : []),
      ...(status === sentStatus ? [] : [`STATUS=${status}`]),
      ...(isAlive ? ['WATCHDOG=1'] : []),
    ];
    if (lines.length === 0 || !tell(lines)) return;
    sentReady = isReady;
    sentStatus = status;
  }

  return {
    starting(line) {
      if (state === null && !isStopping && tell([`STATUS=${oneLine(line)}`])) sentStatus = oneLine(line);
    },
    ready(next) {
      const isFirst = state === null;
      state = next;
      tellAll(true);
      if (!isFirst) return;
      const everyMs = Math.min(STATUS_MS, (watchdogMs ?? Infinity) / SIGNS_PER_WAIT);
      setInterval(() => tellAll(watchdogMs !== null && state!.isMoving()), everyMs).unref();
    },
    stopping(reason) {
      isStopping = true;
      tell(['STOPPING=1', `STATUS=${oneLine(`ending: ${reason}`)}`]);
    },
  };
}
