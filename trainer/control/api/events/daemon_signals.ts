import { WebSocket } from 'ws';
import { readAddress, urlOf } from '../../../../shared/address.ts';
import type { HomePaths } from '../../../../shared/home.ts';
import { shardsOf, type Settings } from '../../../../shared/policy/policy.ts';
import type { Signal } from '../../../../shared/signal/signal.ts';

const RECONNECT_MS = 1000;
const SILENCE_MS = 90_000;

/** Signals of all daemons of this home, received as a client of their WebSocket `/signals`. */
export interface DaemonSignals {
  /** The last signal of each subject since the start of this trainer. */
  readonly last: ReadonlyMap<string, Signal>;
  /** Whether the daemon of each shard is connected. */
  readonly connected: ReadonlyMap<string, boolean>;
  stop(): void;
}

export interface SignalListener {
  /** @param text the signal as published, one line of JSON */
  onSignal(signal: Signal, text: string): void;
  onConnection(shard: string, isConnected: boolean): void;
}

/** Connects to the daemon of every shard, and reconnects. Never fails. */
export function followDaemons(settings: Settings, paths: HomePaths, listener: SignalListener): DaemonSignals {
  const last = new Map<string, Signal>();
  const connected = new Map<string, boolean>();
  const stops = shardsOf(settings.minutehand).map((shard) => {
    const configured = { host: settings.minutehand.transports.daemon.host, port: shard.port };
    return follow(
      () => urlOf(readAddress(paths.address(`daemon_${shard.name}`)) ?? configured, 'ws'),
      (text) => {
        const signal = parse(text);
        if (signal === null) return;
        last.set(signal.pair_id, signal);
        listener.onSignal(signal, text);
      },
      (isConnected) => {
        if (connected.get(shard.name) === isConnected) return;
        connected.set(shard.name, isConnected);
        listener.onConnection(shard.name, isConnected);
      },
    );
  });
  return { last, connected, stop: () => stops.forEach((stop) => stop()) };
}

/** @returns a function that stops it */
function follow(
  address: () => string,
  onText: (text: string) => void,
  onConnection: (isConnected: boolean) => void,
): () => void {
  let socket: WebSocket | null = null;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  function connect(): void {
    if (isStopped) return;
    let silence: NodeJS.Timeout | undefined;
    const opened = new WebSocket(`${address()}/signals`, { perMessageDeflate: false, handshakeTimeout: 3000 });
    const received = (): void => {
      clearTimeout(silence);
      // A daemon pings; a silent connection is reopened.
      silence = setTimeout(() => opened.terminate(), SILENCE_MS).unref();
    };
    socket = opened;
    opened.on('open', () => {
      received();
      onConnection(true);
    });
    opened.on('ping', received);
    opened.on('message', (data) => {
      received();
      onText((data as Buffer).toString('utf8'));
    });
    opened.on('error', () => undefined);
    opened.on('close', () => {
      clearTimeout(silence);
      onConnection(false);
      if (!isStopped) timer = setTimeout(connect, RECONNECT_MS).unref();
    });
  }

  connect();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    socket?.terminate();
  };
}

function parse(text: string): Signal | null {
  try {
    const value = JSON.parse(text) as Signal | null;
    return typeof value?.pair_id === 'string' ? value : null;
  } catch {
    return null;
  }
}
