import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listVersions, readActive } from '../shared/bundle/bundle.ts';
import { readRollout } from '../shared/bundle/rollout.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore, type Store } from '../trainer/store/store.ts';
import { ADOPTABLE, storeBars } from './adoptable_settings.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { skipNote } from './skip_note.ts';

const postgres: PostgresServer | null = await startPostgres();
/** At most, so that a run that waits at each of them still ends. */
const MOST_RESTARTS = 30;
/** For which the server is up between two restarts at most: about what one opening of the store takes. */
const UP_MS = 600;
const note = skipNote(postgres === null, POSTGRES_NOTE);

/** Restarts of the server while the bundle of a run is judged, registered, and made active or challenger. */
describe.runIf(postgres !== null)(`PostgreSQL restarts while models are adopted${note}`, () => {
  let place: Workplace;
  let trainer: Running;
  let store: Store;
  let port: number;

  beforeAll(async () => {
    place = createWorkplace({ ...ADOPTABLE, retrain: { ...ADOPTABLE.retrain, adopt_by: 'rollout' } });
    const url = await postgres!.createDatabase();
    await storeBars(url, place.settings);
    store = await openStore(url);
    trainer = place.start(['trainer'], { MINUTEHAND_DATABASE_URL: url });
    const path = join(place.home, 'trainer.json');
    port = await eventually(trainer.stderr, () =>
      existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { port: number }).port : undefined,
    );
  });
  afterAll(async () => {
    await store?.close();
    await place?.remove();
    await postgres?.stop();
  });

  interface Run {
    readonly run_id: number;
    readonly status: string;
    readonly model_version: string | null;
    readonly error: string | null;
    readonly reasons: string;
  }

  /** The newest run. */
  async function lastRun(): Promise<Run> {
    return await whenUp(() =>
      store.db
        .selectFrom('core.training_runs')
        .select(['run_id', 'status', 'model_version', 'error', 'reasons'])
        .orderBy('run_id', 'desc')
        .executeTakeFirstOrThrow(),
    );
  }

  /** @returns the run that was asked for once it has ended, and how often the server was restarted meanwhile */
  async function retrainWithRestarts(): Promise<{ readonly run: Run; readonly restarts: number }> {
    const asked = await whenUp(() => fetch(`http://127.0.0.1:${port}/retrain`, { method: 'POST' }));
    expect(asked.status).toBe(202);
    const { run_id } = (await asked.json()) as Pick<Run, 'run_id'>;
    for (let restarts = 0; ;) {
      const run = await lastRun();
      expect(run.run_id).toBe(run_id);
      if (!['running', 'queued'].includes(run.status)) return { run, restarts };
      // What follows the fits: its bundle is written, then registered and adopted.
      if (isMade() && restarts < MOST_RESTARTS) {
        await postgres!.restart();
        restarts++;
        await sleep(UP_MS * Math.random());
      } else await sleep(50);
    }
  }

  let known: readonly string[] = [];
  const isMade = (): boolean => listVersions(place.models).some((version) => !known.includes(version));

  async function rows() {
    return await whenUp(async () => ({
      models: await store.db
        .selectFrom('core.model_registry')
        .select(['version', 'status'])
        .orderBy('created')
        .execute(),
      events: await store.db
        .selectFrom('core.model_events')
        .select(['kind', 'version', 'previous_version'])
        .orderBy('event_id')
        .execute(),
    }));
  }

  it('each change stands once, and the pointer is that of the registry', { timeout: 600_000 }, async () => {
    const first = await retrainWithRestarts();
    expect(first.run, JSON.stringify(first.run)).toMatchObject({ status: 'adopted', error: null });
    expect(first.restarts).toBeGreaterThan(1);
    const champion = first.run.model_version!;
    expect(readActive(place.models)).toMatchObject({ version: champion, previous: null });
    const adopted = { kind: 'adopted', version: champion, previous_version: null };
    expect(await rows()).toEqual({ models: [{ version: champion, status: 'active' }], events: [adopted] });

    known = listVersions(place.models);
    const second = await retrainWithRestarts();
    expect(second.run, JSON.stringify(second.run)).toMatchObject({ status: 'rollout_started', error: null });
    expect(second.restarts).toBeGreaterThan(1);
    const challenger = second.run.model_version!;
    expect(readActive(place.models)).toMatchObject({ version: champion });
    expect(readRollout(place.models)).toMatchObject({ champion, challenger, status: 'active' });
    expect(await rows()).toEqual({
      models: [
        { version: champion, status: 'active' },
        { version: challenger, status: 'candidate' },
      ],
      events: [adopted, { kind: 'rollout_started', version: challenger, previous_version: champion }],
    });
  });
});

/** Repeats a question that fails while the server restarts. */
async function whenUp<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === 200) throw error;
      await sleep(100);
    }
  }
}
