import { describe, expect, it } from 'vitest';
import { createWebSocketPublisher, type WebSocketPublisher } from '../daemon/publish/websocket.ts';
import { createRng } from '../shared/rng.ts';
import { startProcess, type SimulatedProcess } from './process.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { openSockets, type ClientSocket, type SimulatedSockets } from './websockets.ts';

interface Bench {
  readonly timeline: Timeline;
  readonly process: SimulatedProcess;
  readonly publisher: WebSocketPublisher;
  readonly sockets: SimulatedSockets;
  connect(): { socket: ClientSocket; received: string[] };
  publish(text: string): void;
  pass(ms: number): Promise<void>;
}

function openBench(): Bench {
  const timeline = createTimeline(createRng(1));
  const process = startProcess({
    name: 'daemon',
    timeline,
    rng: createRng(1),
    wallMs: () => 0,
    turnMs: 0,
    onDefect: (error) => {
      throw error;
    },
  });
  const publisher = createWebSocketPublisher({ pairIds: ['A_B'], onFailure: () => undefined });
  const sockets = openSockets({
    process,
    timeline,
    rng: createRng(2),
    routes: [publisher.subscriptionRoute()],
    latencyMs: 1,
    spreadMs: 5,
    maxBufferedBytes: 1000,
    kernelBytes: 500,
    onText: () => undefined,
    onDefect: (error) => {
      throw error as Error;
    },
  });
  publisher.attach({ publishAll: sockets.audience.publishAll });
  return {
    timeline,
    process,
    publisher,
    sockets,
    connect() {
      const received: string[] = [];
      const socket = sockets.connect('/signals', '', {
        onMessage: (text) => received.push(text),
        onClose: (code) => received.push(`closed ${code}`),
      });
      return { socket, received };
    },
    publish: (text) => publisher.publish([{ pairId: 'A_B', text }]),
    pass: (ms) => timeline.run(timeline.nowMs + ms),
  };
}

describe('a simulated WebSocket', () => {
  it('delivers every signal in order, and the last one immediately to a later subscriber', async () => {
    const bench = openBench();
    const first = bench.connect();
    await bench.pass(10);
    for (let i = 0; i < 10; i++) bench.publish(`signal ${i}`);
    await bench.pass(10);
    const second = bench.connect();
    await bench.pass(20);
    expect(first.received).toEqual(Array.from({ length: 10 }, (_, i) => `signal ${i}`));
    expect(second.received).toEqual(['signal 9']);
  });

  it('is dropped with 1013 when its reader stalls too long, once the kernel buffers are full', async () => {
    const bench = openBench();
    const slow = bench.connect();
    const quick = bench.connect();
    await bench.pass(10);
    slow.socket.isPaused = true;
    for (let i = 0; i < 20; i++) {
      bench.publish(String(i).padEnd(100));
      await bench.pass(10);
    }
    expect([bench.sockets.audience.size, quick.received.length]).toEqual([1, 20]);
    expect(bench.sockets.mostBuffered).toBe(1000);
    slow.socket.isPaused = false;
    await bench.pass(100);
    expect(slow.received.map((text) => text.trim())).toEqual(['0', '1', '2', '3', '4', 'closed 1013']);
  });

  it('resumes without loss when the reader resumes in time', async () => {
    const bench = openBench();
    const { socket, received } = bench.connect();
    await bench.pass(10);
    socket.isPaused = true;
    for (let i = 0; i < 12; i++) bench.publish(String(i).padEnd(100));
    await bench.pass(10);
    expect(received).toEqual([]);
    socket.isPaused = false;
    await bench.pass(100);
    expect(received.map((text) => text.trim())).toEqual(Array.from({ length: 12 }, (_, i) => String(i)));
  });

  it('ends with 1006 when the daemon is killed, after delivering what was written', async () => {
    const bench = openBench();
    const { received } = bench.connect();
    await bench.pass(10);
    bench.publish('final heartbeats');
    bench.process.kill();
    await bench.pass(100);
    expect(received).toEqual(['final heartbeats', 'closed 1006']);
  });
});
