import { generateKeyPairSync } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { activate } from './activate.ts';
import type { Certificate } from '../cli/parity/certificate.ts';
import { openJournal } from '../shared/store/journal.ts';
import { packageRoot } from '../shared/root.ts';
import type { SignalBody } from '../shared/signal/signal.ts';
import { Database } from '../shared/store/sqlite.ts';
import type { Notice } from '../trainer/control/notify/outbox.ts';
import { certifyShards } from '../trainer/control/parity/nightly.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { tinyModels } from './tiny_models.ts';

let place: Workplace;
let daemon: Running;
let day: string;
let signing: NodeJS.ProcessEnv;
let trusting: NodeJS.ProcessEnv;
beforeAll(async () => {
  const simulated = { history_bars: 100, bar_interval_ms: 10 };
  place = createWorkplace({ minutehand: { instruments: ['XAUUSD@5m'], simulated } });
  activate(place.models, (await tinyModels(place.models)).version);
  daemon = place.start(['daemon']);
  await eventually(
    () => `a daemon that has published for a while: ${daemon.stderr()}`,
    async () => (await place.call(['status', '--json'])).stdout.includes('"mode":"OK"'),
  );
  await eventually('600 signals', () => publishedDay(join(place.home, 'simulated_main.db')));
  const key = join(place.folder, 'key.pem');
  const trusted = join(place.folder, 'public.pem');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(trusted, publicKey.export({ type: 'spki', format: 'pem' }));
  signing = { MINUTEHAND_SIGNING_KEY: key };
  trusting = { MINUTEHAND_TRUSTED_KEYS: trusted };
}, 60_000);
afterAll(() => place.remove());

function publishedDay(path: string): boolean {
  const journal = openJournal(path, { readOnly: true });
  const signals = [...journal.signals()];
  journal.close();
  if (signals.length < 600) return false;
  day = new Date(signals.at(-1)!.time * 1000).toISOString().slice(0, 10);
  return true;
}

it(
  'minutehand parity certifies the day of a running daemon, and keeps the result for reports',
  { timeout: 120_000 },
  async () => {
    const store = await openStore(join(place.home, 'trainer.db'));
    const run = await place.call(['parity', '--day', day, '--market', 'simulated', '--json']);
    const certificate = JSON.parse(run.stdout) as Certificate & { readonly file: string };
    expect(certificate.instruments!['XAUUSD@5m']).toBeGreaterThan(10);
    expect(Object.keys(certificate.decisions)).toEqual(place.settings.minutehand.pairs);
    expect(run.code, JSON.stringify(certificate.mismatches)).toBe(0);
    expect(certificate).toMatchObject({ day, mismatches: [], replay: { different: 0 } });
    expect(['EQUAL', 'EXPLAINED']).toContain(certificate.verdict);
    for (const { equal } of Object.values(certificate.decisions)) expect(equal).toBeGreaterThan(100);
    const page = readFileSync(certificate.file.replace('.json', '.html'), 'utf8');
    expect(page).toContain(certificate.verdict);
    expect(page).toContain('Instruments, compared by the replay alone: XAUUSD@5m');
    // A simulated market has days of its own: the default is not this machine’s yesterday.
    const before = new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10);
    const byDefault = await place.call(['parity', '--market', 'simulated']);
    if (byDefault.code !== 0) expect(byDefault.stderr).toContain(`no signals of bars of ${before}`);
    else expect(byDefault.stdout).toContain(`${before}, market simulated`);
    const kept = await store.db.selectFrom('core.parity_results').selectAll().execute();
    await store.close();
    const { verdict, replay } = certificate;
    // The daemon runs: the inputs of its last minute may have no answers yet.
    const signals = replay.signals - (replay.unanswered ?? 0);
    const result = { verdict, signals, equal_signals: replay.equal, mismatches: 0 };
    expect(kept.filter((one) => one.day === day)).toMatchObject([{ market: 'simulated', shard: 'main', ...result }]);
  },
);

