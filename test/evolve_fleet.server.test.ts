import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { skipNote } from './skip_note.ts';

const HOUR = 3600;
const BARS = 2000;
const GENERATIONS = 12;
const SEARCHES = 5;

const SPACE = `name: fleet
description: A search that workers share.
subject: instrument
features:
  - formula: close / delay(close, n) - 1
    windows: [1, 3, 6, 12]
    thresholds: [-0.02, -0.01, -0.005, 0.005, 0.01, 0.02]
  - formula: rsi(n)
    windows: [7, 14]
    thresholds: [20, 30, 40, 50, 60, 70, 80]
operators: [and, or]
sides: [long, short]
max_conditions: 3
stop_bps: [null, 50, 100, 200]
target_bps: [null, 50, 100, 200]
max_age: [1, 2, 4, 8, 16]
population: 60
generations: ${GENERATIONS}
complexity_penalty: 0.1
`;

const redis: RedisServer | null = await startRedis();

let place: Workplace;
/** Of the search alone. */
let hashes: string;
beforeAll(async () => {
  place = createWorkplace();
  const rng = createRng('evolve fleet');
  let price = 100;
  const bars = Array.from({ length: BARS }, (_, t) => {
    const open = price;
    price *= Math.exp(0.006 * rng.normal());
    return `${1_600_000_000 - (1_600_000_000 % HOUR) + t * HOUR},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  writeFileSync(join(place.folder, 'BTCUSDT.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
  writeFileSync(join(place.folder, 'space.yaml'), SPACE);
  const alone = await place.run(search('alone'));
  expect(alone.code, alone.stderr).toBe(0);
  hashes = keptHashes();
}, 120_000);
afterAll(async () => {
  await place.remove();
  await redis?.stop();
});

function search(out: string): string[] {
  const subject = ['--symbol', 'BTCUSDT@1h', '--data', place.folder];
  const folder = join(place.folder, out);
  return ['evolve', join(place.folder, 'space.yaml'), ...subject, '--resamples', '100', '--out', folder];
}

function generationsOf(out: string): number {
  const path = join(place.folder, out, 'state.json');
  if (!existsSync(path)) return 0;
  const { searches } = JSON.parse(readFileSync(path, 'utf8')) as {
    searches: Readonly<Record<string, { readonly generation: number }>>;
  };
  return Object.values(searches).reduce((sum, { generation }) => sum + generation, 0);
}

function expectSameBytes(out: string): void {
  for (const file of ['state.json', 'report.json', 'rule.yaml'])
    expect(readFileSync(join(place.folder, out, file), 'utf8'), file).toBe(
      readFileSync(join(place.folder, 'alone', file), 'utf8'),
    );
}

/** What is kept of the search of this space: its hashes. */
function keptHashes(): string {
  const folder = join(place.models, 'searched');
  const [name] = readdirSync(folder).filter((file) => file.endsWith('.json'));
  const record = JSON.parse(readFileSync(join(folder, name!), 'utf8')) as Record<string, unknown>;
  return JSON.stringify({ ...record, begun: null });
}

interface FleetState {
  readonly name: string | null;
  readonly waiting: number;
  readonly tasks: readonly {
    readonly learner: string;
    readonly totals: { readonly finished: number; readonly known: number };
  }[];
  readonly workers: readonly { readonly name: string; readonly done: number }[];
}

/** On Redis, two teams share the server and the folder of blobs. */
const QUEUES: readonly (readonly [kind: string, variables: () => NodeJS.ProcessEnv])[] = [
  ['embedded', () => ({ MINUTEHAND_QUEUE: 'embedded', MINUTEHAND_TEST_LEASE_MS: '2000' })],
  ...(redis === null ? [] : [['bullmq', () => ofTeam('red')] as const]),
];

function ofTeam(team: string): NodeJS.ProcessEnv {
  return {
    MINUTEHAND_QUEUE: 'bullmq',
    MINUTEHAND_REDIS_URL: redis!.url,
    MINUTEHAND_BLOBS: join(place.folder, 'blobs of both teams'),
    MINUTEHAND_FLEET: team,
    MINUTEHAND_TEST_LEASE_MS: '2000',
  };
}

describe.each(QUEUES)(`on the %s queue${skipNote(redis === null, REDIS_NOTE)}`, (kind, variables) => {
  const workers: Running[] = [];
  afterAll(() => {
    for (const worker of workers) worker.kill('SIGKILL');
  });

  async function startWorker(name: string, env = variables()): Promise<Running> {
    const worker = place.start(['worker', '--slots', '1', '--name', name, '--priority', 'low'], env);
    workers.push(worker);
    await eventually(worker.stderr, () => worker.stdout().includes('slots'));
    return worker;
  }

  async function fleet(env = variables()): Promise<FleetState> {
    const { code, stdout, stderr } = await place.run(['fleet', '--json'], { env });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as FleetState;
  }

  it(
    `a search by the queue of the process alone gives the bytes of one without a queue`,
    { timeout: 120_000 },
    async () => {
      const { code, stderr } = await place.run(search(`${kind} queue`), {
        env: { ...variables(), MINUTEHAND_BLOBS: join(place.folder, `${kind} own blobs`) },
      });
      expect(code, stderr).toBe(0);
      expectSameBytes(`${kind} queue`);
      expect(keptHashes()).toBe(hashes);
    },
  );

  it(
    `a search gives the same bytes when a worker is killed, and then the search itself, and workers have done some of it`,
    { timeout: 300_000 },
    async () => {
      rmSync(join(place.models, 'searched'), { recursive: true });
      const killed = await startWorker('killed');
      const steady = await startWorker('steady');
      const first = place.start(search(`${kind} shared`), variables());
      await eventually(first.stderr, () => generationsOf(`${kind} shared`) >= 1);
      // Its tasks are in the queue: whatever happens from here on is done by workers.
      first.kill('SIGSTOP');
      killed.kill('SIGKILL');
      const isDone = async (): Promise<boolean> =>
        (await fleet()).workers.some(({ name, done }) => name.startsWith('steady') && done > 0);
      await eventually(steady.stderr, async () => (await isDone()) || null, 3);
      first.kill('SIGKILL');
      expect(await first.ended).toBe('SIGKILL');
      expect(generationsOf(`${kind} shared`)).toBeLessThan(SEARCHES * GENERATIONS);
      const again = await place.run(search(`${kind} shared`), { env: variables() });
      expect(again.code, again.stderr).toBe(0);
      expectSameBytes(`${kind} shared`);
      expect(keptHashes()).toBe(hashes);
      const { name } = (await fleet()).workers.find((one) => one.name.startsWith('steady'))!;
      const end = await place.run(['fleet', 'end', name], { env: variables() });
      expect(end.code, end.stderr).toBe(0);
      expect(await steady.ended).toBe(0);
      expect(steady.stdout()).toMatch(/[1-9]\d* tasks done\./);
      const { waiting, tasks } = await fleet();
      expect([waiting, tasks]).toMatchObject([0, [{ learner: 'evolve' }]]);
    },
  );

  it(`a search with the same bars and space elsewhere is a look-up`, { timeout: 60_000 }, async () => {
    const before = await fleet();
    const { code, stderr } = await place.run(search(`${kind} looked up`), { env: variables() });
    expect(code, stderr).toBe(0);
    expectSameBytes(`${kind} looked up`);
    const after = await fleet();
    expect(after.tasks[0]!.totals.finished).toBe(before.tasks[0]!.totals.finished);
  });

  // A queue of one's own home is nobody else's.
  if (kind === 'bullmq')
    it(
      `another team on the same server and folder sees neither tasks, nor workers, nor results`,
      { timeout: 120_000 },
      async () => {
        const blue = ofTeam('blue');
        const idle = await startWorker('idle', blue);
        expect((await fleet()).tasks).not.toEqual([]);
        const seen = await fleet(blue);
        expect(seen).toMatchObject({ name: 'blue', tasks: [], workers: [{ done: 0 }] });
        expect(seen.workers[0]!.name).toMatch(/^idle\//);
        // What the red team has made is made again: the bytes are equal, the work is not shared.
        const again = await place.run(search('blue'), { env: blue });
        expect(again.code, again.stderr).toBe(0);
        expectSameBytes('blue');
        const { totals } = (await fleet(blue)).tasks[0]!;
        expect(totals).toMatchObject({ known: 0 });
        idle.kill('SIGTERM');
        expect(await idle.ended).toBe(0);
      },
    );
});
