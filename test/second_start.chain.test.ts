import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Database } from '../shared/store/sqlite.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';

vi.setConfig({ testTimeout: 600_000 });

/** The trainer looks for errors that ended a daemon every ten seconds. */
const LOOKS_MS = 12_000;
const KILLED = ['DAEMON_KILLED: The daemon ended without being stopped'];

let place: Workplace;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  place = createWorkplace({ minutehand: { log: { level: 'info' } } });
  // Fixed, as a user has them: a process that still has one stands in the way of its successor.
  const [daemon, trainer] = await Promise.all([freePort(), freePort()]);
  env = { MINUTEHAND_DAEMON_PORT: String(daemon), MINUTEHAND_TRAINER_PORT: String(trainer) };
});
afterAll(() => place.remove());

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function start(): Promise<Running> {
  const up = place.start(['up', '--json'], env);
  let ended: unknown = null;
  void up.ended.then((code) => (ended = code));
  await eventually(
    () => `up: ${up.stderr()}`,
    () => {
      if (ended !== null) throw new Error(`up ended with ${String(ended)}: ${up.stdout()} ${up.stderr()}`);
      return up.stdout();
    },
    2,
  );
  return up;
}

/** Alerts of any time, open or not. */
function criticalAlerts(): unknown[] {
  const db = new Database(join(place.home, 'trainer.db'), { readonly: true });
  const rows = db.prepare("SELECT alert_key, text FROM core_alerts WHERE severity = 'critical'").all();
  db.close();
  return rows;
}

/** @param told parts of the texts of all until now */
async function expectAlerts(told: readonly string[]): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, LOOKS_MS));
  expect(criticalAlerts()).toEqual(
    told.map((text) => expect.objectContaining({ text: expect.stringContaining(text) })),
  );
}

it('a second start leaves no critical alert but of a daemon that was killed', async () => {
  const first = await start();
  for (const command of [['up', '--json'], ['daemon'], ['trainer']]) {
    const second = await place.run(command, { env });
    expect([second.code, `${second.stdout}${second.stderr}`]).toEqual([1, expect.stringContaining('HOME_LOCKED')]);
  }
  await expectAlerts([]);

  // Its children end by themselves; a user starts again at once.
  first.kill('SIGKILL');
  await first.ended;
  const second = await start();
  await expectAlerts([]);

  second.killGroup('SIGKILL');
  await second.ended;
  const third = await start();
  await expectAlerts(KILLED);

  third.killGroup('SIGTERM');
  expect(await third.ended).toBe(0);
  const fourth = await start();
  await expectAlerts(KILLED);
  fourth.killGroup('SIGTERM');
  await fourth.ended;
});
