import { expect, it } from 'vitest';
import { createCpuProfiler, placesOf } from './cpu_profile.ts';
import { parseCounts } from './system_calls.ts';

it('adds self time up by package, folder and kind, without idle time', () => {
  const frames = [
    ['(idle)', ''],
    ['(program)', ''],
    ['(garbage collector)', ''],
    ['parse', ''],
    ['writev', 'node:internal/stream_base_commons'],
    ['send', 'file:///opt/minutehand/node_modules/ws/lib/sender.js'],
    ['putObject', 'file:///opt/minutehand/node_modules/@aws-sdk/client-s3/dist/index.js'],
    ['publish', 'file:///opt/minutehand/dist/daemon/publish/websocket.js'],
    ['run', 'file:///opt/minutehand/dist/daemon/pipeline.js'],
  ] as const;
  const nodes = frames.map(([functionName, url], id) => ({
    id,
    callFrame: { functionName, url, scriptId: '0', lineNumber: 0, columnNumber: 0 },
  }));
  const samples = [...nodes.keys(), 5];
  expect(placesOf({ nodes, samples, timeDeltas: [900, 10, 20, 30, 40, 50, 60, 70, 80, -5] })).toEqual({
    'native code: event loop, server, timers': 10,
    'garbage collection': 20,
    'native functions: parse': 30,
    'Node.js': 40,
    ws: 50,
    '@aws-sdk/client-s3': 60,
    'daemon/publish': 70,
    daemon: 80,
  });
});

it('finds where this process spends its time', async () => {
  const profiler = createCpuProfiler();
  await profiler.start();
  const text = JSON.stringify(Array.from({ length: 2000 }, (_, index) => ({ index })));
  for (const end = performance.now() + 60; performance.now() < end;) JSON.parse(text);
  const places = await profiler.stop();
  const largest = Object.entries(places).sort(([, a], [, b]) => b - a)[0]!;
  expect(largest[1]).toBeGreaterThan(5000);
});

it('reads the counts of strace without rules and sum', () => {
  const report = `    calls syscall
--------- ----------------
      120 epoll_wait
        3 write
--------- ----------------
      123 total
`;
  expect(parseCounts(report)).toEqual({ epoll_wait: 120, write: 3 });
});
