import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createWorkplace, PROGRAM, type Workplace } from '../../../test/cli_process.ts';
import { tinyBars } from '../../../test/tiny_models.ts';
import { bearer, openApiWorkplace, type Answer, type ApiWorkplace } from './api.fixture.ts';

vi.setConfig({ testTimeout: 660_000, hookTimeout: 60_000 });

interface ShownRun {
  readonly run_id: number;
  readonly kind: string;
  readonly status: string;
  readonly error: string | null;
  readonly reasons: readonly string[];
  readonly metrics: Record<string, unknown> | null;
}

/** A search of formulas that is asked for by HTTP, and carried out by the real program. */
describe('POST /api/automl-features/generate', () => {
  let place: Workplace;
  let api: ApiWorkplace;
  let headers: { readonly authorization: string };

  beforeAll(async () => {
    place = createWorkplace();
    // First models would wait for more bars than there are, and are not trained.
    const waiting = { minutehand: { simulated: { history_bars: 1_000_000 } } };
    api = await openApiWorkplace(waiting, async () => undefined, [process.execPath, PROGRAM]);
    vi.stubEnv('MINUTEHAND_HOME', api.folder);
    vi.stubEnv('MINUTEHAND_CONFIG', place.config);
    for (const columns of tinyBars(place.settings).values())
      await api.store.bars.put(place.settings.minutehand.market, columns);
    headers = bearer(await api.token('operator'));
  });
  afterAll(async () => {
    await api.close();
    vi.unstubAllEnvs();
    await place.remove();
  });

  const generate = (body: object): Promise<Answer> =>
    api.ask('POST', '/api/automl-features/generate', { headers, body });
  const newest = async (): Promise<ShownRun> =>
    ((await api.ask('GET', '/api/runs', { headers })).body['runs'] as ShownRun[])[0]!;

  it('searches in a run like a training, which shows what was tested and chosen', async () => {
    const body = {
      symbol: 'all',
      candidates: 6,
      random_state: 4,
      automl_config: { tsfresh: { enabled: true, performance_mode: 'fast' }, featuretools: { enabled: true } },
    };
    const { status, body: run } = await generate(body);
    expect([status, run]).toMatchObject([
      202,
      {
        kind: 'automl',
        trigger: { code: 'request', values: { door: 'api', options: { seed: 4, generators: 'windows,calendar' } } },
      },
    ]);
    expect((await generate(body)).body.error?.code).toBe('RETRAIN_RUNNING');
    await expect.poll(async () => (await newest()).status, { timeout: 600_000, interval: 500 }).not.toBe('running');
    const ended = await newest();
    expect(ended).toMatchObject({ run_id: run['run_id'], kind: 'automl', error: null });
    expect(['found', 'nothing_new']).toContain(ended.status);
    const { tested, surest, rows } = ended.metrics as {
      tested: Record<string, number>;
      surest: object[];
      rows: object;
    };
    expect(tested).toEqual({ windows: 3, calendar: 3 });
    expect(surest).toHaveLength(6);
    expect(rows).toMatchObject({ screened: expect.any(Number) as number });
    const admin = bearer(await api.token('approver'));
    const { entries } = (await api.ask('GET', '/api/audit?limit=3', { headers: admin })).body as { entries?: object[] };
    expect(entries).toContainEqual(expect.objectContaining({ target: `run ${run['run_id'] as number}` }));
  });

  it('refuses what a search would ignore, and does not begin', async () => {
    const { run_id } = await newest();
    const automl_config = { tsfresh: { enabled: true } };
    for (const body of [
      { symbol: 'XAUUSD_XAGUSD', automl_config },
      { symbol: 'all', limit: 1000, automl_config },
      { symbol: 'all', automl_config: { autofeat: { enabled: true, tournament_size: 3 } } },
      { symbol: 'all', candidates: 5, automl_config: { autofeat: { enabled: true, generations: 3 } } },
      { symbol: 'XAUUSD_XAGUSD', candidates: 5 },
      { symbol: 'XAUUSD_XAGUSD', automl_config: { autofeat: { max_gb: 1 } } },
    ]) {
      const { status, body: answer } = await generate(body);
      expect([status, answer.error?.code], JSON.stringify(body)).toEqual([422, 'SETTING_UNSUPPORTED']);
    }
    // A period without bars is refused before a run begins, with what there is.
    const early = { symbol: 'all', start_date: '1999-01-01', end_date: '1999-12-31', automl_config };
    const { status, body: answer } = await generate(early);
    expect([status, answer.error?.code]).toEqual([404, 'DATA_MISSING']);
    expect(answer.error?.message).toContain('a period within those that are there');
    expect((await newest()).run_id).toBe(run_id);
  });
});
