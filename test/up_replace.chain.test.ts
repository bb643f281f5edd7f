import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Database } from '../shared/store/sqlite.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, writeConfig, type Running, type Workplace } from './cli_process.ts';
import { skipNote } from './skip_note.ts';
import { tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const MINUTE_S = 60;

interface Row {
  readonly pair_id: string;
  readonly boot_id: string;
  readonly seq: number;
  readonly time: number;
  readonly body: string;
}

let place: Workplace;
beforeAll(async () => {
  place = createWorkplace({ minutehand: { simulated: { bar_interval_ms: 100 }, log: { level: 'info' } } });
  mkdirSync(place.home);
  activate(place.models, (await tinyModels(place.models, { settings: place.settings })).version);
});
afterAll(() => place.remove());

async function startUp(...options: readonly string[]): Promise<Running> {
  const up = place.start(['up', '--json', ...options]);
  let ended: unknown = null;
  void up.ended.then((code) => (ended = code));
  await eventually(
    () => `the ready line of up (${String(ended)}): ${up.stderr()}`,
    () => {
      if (ended !== null) throw new Error(`up ended with ${String(ended)}: ${up.stderr()}`);
      return up.stdout();
    },
  );
  return up;
}

function answered(): Row[] {
  const db = new Database(join(place.home, 'simulated_main.db'), { readonly: true });
  const rows = db.prepare('SELECT * FROM signals ORDER BY signal_row').all() as Row[];
  db.close();
  return rows;
}

const bootsOf = (rows: readonly Row[]): string[] => [...new Set(rows.map(({ boot_id }) => boot_id))];
const doors = (): string[] => readdirSync(join(place.home, 'stop')).sort();
const isLinux = process.platform === 'linux';

describe.runIf(isLinux)(`minutehand up --replace${skipNote(!isLinux, 'Windows: test/windows')}`, () => {
  let last: Running;

  it('takes over from the `up` that runs: no minute is missed, and no consumer is told to halt', async () => {
    let up = await startUp();
    for (let times = 1; times <= 3; times++) {
      await eventually('signals of this boot', () => bootsOf(answered()).length === times);
      const next = await startUp('--replace');
      expect(await up.ended).toBe(0);
      expect(up.stderr()).toContain('minutehand up --replace: ending …');
      expect(next.stderr()).toContain('Standby: a daemon of shard main runs');
      up = next;
      await eventually('signals of the next boot', () => bootsOf(answered()).length === times + 1);
    }
    const rows = answered();
    expect(rows.filter(({ body }) => body.includes('"reason":"SHUTDOWN"'))).toEqual([]);
    for (const pair of place.settings.minutehand.pairs) {
      const times = rows.filter(({ pair_id }) => pair_id === pair).map(({ time }) => time);
      for (const [index, time] of times.entries()) expect(time).toBe(times[0]! + index * MINUTE_S);
    }
    // Each was told to end.
    expect(existsSync(join(place.home, 'daemon_main.fatal.jsonl'))).toBe(false);
    last = up;
  });

  it('is refused without the option, and leaves the one that runs as it is', async () => {
    const second = await place.run(['up', '--json']);
    expect(second.code).toBe(1);
    expect(JSON.parse(second.stdout)).toMatchObject({ error: { code: 'HOME_LOCKED' } });
  });

  it('leaves the one that runs as it is when one of its own daemons cannot start', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const [first, ...others] = place.settings.minutehand.pairs;
    const shards = { main: [first!], other: { pairs: others, port: (holder.address() as AddressInfo).port } };
    const config = join(place.folder, 'sharded');
    writeConfig(config, { ...place.settings, minutehand: { ...place.settings.minutehand, shards } });
    const failing = await place.run(['up', '--replace'], { env: { MINUTEHAND_CONFIG: config } });
    holder.close();
    expect(failing.code).toBe(1);
    expect(failing.stderr).toMatch(/^PROCESS_ENDED: .*other/m);
    const boots = bootsOf(answered());
    const { length } = answered();
    await eventually('more signals of the same boot', () => answered().length > length + 10);
    expect(bootsOf(answered())).toEqual(boots);
  });

  it('is a plain start where none runs, and doors of killed ones are removed', async () => {
    last.killGroup('SIGKILL');
    await last.ended;
    expect(doors().length).toBeGreaterThan(0);
    const up = await startUp('--replace');
    expect(doors()).toEqual([`up.${up.pid}.json`, `up.${up.pid}.sock`]);
    up.kill('SIGTERM');
    expect(await up.ended).toBe(0);
    expect(existsSync(join(place.home, 'stop', `up.${up.pid}.json`))).toBe(false);
    const [killed] = readFileSync(join(place.home, 'daemon_main.fatal.jsonl'), 'utf8').split('\n');
    expect(JSON.parse(killed!)).toMatchObject({ code: 'DAEMON_KILLED' });
  });

  it('ends by `minutehand stop`, which names what was started separately', async () => {
    const up = await startUp();
    const stopped = await place.run(['stop']);
    expect([stopped.code, stopped.stdout]).toEqual([0, `ended  up  process ${up.pid}\n`]);
    expect(await up.ended).toBe(0);
    expect(up.stderr()).toContain('asked by minutehand stop');
    expect((await place.run(['stop'])).stdout).toContain('Nothing runs in');
    const daemon = place.start(['daemon', '--json']);
    await eventually('the daemon', () => daemon.stdout());
    const refused = await place.run(['stop']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(new RegExp(`STOP_BY_SIGNAL.*daemon_main, process ${daemon.pid}`));
    daemon.kill('SIGTERM');
    await daemon.ended;
  });
});
