import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Certificate } from '../cli/parity/certificate.ts';
import { activate } from '../shared/bundle/bundle.ts';
import { openJournal } from '../shared/store/journal.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { trainTinyModels } from './tiny_models.ts';

let place: Workplace;
let daemon: Running;
let day: string;
let signing: NodeJS.ProcessEnv;
let trusting: NodeJS.ProcessEnv;
beforeAll(async () => {
  place = createWorkplace({ minutehand: { simulated: { history_bars: 100, bar_interval_ms: 10 } } });
  activate(place.models, (await trainTinyModels(place.models)).version);
  daemon = place.start(['daemon']);
  await eventually(
    () => `a daemon that has published for a while: ${daemon.stderr()}`,
    async () => (await place.run(['status', '--json'])).stdout.includes('"mode":"OK"'),
  );
  await eventually('600 signals', () => publishedDay(join(place.home, 'simulated_main.db')));
  const [key, trusted] = [join(place.folder, 'key.pem'), join(place.folder, 'public.pem')];
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
    const run = await place.run(['parity', '--day', day, '--market', 'simulated', '--json']);
    const certificate = JSON.parse(run.stdout) as Certificate & { readonly file: string };
    expect(run.code, JSON.stringify(certificate.mismatches)).toBe(0);
    expect(certificate).toMatchObject({ day, mismatches: [], replay: { different: 0 } });
    expect(['EQUAL', 'EXPLAINED']).toContain(certificate.verdict);
    for (const { equal } of Object.values(certificate.decisions)) expect(equal).toBeGreaterThan(100);
    expect(readFileSync(certificate.file.replace('.json', '.html'), 'utf8')).toContain(certificate.verdict);
    const kept = await store.db.selectFrom('core.parity_results').selectAll().execute();
    await store.close();
    const { verdict, replay } = certificate;
    const result = { verdict, signals: replay.signals, equal_signals: replay.equal, mismatches: 0 };
    expect(kept).toMatchObject([{ market: 'simulated', shard: 'main', day, ...result }]);
  },
);

it('minutehand parity verify accepts the signed file only', { timeout: 120_000 }, async () => {
  daemon.kill('SIGTERM');
  await daemon.ended;
  const { stdout } = await place.run(['parity', '--day', day, '--json'], { env: signing });
  const { file } = JSON.parse(stdout) as { file: string };
  const verify = ['parity', 'verify', file, '--json'];
  expect((await place.run(verify, { env: trusting })).code).toBe(0);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"shard": "main"', '"shard": "Main"'));
  const changed = await place.run(verify, { env: trusting });
  expect([changed.code, changed.stdout]).toEqual([1, expect.stringContaining('PARITY_SIGNATURE')]);
  const [unchecked, missing] = await place.runEach([verify, ['parity', '--day', '2001-01-01', '--json']]);
  expect([unchecked!.code, unchecked!.stdout]).toEqual([1, expect.stringContaining('KEY_UNUSABLE')]);
  expect([missing!.code, missing!.stdout]).toEqual([1, expect.stringContaining('DATA_MISSING')]);
});
