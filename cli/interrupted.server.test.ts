import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { homePaths } from '../shared/home.ts';
import { packageRoot } from '../shared/root.ts';
import { jobHost, JobRecords } from '../trainer/jobs/records/job_records.ts';
import { openStore, storeUrl } from '../trainer/store/store.ts';

it(
  'a training answers Ctrl-C at once, says what is kept, and ends by the signal, which a shell shows as 130',
  { timeout: 60_000 },
  async () => {
    const home = mkdtempSync(join(tmpdir(), 'interrupted-'));
    // A store that never answers: the training waits for its bars.
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const program = join(packageRoot(), 'bin', 'minutehand.mjs');
    const env = { ...process.env, MINUTEHAND_HOME: home, MINUTEHAND_DATABASE_URL: `postgres://x@127.0.0.1:${port}/x` };
    const child = spawn(process.execPath, [program, 'train'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr!.on('data', (part: Buffer) => (text += part.toString()));
    // First it looks whose tables the store has, which is given up after a while.
    const connections: { destroy(): void }[] = [];
    while (connections.length < 2) connections.push(...((await once(silent, 'connection')) as [{ destroy(): void }]));
    const askedMs = performance.now();
    child.kill('SIGINT');
    const [, signal] = (await once(child, 'close')) as [number | null, string | null];
    for (const connection of connections) connection.destroy();
    silent.close();
    expect({ signal, text }).toMatchObject({ signal: 'SIGINT' });
    expect(text).toContain('Interrupted.');
    expect(text).toMatch(/No bundle was written, and the active models stay/);
    expect(text).toContain(join(home, 'cache', 'dataset'));
    expect(performance.now() - askedMs).toBeLessThan(5000);
    expect(existsSync(join(home, 'models', 'active.json'))).toBe(false);
    rmSync(home, { recursive: true, force: true });
  },
);

const MINUTES = 500_000;

/** More bars than a command reads until it is interrupted, in the layout of this program. */
function manyBars(): string {
  const rows = Array.from({ length: MINUTES }, (_, i) => {
    const close = (1 + 0.1 * Math.sin(i / 500) + (i % 7) / 10_000).toFixed(5);
    return `${1_500_000_000 - (1_500_000_000 % 60) + 60 * i},${close},${close},${close},${close},10`;
  });
  return `time,open,high,low,close,volume\n${rows.join('\n')}\n`;
}

it.each([
  ['answers by itself', 'SIGINT', ['scan', '--data']],
  ['has no answer of its own', 'SIGINT', ['bars', 'import']],
  ['answers by itself', 'SIGTERM', ['scan', '--data']],
  ['has no answer of its own', 'SIGTERM', ['bars', 'import']],
] as const)('a job whose command %s is canceled by who sent %s, and not killed', async (_name, sent, words) => {
  const home = mkdtempSync(join(tmpdir(), 'interrupted-'));
  const data = join(home, 'bars');
  mkdirSync(data);
  const text = manyBars();
  for (const symbol of ['EURUSD', 'GBPUSD']) writeFileSync(join(data, `${symbol}.csv`), text);
  const env = { ...process.env, MINUTEHAND_HOME: home, MINUTEHAND_MARKET: 'live' };
  const paths = homePaths(env);
  const store = await openStore(storeUrl(env, paths));
  const of = { market: 'live', host: jobHost(paths), clock: MACHINE_CLOCK } as const;
  const records = new JobRecords(store, of);
  const program = join(packageRoot(), 'bin', 'minutehand.mjs');
  const child = spawn(process.execPath, [program, ...words, data], { env, stdio: 'ignore' });
  while ((await records.list({ limit: 1 })).length === 0 && child.exitCode === null) await sleep(50);
  child.kill(sent);
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  await records.settleDead();
  const [job] = await records.list({ limit: 1 });
  const last = (await records.events(job!.job_id, 0, 100)).at(-1);
  await store.close();
  expect({ ...job, signal }).toMatchObject({ signal: sent, status: 'canceled', error: null });
  expect(last).toMatchObject({ type: 'state', status: 'canceled', by: job!.requested_by });
  rmSync(home, { recursive: true, force: true });
});
