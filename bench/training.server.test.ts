import { expect, it } from 'vitest';
import { watchTraining } from './training.ts';

/** Prints what a training prints, and holds 64 MiB in its second stage. */
const PROGRAM = `
const wait = () => new Promise((resolve) => setTimeout(resolve, 300));
console.error('reading bars: 100 %');
await wait();
const held = Buffer.alloc(64 * 2 ** 20, 1);
console.error('learning, ai1 trial 3 of 16, log loss 0.6: 25 %');
await wait();
console.log(JSON.stringify({ resources: { peak_memory_bytes: 7e8, cpu_seconds: held[0], duration_ms: 1500 } }));
`;
const run = (program: string) => watchTraining([process.execPath, '--input-type=module', '-e', program], {});

it('a training is measured by its own report, and by stage where the system tells memory', async () => {
  const measured = await run(PROGRAM);
  expect(measured).toMatchObject({ peak_bytes: 7e8, cpu_seconds: 1, seconds: 1.5 });
  const { stages } = measured;
  if (process.platform === 'linux') {
    expect(Object.keys(stages).slice(-2)).toEqual(['reading bars', 'learning']);
    expect(stages['learning']).toBeGreaterThan(64 * 2 ** 20);
  } else expect(stages).toEqual({});
  await expect(run('process.exit(3)')).rejects.toThrow('minutehand train ended with 3');
});