it(
  'the certificate of the next night detects signals decided on the previous bar, and raises an alert',
  { timeout: 120_000 },
  async () => {
    daemon.kill('SIGTERM');
    await daemon.ended;
    const home = join(place.folder, 'altered');
    cpSync(place.home, home, { recursive: true });
    const planted = decideOnTheBarBefore(join(home, 'simulated_main.db'), place.settings.minutehand.pairs[0]!);
    const raised: Notice[] = [];
    const notifier = {
      raise: (notice: Notice) => Promise.resolve(void raised.push(notice)),
      clear: () => unexpected(),
    };
    vi.stubEnv('MINUTEHAND_HOME', home);
    vi.stubEnv('MINUTEHAND_CONFIG', place.config);
    vi.stubEnv('NODE_OPTIONS', '');
    // The night after that day of the simulated market.
    const program = `exec "${process.execPath}" "${join(packageRoot(), 'bin', 'minutehand.mjs')}" "$@" --day ${day}`;
    const options = {
      settings: place.settings,
      command: ['sh', '-c', program, 'sh'],
      print: () => undefined,
      notifier,
    };
    await certifyShards(options, new AbortController().signal);
    vi.unstubAllEnvs();
    expect(raised).toMatchObject([{ key: 'parity:main', event: 'parity', text: expect.stringContaining(day) }]);
    const { file } = raised[0]!.details as { file: string };
    const certificate = JSON.parse(readFileSync(file, 'utf8')) as Certificate;
    expect(certificate.verdict).toBe('MISMATCH');
    expect(certificate.replay.different).toBe(planted);
    expect(Object.values(certificate.decisions)[0]!.mismatches).toBeGreaterThan(planted * 0.9);
    expect(certificate.mismatches[0]!.fields).toHaveProperty('z_score');
    const copy = join(home, 'archive', 'parity', 'simulated', day.slice(0, 4), basename(file));
    expect(readFileSync(copy, 'utf8')).toBe(readFileSync(file, 'utf8'));
    expect(readFileSync(copy.replace('.json', '.html'), 'utf8')).toContain('MISMATCH');
  },
);

const unexpected = (): never => {
  throw new Error('the alert was cleared');
};

/** Simulates a live path that lags by one bar: each signal of a pair gets the previous one's decision. */
function decideOnTheBarBefore(path: string, pairId: string): number {
  const db = new Database(path);
  const rows = db
    .prepare('SELECT signal_row AS row, body, time FROM signals WHERE pair_id = ? ORDER BY signal_row')
    .all(pairId) as { row: number; body: string; time: number }[];
  const bodies = rows.map(({ body }) => JSON.parse(`${body}}`) as SignalBody);
  let planted = 0;
  for (const [i, { row, time }] of rows.entries()) {
    if (i === 0 || new Date(time * 1000).toISOString().slice(0, 10) !== day || bodies[i]!.z_score === null) continue;
    const { z_score, return_prob, risk_score, action, reason, target } = bodies[i - 1]!;
    const late = { ...bodies[i]!, z_score, return_prob, risk_score, action, reason, target };
    db.prepare('UPDATE signals SET body = ? WHERE signal_row = ?').run(JSON.stringify(late).slice(0, -1), row);
    planted++;
  }
  db.close();
  return planted;
}

it(
  'minutehand parity ends with 3 when its certificate is not archived, or the store has no record of it',
  { timeout: 120_000 },
  async () => {
    const home = join(place.folder, 'unarchived');
    cpSync(place.home, home, { recursive: true });
    rmSync(join(home, 'archive'), { recursive: true, force: true });
    writeFileSync(join(home, 'archive'), 'no folder');
    const args = ['parity', '--day', day, '--market', 'simulated', '--json'];
    const unarchived = await place.call(args, { env: { MINUTEHAND_HOME: home } });
    expect(unarchived.stderr).toMatch(/The certificate was not archived\. ARCHIVE_/);
    expect(unarchived.code).toBe(3);
    const certificate = JSON.parse(unarchived.stdout) as Certificate & { readonly file: string };
    expect(certificate).toMatchObject({ mismatches: [], record_error: null });
    expect(readFileSync(certificate.file, 'utf8')).toContain('"verdict"');
    const unwritable = join(place.folder, 'unwritable');
    cpSync(place.home, unwritable, { recursive: true });
    const store = new Database(join(unwritable, 'trainer.db'));
    const [table] = store
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%parity_results'")
      .all() as { name: string }[];
    store.exec(`DROP TABLE "${table!.name}"`);
    store.close();
    const unrecorded = await place.call(args, { env: { MINUTEHAND_HOME: unwritable } });
    expect(unrecorded.stderr).toContain('The store has no record of it: ');
    expect(unrecorded.code).toBe(3);
  },
);

it('minutehand parity verify accepts the signed file only', { timeout: 120_000 }, async () => {
  // By its document.
  const { stdout: input } = await place.run(['parity', '--day', day, '--print-job'], { env: signing });
  const { stdout } = await place.run(['job', 'run', '-', '--json'], { input, env: signing });
  const { file } = JSON.parse(stdout) as { file: string };
  const verify = ['parity', 'verify', file, '--json'];
  expect((await place.call(verify, { env: trusting })).code).toBe(0);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"shard": "main"', '"shard": "Main"'));
  const changed = await place.call(verify, { env: trusting });
  expect([changed.code, changed.stdout]).toEqual([1, expect.stringContaining('PARITY_SIGNATURE')]);
  const [unchecked, missing] = await place.runEach([verify, ['parity', '--day', '2001-01-01', '--json']]);
  expect([unchecked!.code, unchecked!.stdout]).toEqual([1, expect.stringContaining('KEY_UNUSABLE')]);
  expect([missing!.code, missing!.stdout]).toEqual([1, expect.stringContaining('DATA_MISSING')]);
});
