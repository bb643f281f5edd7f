import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parsePair } from '../shared/pair.ts';
import type { RetrainRun } from '../trainer/control/schedule/run.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { computedRows } from '../trainer/learning/feature_checks/computed_rows.ts';
import { LABEL_COLUMNS } from '../trainer/learning/feature_table/feature_table.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 1_200_000, hookTimeout: 120_000 });

/** The table is written up to this many minutes before the newest bar. */
const BEHIND = 120;
const FEW = { rounds: 5 };

/**
 * A trainer whose policy names a table of PostgreSQL. Its features are those of the bars, its label of AI1 is turned
 * around, so that a run shows which of the two it has learned: the label it is measured on comes from the bars.
 */
describe(`features and labels of a table of PostgreSQL${POSTGRES_NOTE}`, () => {
  let place: Workplace;
  let server: PostgresServer | null = null;
  let port = 0;
  let headers: Readonly<Record<string, string>> = {};
  let end = 0;

  beforeAll(async () => {
    server = await startPostgres();
    if (server === null) return;
    place = createWorkplace({
      retrain: { retrain_features: 'table:research.pair_features' },
      minutehand: {
        pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'],
        train: { ai1: FEW, ai2: FEW, ai3: FEW, folds: 2 },
        search: { trials: 0, theta_evaluations: 0 },
      },
    });
    const { settings } = place;
    const bars = tinyBars(settings);
    const url = await server.createDatabase();
    const store = await openStore(url);
    for (const columns of bars.values()) await store.bars.put('simulated', columns);
    await store.close();

    const policy = datasetPolicy(settings);
    const names = featureSchema(policy.windows).definitions.map(({ name }) => name);
    const research = await server.createDatabase();
    const client = new pg.Client({ connectionString: research });
    await client.connect();
    // A time without a zone is in UTC, wherever the trainer runs.
    const columns = [
      'pair_id text',
      'time timestamp',
      ...[...names, ...LABEL_COLUMNS].map((name) => `"${name}" double precision`),
    ];
    await client.query('CREATE SCHEMA research');
    await client.query(`CREATE TABLE research.pair_features (${columns.join(', ')})`);
    for (const pair of settings.minutehand.pairs.map(parsePair)) {
      const rows = computedRows(pair, bars.get(pair.a)!, bars.get(pair.b)!, policy);
      end = rows.time[rows.length - 1 - BEHIND]!;
      const values: string[] = [];
      for (let row = 0; row < rows.length - BEHIND; row++) {
        const own = rows.features.subarray(row * names.length, (row + 1) * names.length);
        const labels = LABEL_COLUMNS.map((name) =>
          name === 'ai1' ? 1 - rows.labels![name][row]! : rows.labels![name][row]!,
        );
        const cells = [...own, ...labels].map((value) => (Number.isNaN(value) ? 'NULL' : String(value)));
        values.push(`('${pair.id}', to_timestamp(${rows.time[row]}) AT TIME ZONE 'UTC', ${cells.join(', ')})`);
      }
      for (let from = 0; from < values.length; from += 500)
        await client.query(`INSERT INTO research.pair_features VALUES ${values.slice(from, from + 500).join(', ')}`);
    }
    await client.end();

    const env = { MINUTEHAND_DATABASE_URL: url };
    const token = await place.run(['token', 'create', '--role', 'operator', '--json'], { env });
    headers = { authorization: `Bearer ${(JSON.parse(token.stdout) as { token: string }).token}` };
    const trainer = place.start(['trainer', '--json'], {
      ...env,
      MINUTEHAND_FEATURES_URL: research,
      MINUTEHAND_MARKET: 'simulated',
      TZ: 'Asia/Tokyo',
    });
    const ready = await eventually('the trainer', () => trainer.stdout() || undefined);
    ({ port } = JSON.parse(ready) as { port: number });
  });
  afterAll(async () => {
    await place?.remove();
    await server?.stop();
  });

  async function ask(path: string, body?: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  }

  /** AUC of AI1 on the holdout, of the label that the bars give, and the run. */
  async function ended({ status, json }: Awaited<ReturnType<typeof ask>>): Promise<{ auc: number; run: RetrainRun }> {
    expect(status, JSON.stringify(json)).toBe(202);
    let run: RetrainRun | undefined;
    await expect
      .poll(
        async () => {
          const response = await fetch(`http://127.0.0.1:${port}/runs`, {
            headers,
          });
          const { runs } = (await response.json()) as { runs: RetrainRun[] };
          run = runs.find(({ run_id, finished_at }) => run_id === json['run_id'] && finished_at !== null);
          return run !== undefined;
        },
        { timeout: 500_000, interval: 200 },
      )
      .toBe(true);
    expect(run!.error).toBeNull();
    const { ai1 } = run!.metrics as { ai1: { auc: number } };
    return { auc: ai1.auc, run: run! };
  }

  it('is what a run of the policy learns from, up to its newest row, and what a request may replace', async ({
    skip,
  }) => {
    if (server === null) return skip(POSTGRES_NOTE);
    const byPolicy = await ended(await ask('/retrain?kind=full'));
    expect(byPolicy.auc).toBeLessThan(0.5);
    expect(Date.parse(byPolicy.run.data_to!) / 1000).toBeLessThanOrEqual(end + 60);
    const single = { single_model_config: { model_type: 'gbdt' } };
    const ofBars = await ended(await ask('/api/ml/train', { ...single, features: 'bars' }));
    expect(ofBars.auc).toBeGreaterThan(0.5);
    expect(Date.parse(ofBars.run.data_to!) / 1000).toBeGreaterThan(end + 60);
  });

  it('names no table of the store, no file and no address by a request', async ({ skip }) => {
    if (server === null) return skip(POSTGRES_NOTE);
    for (const features of ['table:core.api_tokens', '/etc/passwd', 'postgres://127.0.0.1/x?table=a.b', 'table:x'])
      expect((await ask('/api/ml/train', { features })).status, features).toBe(400);
    const ofInstrument = await ask('/api/ml/train', { symbol: 'BTC/USDT', features: 'bars' });
    expect(ofInstrument.json).toMatchObject({ error: { code: 'SETTING_UNSUPPORTED' } });
  });
});
