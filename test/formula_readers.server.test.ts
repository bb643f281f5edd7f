import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { computeEvidence } from '../cli/policy_evidence.ts';
import { barAt, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { openJournal, type InputRow } from '../shared/store/journal.ts';
import { bearer, openApiWorkplace, type ApiWorkplace } from '../trainer/control/api/api.fixture.ts';
import { lookAtModels } from '../trainer/control/monitor/look.ts';
import { textsOf } from '../trainer/control/policy/config_texts.ts';
import { activate } from './activate.ts';
import { writeConfig } from './cli_process.ts';
import { tinyBars, tinySettings, type SettingsOverrides } from './tiny_settings.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'];
/** A symbol of no pair: it is fed for an instrument alone. */
const FED = 'NZDUSD';
/** An instrument that has no bars yet. */
const UNFED = 'AUDUSD';
const OWN: SettingsOverrides = {
  minutehand: {
    pairs: PAIRS,
    instruments: [`${FED}@5m`, `${UNFED}@5m`],
    // So much history is required that no first training starts.
    simulated: { history_bars: 1_000_000 },
  },
};
const settings = tinySettings(OWN);
const MINUTES = 1500;
const FORMULAS = {
  symbol: `lead = delta(log(symbol("${FED}").close), 3)`,
  unfed: `lead = delta(log(symbol("${UNFED}").close), 3)`,
};

const recorded = tinyBars(settings, MINUTES);
/** Up to now: without a daemon, the newest minutes are those of the clock. */
const shift = 60 * Math.floor(Date.now() / 60_000) - recorded.get('XAGUSD')!.time.at(-1)!;
const bars: ReadonlyMap<string, BarColumns> = new Map(
  [...recorded, [FED, { ...recorded.get('XAGUSD')!, symbol: FED }] as const].map(([symbol, columns]) => [
    symbol,
    { ...columns, time: columns.time.map((time) => time + shift) },
  ]),
);

let api: ApiWorkplace;
const versions = {} as Record<keyof typeof FORMULAS, string>;
beforeAll(async () => {
  api = await openApiWorkplace(OWN, (paths) => {
    for (const [i, [name, formulas]] of Object.entries(FORMULAS).entries()) {
      const schema = featureSchema({ ...settings.minutehand.windows, formulas });
      const created = new Date(Date.UTC(2024, 0, 1 + i));
      const options = { schema, trees: 5, leaves: 4, seed: name, pairs: PAIRS, created };
      const version = basename(writeRandomBundle(paths.models, options));
      const path = join(paths.models, version, 'manifest.json');
      const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
      const period = { from: '2000-01-01T00:00Z', to: '2000-01-05T00:00Z', holdout_from: '2000-01-04T00:00Z' };
      writeFileSync(path, JSON.stringify({ ...manifest, period }));
      versions[name as keyof typeof FORMULAS] = version;
    }
    const journal = openJournal(paths.journal('simulated', 'main'));
    journal.append(inputsOf(bars), []);
    journal.close();
    return Promise.resolve();
  });
});
afterAll(() => api.close());

function inputsOf(all: ReadonlyMap<string, BarColumns>): InputRow[] {
  return [...all].flatMap(([subject, columns]) =>
    Array.from({ length: columns.length }, (_, i): InputRow => {
      const bar = barAt(columns, i);
      return { kind: 'bar', subject, time: bar.time, bar, backfill: false };
    }),
  );
}

/** Of the features of a pair over its newest minutes, by name. */
async function statisticsOf(symbol: string): Promise<Record<string, { last: number | null; missing: number }>> {
  const headers = bearer(await api.token('operator'));
  const answer = await api.ask('POST', '/api/automl-features/generate', { headers, body: { symbol, limit: 100 } });
  expect(answer.status, answer.text).toBe(200);
  return answer.body['statistics'] as Record<string, { last: number | null; missing: number }>;
}

function expectLead(last: number | null): void {
  const { close, length } = bars.get(FED)!;
  expect(last).toBeCloseTo(Math.log(close[length - 2]! / close[length - 5]!), 12);
}

describe('formulas of the bundle in use', () => {
  it('that read a symbol of an instrument are among the features of a pair', async () => {
    activate(api.paths.models, versions.symbol);
    for (const pair of PAIRS) expectLead((await statisticsOf(pair))['lead']!.last);
  });

  it('are tried on the page Formulas as other formulas are; a symbol without any bar is told', async () => {
    const headers = bearer(await api.token('viewer'));
    const tried = (formula: string) => {
      const query = new URLSearchParams({ subject: PAIRS[0]!, formula, days: '1' });
      return api.ask('GET', `/api/formulas?${query.toString()}`, { headers });
    };
    const lead = await tried(`delta(log(symbol("${FED}").close), 3)`);
    expect(lead.status, lead.text).toBe(200);
    expect(lead.body).toMatchObject({ fault: null, tried: { distribution: { bars: 1441, values: 1441 } } });
    const { status, body } = await tried('symbol("USDJPY").close / a.close');
    expect([status, body.error!.code]).toEqual([404, 'DATA_MISSING']);
  });

  it('that read a symbol of an instrument have its bars when the monitor looks at the active models', async () => {
    activate(api.paths.models, versions.symbol);
    const report = await lookAtModels({
      settings,
      modelsFolder: api.paths.models,
      journals: [api.paths.journal('simulated', 'main')],
      storeUrl: null,
      nowMs: Date.now(),
    });
    expect(report).toMatchObject({ version: versions.symbol, new_bars: expect.any(Number) as number });
  });

  it('that read a symbol of an instrument have its bars in the evidence of a policy change', async () => {
    activate(api.paths.models, versions.symbol);
    const config = join(api.folder, 'config');
    writeConfig(config, tinySettings({ ...OWN, minutehand: { ...OWN.minutehand, decision: { z_entry: 2.4 } } }));
    const texts = textsOf(loadSettings({ configDir: config, env: {} }));
    const { store, paths } = api;
    const found = await computeEvidence({ before: settings, texts, paths, store, onProgress: () => undefined });
    expect(found).toMatchObject({ check: { ok: true }, backtest: { error: null }, replay: { error: null } });
  });

  it('that read a symbol without bars refuse a training at once: nothing could be compared with them', async () => {
    const headers = bearer(await api.token('operator'));
    activate(api.paths.models, versions.unfed);
    const { status, body } = await api.ask('POST', '/api/ml-training/train', { headers, body: { kind: 'full' } });
    expect([status, body.error!.code]).toEqual([422, 'COMPARISON_IMPOSSIBLE']);
    expect(body.error!.message).toContain(`no bars of ${UNFED}`);
  });
});
