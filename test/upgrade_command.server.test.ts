import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { homePaths } from '../shared/home.ts';
import { packageManifest } from '../shared/root.ts';
import { Database } from '../shared/store/sqlite.ts';
import { openStore } from '../trainer/store/store.ts';
import { activate } from './activate.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const { version } = packageManifest();

let place: Workplace;
let store: string;
beforeEach(() => {
  place = createWorkplace();
  store = homePaths({ MINUTEHAND_HOME: place.home }).trainer;
});
afterEach(() => place.remove());

interface Answer {
  readonly ok: boolean;
  readonly findings: readonly { readonly what: string; readonly verdict: string; readonly detail: string }[];
}

async function check(): Promise<{
  code: number | string;
  verdicts: Record<string, string>;
  detail: (what: string) => string;
}> {
  const { code, stdout } = await place.run(['upgrade', '--check', '--json']);
  const { ok, findings } = JSON.parse(stdout) as Answer;
  expect(ok).toBe(code === 0);
  return {
    code,
    verdicts: Object.fromEntries(findings.map(({ what, verdict }) => [what, verdict])),
    detail: (what) => findings.find((one) => one.what === what)!.detail,
  };
}

function write(statement: string): void {
  const db = new Database(store);
  db.exec(statement);
  db.close();
}

describe('minutehand upgrade --check', () => {
  it('finds nothing in the way of a fresh home, and of one that a daemon and a trainer of this version use', async () => {
    const fresh = await check();
    expect([fresh.code, fresh.verdicts]).toEqual([
      0,
      {
        'this program': 'ok',
        configuration: 'ok',
        store: 'ok',
        models: 'warning',
        'journal main': 'ok',
        'daemon main': 'ok',
        trainer: 'ok',
      },
    ]);
    const { version: models } = await tinyModels(place.models, { settings: place.settings });
    activate(place.models, models);
    const daemon = place.start(['daemon']);
    const trainer = place.start(['trainer']);
    await expect
      .poll(() => daemon.stdout() + trainer.stdout(), { timeout: 60_000 })
      .toMatch(/Daemon listens[\s\S]*Trainer listens|Trainer listens[\s\S]*Daemon listens/);
    const used = await check();
    expect(used.verdicts).toEqual({ ...fresh.verdicts, models: 'ok' });
    expect(used.code).toBe(0);
    expect(used.detail('daemon main')).toBe(`runs ${version}, the version of this program, without a standby`);
    expect(used.detail('trainer')).toBe(`runs ${version}, the version of this program`);
  });

  it('refuses a store of a later version, a damaged one, a damaged journal, and models of other features', async () => {
    await (await openStore(store)).close();
    write("INSERT INTO core_migrations VALUES (999, 'of later', 0, NULL, 'later')");
    const later = await check();
    expect([later.code, later.verdicts['store']]).toEqual([1, 'error']);
    writeFileSync(store, 'no database');
    const journal = homePaths({ MINUTEHAND_HOME: place.home }).journal(place.settings.minutehand.market, 'main');
    mkdirSync(dirname(journal), { recursive: true });
    writeFileSync(journal, 'no journal');
    const { minutehand } = place.settings;
    const windows = { ...minutehand.windows, beta_window: minutehand.windows.beta_window + 1 };
    const settings = { ...place.settings, minutehand: { ...minutehand, windows } };
    const { version: models } = await tinyModels(place.models, { settings });
    activate(place.models, models);
    const broken = await check();
    expect(broken.code).toBe(1);
    expect(broken.verdicts).toMatchObject({
      store: 'error',
      'journal main': 'error',
      models: 'error',
      configuration: 'ok',
    });
    expect(broken.detail('models')).toContain('MODEL_SCHEMA');
  });

  it('refuses a configuration that this version does not accept, and to replace anything itself', async () => {
    writeFileSync(join(place.config, 'core_policy.yaml'), 'theta1_initial: {value: 7}\n');
    expect((await check()).verdicts).toMatchObject({ configuration: 'error' });
    const bare = await place.run(['upgrade']);
    expect([bare.code, bare.stderr]).toEqual([2, expect.stringContaining('upgrade --check') as string]);
  });
});
