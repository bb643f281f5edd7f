import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DirectionLeague } from '../trainer/jobs/strategies/direction/run_league.ts';
import type { LeagueOutcome } from '../trainer/jobs/kinds/run_league.ts';
import { openStore } from '../trainer/store/store.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { hoursOf } from './random_hours.fixture.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

const SYMBOL = 'BTCUSDT';

/** The parts that are looked at. */
interface Answered {
  readonly job_id: number;
  readonly status: string;
  readonly error: unknown;
  readonly kind: string;
  readonly result: unknown;
  readonly leagues: readonly { readonly kind: string; readonly entrants: readonly string[]; readonly job: Document }[];
  readonly events: readonly { readonly type: string }[];
}
interface Document {
  readonly parameters: object;
  readonly resources: object;
}

describe('leagues by the API of a running trainer', () => {
  let place: Workplace;
  let port: number;
  const tokens: Record<string, string> = {};

  beforeAll(async () => {
    place = createWorkplace();
    // Without models, a first training would take the core of the leagues.
    const { version } = await tinyModels(place.models, { settings: place.settings });
    activate(place.models, version);
    const store = await openStore(join(place.home, 'trainer.db'));
    for (const columns of tinyBars(place.settings).values()) await store.bars.put('simulated', columns);
    await store.bars.put('simulated', hoursOf(SYMBOL, 1800));
    await store.close();
    for (const role of ['viewer', 'operator']) {
      const made = await place.call(['token', 'create', '--role', role, '--name', role, '--json']);
      tokens[role] = (JSON.parse(made.stdout) as { token: string }).token;
    }
    const trainer = place.start(['trainer', '--json'], { MINUTEHAND_MARKET: 'simulated' });
    const ready = await eventually(trainer.stderr, () => trainer.stdout());
    ({ port } = JSON.parse(ready) as { port: number });
  });
  afterAll(() => place?.remove());

  async function ask(
    method: 'GET' | 'POST',
    path: string,
    { role = 'operator', body }: { readonly role?: string; readonly body?: object } = {},
  ): Promise<{ status: number; json: Answered }> {
    const text = body === undefined ? null : JSON.stringify(body);
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${tokens[role]!}`,
        ...(text !== null && { 'content-type': 'application/json' }),
      },
      body: text,
    });
    return { status: response.status, json: (await response.json()) as Answered };
  }

  const codeOf = ({ json }: Awaited<ReturnType<typeof ask>>): string => (json.error as { code: string }).code;
  const jobOf = async (id: number): Promise<Answered> => (await ask('GET', `/api/jobs/${id}`, { role: 'viewer' })).json;

  async function ended(id: number): Promise<Answered> {
    return await eventually(
      `the end of job ${id}`,
      async () => {
        const job = await jobOf(id);
        return ['done', 'failed', 'canceled', 'killed'].includes(job.status) ? job : undefined;
      },
      8,
    );
  }

  /** A document as the server offers it, with these parameters. */
  async function usual(kind: 'league' | 'direction_league', parameters: object, changed: object = {}): Promise<object> {
    const { json } = await ask('GET', '/api/leagues', { role: 'viewer' });
    const { job } = json.leagues.find((own) => own.kind === kind)!;
    return { ...job, ...changed, parameters: { ...job.parameters, ...parameters } };
  }

  it('queues a league, says that it has no result yet, and answers with all figures when it has ended', async () => {
    const job = await usual('league', { entrants: ['prior', 'logistic', 'gbdt'] });
    const refused = await ask('POST', '/api/jobs', { role: 'viewer', body: { job } });
    expect(refused.status).toBe(403);
    const { status, json } = await ask('POST', '/api/jobs', { body: { job } });
    expect([status, json.status, json.kind]).toEqual([202, 'queued', 'league']);
    const early = await ask('GET', `/api/jobs/${json.job_id}/result`);
    expect([early.status, codeOf(early)]).toEqual([404, 'JOB_NO_RESULT']);
    expect(await ended(json.job_id)).toMatchObject({ status: 'done', error: null });

    const answered = await ask('GET', `/api/jobs/${json.job_id}/result`, { role: 'viewer' });
    expect([answered.status, answered.json.kind]).toEqual([200, 'league']);
    const result = answered.json.result as LeagueOutcome;
    expect(result.entrants.map(({ name }) => name).sort()).toEqual(['gbdt', 'logistic', 'prior']);
    expect(result).toMatchObject({ market: 'recorded', failed: [], taken_over: [] });
    // The training of the active models may have been counted before.
    expect(Math.min(result.holdout_looks, result.trials)).toBeGreaterThanOrEqual(3);
    // What the schema of the API does not know would be missing.
    const store = await openStore(join(place.home, 'trainer.db'));
    const kept = await store.db.selectFrom('core.job_results').selectAll().execute();
    await store.close();
    expect(kept.map(({ job_id }) => Number(job_id))).toEqual([json.job_id]);
    expect(result).toEqual(JSON.parse(kept[0]!.result));
  });

  it('queues a league of ways to learn the direction, and answers with all figures', async () => {
    const job = await usual('direction_league', { entrants: ['gbdt', 'gbdt@none'] }, { symbols: [SYMBOL] });
    const { status, json } = await ask('POST', '/api/jobs', { body: { job } });
    expect([status, json.kind]).toEqual([202, 'direction_league']);
    expect(await ended(json.job_id)).toMatchObject({ status: 'done', error: null });
    const answered = await ask('GET', `/api/jobs/${json.job_id}/result`);
    expect([answered.status, answered.json.kind]).toEqual([200, 'direction_league']);
    const result = answered.json.result as DirectionLeague;
    expect(result.entrants.map(({ name }) => name)).toEqual(['gbdt', 'gbdt@none']);
    expect(result).toMatchObject({ timeframe: '1h', symbols: [SYMBOL], failed: [], look: 1 });
    const store = await openStore(join(place.home, 'trainer.db'));
    const kept = await store.db
      .selectFrom('core.job_results')
      .selectAll()
      .where('job_id', '=', json.job_id)
      .executeTakeFirstOrThrow();
    await store.close();
    expect(result).toEqual(JSON.parse(kept.result));
  });

  it('cancels a running league, which has no result then', async () => {
    const job = await usual('league', { entrants: ['prior', 'gbdt', 'bagging', 'stacking', 'vote'], seeds: 20 });
    const { json } = await ask('POST', '/api/jobs', { body: { job } });
    await eventually('a running league', async () => (await jobOf(json.job_id)).status === 'running');
    const canceled = await ask('POST', `/api/jobs/${json.job_id}/cancel`);
    expect(canceled.status).toBe(202);
    expect(await ended(json.job_id)).toMatchObject({ status: 'canceled' });
    expect(codeOf(await ask('GET', `/api/jobs/${json.job_id}/result`))).toBe('JOB_NO_RESULT');
    const again = await ask('POST', `/api/jobs/${json.job_id}/cancel`);
    expect([again.status, codeOf(again)]).toEqual([409, 'JOB_ENDED']);
  });

  it('refuses documents that are wrong, by a code and the place of the fault', async () => {
    const faults: readonly (readonly [object, string, RegExp])[] = [
      [await usual('league', { entrants: ['prior'] }), 'JOB_INVALID', /job\.parameters\.entrants/],
      [await usual('league', { entrants: ['prior', 'magic'] }), 'JOB_INVALID', /job\.parameters\.entrants/],
      [await usual('league', { entrants: ['prior', 'prior'] }), 'JOB_INVALID', /each entrant once/],
      [await usual('league', { seeds: 21 }), 'JOB_INVALID', /job\.parameters\.seeds/],
      [await usual('league', {}, { source: { folder: '/srv/bars' } }), 'JOB_INVALID', /job\.source\.folder/],
      [await usual('league', {}, { output: { folder: null } }), 'JOB_INVALID', /output/],
      [await usual('league', {}, { kind: 'train' }), 'JOB_INVALID', /job\.kind/],
      [await usual('league', {}, { market: 'live' }), 'MODEL_MARKET', /live/],
      [await usual('direction_league', { entrants: ['gbdt'] }), 'JOB_INVALID', /one more than gbdt/],
      [await usual('direction_league', {}, { symbols: [] }), 'JOB_INVALID', /job\.symbols/],
      [
        await usual('direction_league', {}, { source: { folder: null, series: '/srv/series' } }),
        'JOB_INVALID',
        /job\.source\.series/,
      ],
    ];
    for (const [job, code, text] of faults) {
      const answer = await ask('POST', '/api/jobs', { body: { job } });
      expect([answer.status >= 400, codeOf(answer), JSON.stringify(answer.json)]).toEqual([
        true,
        code,
        expect.stringMatching(text),
      ]);
    }
    expect(codeOf(await ask('GET', '/api/jobs/77/result'))).toBe('JOB_UNKNOWN');
  });
});
