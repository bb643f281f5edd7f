import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { activate, readActive, readBundle, readManifest, writeBundle } from '../shared/bundle/bundle.ts';
import { MONITOR_FILE, VALIDATION_FILE } from '../shared/bundle/manifest.ts';
import { readModelsFile } from '../shared/bundle/models_file.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import type { RetrainRun } from '../trainer/schedule/run.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { IS_LONG, LONG_NOTE } from './long.ts';
import { TINY_MINUTES, tinyBars, trainTinyModels, type SettingsOverrides } from './tiny_models.ts';

const LONG_MS = 600_000;
/** Only the streak calls for a training; the first look comes a minute after the start. */
const OVERRIDES: SettingsOverrides = {
  core: { theta_step: 0.1 },
  retrain: {
    monitor_minutes: 1,
    pass_rate_range: [0, 1],
    drift_psi_max: null,
    drift_mean_shift_max: null,
    drift_metric_gap: null,
    model_max_age_days: null,
  },
  minutehand: { search: { min_trades: 5 } },
};

let place: Workplace;
let server: Server;
/** `trigger risk_streak` … as they arrived. */
const told: string[] = [];
const heard: Signal[] = [];

/** Models whose θ2 lets no candidate pass, though most did when it was chosen; newer bars are in the store. */
async function plant(): Promise<string> {
  const { settings, models, home } = place;
  const store = await openStore(join(home, 'trainer.db'));
  for (const columns of tinyBars(settings, TINY_MINUTES + 3000).values()) await store.bars.put('live', columns);
  await store.close();
  const trained = await trainTinyModels(models, { settings, market: 'live' });
  const { manifest, models: trees } = readBundle(trained.path);
  const { format: _f, version: _v, created: _c, files: _files, ...kept } = manifest;
  const report = (name: string): object =>
    JSON.parse(readModelsFile(join(trained.path, name), 'content').toString('utf8')) as object;
  const sharpe = { net_sharpe: 1, expected_max_sharpe: 0, probabilistic_sharpe: 1, deflated_sharpe: 1 };
  const thresholds = { tried: 1, allowed: 1, chosen: true, trades: 10, pass_rate: 0.9, ...sharpe };
  const path = writeBundle(models, new Date('2024-01-06T12:00:00Z'), {
    manifest: { ...kept, theta2: 0, search: { ai1: null, thresholds } },
    models: trees,
    reports: { [VALIDATION_FILE]: report(VALIDATION_FILE), [MONITOR_FILE]: report(MONITOR_FILE) },
    card: () => '# Planted\n',
  });
  const { version } = readManifest(path);
  activate(models, version);
  return version;
}

beforeAll(async () => {
  if (!IS_LONG) return;
  server = createServer((request, response) => {
    void text(request).then((body) => {
      const { messages } = JSON.parse(body) as { messages: { action: string; event: string }[] };
      for (const { action, event } of messages) told.push(`${action} ${event}`);
      response.end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  place = createWorkplace(OVERRIDES);
});
afterAll(async () => {
  if (!IS_LONG) return;
  await place.remove();
  server.close();
});

describe.runIf(IS_LONG)(`a streak of risk flags ${LONG_NOTE}`, { timeout: LONG_MS }, () => {
  it('is told, θ2 alone is searched again, adopted and in the next signals, and then the alert is over', async () => {
    const planted = await plant();
    const daemon = place.start(['daemon', '--json']);
    const line = await eventually(
      () => `the port of the daemon: ${daemon.stdout()} ${daemon.stderr()}`,
      () =>
        daemon
          .stdout()
          .split('\n')
          .find((one) => one.includes('"port"')),
    );
    const { port } = JSON.parse(line) as { port: number };
    const socket = new WebSocket(`ws://127.0.0.1:${port}/signals`);
    socket.on('message', (data: Buffer) => heard.push(verifySignal(data.toString('utf8'))));
    socket.on('error', () => undefined);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const trainer = place.start(['trainer', '--market', 'live', '--json'], { MINUTEHAND_WEBHOOK_URL: url });
    const ready = JSON.parse(await eventually('the trainer', () => trainer.stdout())) as { port: number };
    const runs = async (): Promise<RetrainRun[]> => {
      const response = await fetch(`http://127.0.0.1:${ready.port}/runs`);
      return ((await response.json()) as { runs: RetrainRun[] }).runs;
    };
    await expect.poll(() => told, { timeout: LONG_MS }).toContain('trigger risk_streak');
    await expect.poll(async () => (await runs())[0]?.status, { timeout: LONG_MS }).toBe('adopted');
    const [run, ...others] = await runs();
    expect(others).toEqual([]);
    expect(run).toMatchObject({ kind: 'thresholds', previous_version: planted, error: null });
    expect(run!.trigger).toMatch(/^monitor: risk streak: risk_flag 1 at the last \d+ candidates/);
    const { version, previous } = readActive(place.models)!;
    expect(previous).toBe(planted);
    const { theta1, theta2 } = readManifest(join(place.models, version));
    expect(theta2).toBeGreaterThan(0);
    await eventually('a signal of the new θ2', () => heard.at(-1)?.model_version === version);
    expect(heard.at(-1)).toMatchObject({ theta1, theta2 });
    expect(heard.find(({ model_version }) => model_version === planted)).toMatchObject({ theta1, theta2: 0 });
    expect(heard.some((one) => one.model_version === version && one.risk_flag === 0)).toBe(true);
    await expect.poll(() => told, { timeout: LONG_MS }).toContain('resolve risk_streak');
    expect(told).toContain('trigger retrain_adopted');
  });
});
