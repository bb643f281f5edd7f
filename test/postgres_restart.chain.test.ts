import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../shared/sha256.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore, type Store } from '../trainer/store/store.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { skipNote } from './skip_note.ts';
import { tinyBars } from './tiny_settings.ts';

const postgres: PostgresServer | null = await startPostgres();
const redis: RedisServer | null = await startRedis();
/** Of PostgreSQL, as fast as it goes; then the training can end. */
const RESTARTS = 8;
const note = skipNote(postgres === null || redis === null, postgres === null ? POSTGRES_NOTE : REDIS_NOTE);

describe.runIf(postgres !== null && redis !== null)(`a training whose PostgreSQL restarts${note}`, () => {
  let place: Workplace;
  let trainer: Running;
  let worker: Running;
  let store: Store;
  let env: NodeJS.ProcessEnv;
  let bars: string;

  beforeAll(async () => {
    place = createWorkplace({ minutehand: { market: 'live' } });
    const blobs = join(place.folder, 'blobs');
    mkdirSync(blobs);
    const url = await postgres!.createDatabase();
    env = {
      MINUTEHAND_DATABASE_URL: url,
      MINUTEHAND_QUEUE: 'bullmq',
      MINUTEHAND_REDIS_URL: redis!.url,
      MINUTEHAND_BLOBS: blobs,
    };
    store = await openStore(url);
    bars = await place.writeBars('bars', tinyBars(place.settings));
    const imported = await place.run(['bars', 'import', bars, '--timezone', 'UTC'], { env });
    expect(imported.code, imported.stderr + imported.stdout).toBe(0);
    worker = place.start(['worker', '--slots', '1', '--name', 'far', '--priority', 'low'], env);
    trainer = place.start(['trainer'], env);
  });
  afterAll(async () => {
    worker?.kill('SIGKILL');
    await store?.close();
    await place?.remove();
    await redis?.stop();
    await postgres?.stop();
  });

  /** null: PostgreSQL does not answer. */
  async function runs() {
    const query = store.db.selectFrom('core.training_runs').select(['run_id', 'status', 'model_version', 'error']);
    return await query
      .orderBy('run_id')
      .execute()
      .catch(() => null);
  }

  /** Hashes of the models that a training without queue and store makes of the same bars. */
  async function expected(): Promise<Record<string, string>> {
    const out = join(place.folder, 'alone');
    const { code, stdout, stderr } = await place.run(['train', '--data', bars, '--out', out, '--json']);
    expect(code, stderr).toBe(0);
    const { version } = JSON.parse(stdout) as { version: string };
    return hashesOf((file) => readFileSync(join(out, version, file)));
  }

  it('again and again loses nothing of it, and doubles nothing', { timeout: 300_000 }, async () => {
    const path = join(place.home, 'trainer.json');
    const { port } = await eventually(trainer.stderr, () =>
      existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { port: number }) : undefined,
    );
    const started = await fetch(`http://127.0.0.1:${port}/retrain`, { method: 'POST' });
    expect(started.status).toBe(202);
    let restarts = 0;
    for (;;) {
      const [run] = (await runs()) ?? [];
      if (run !== undefined && !['running', 'queued'].includes(run.status)) break;
      if (restarts < RESTARTS) {
        await postgres!.restart();
        restarts++;
      }
      await sleep(500);
    }
    expect(restarts).toBeGreaterThan(3);
    // Its market is a walk of coins.
    const ended = await runs();
    expect(ended).toMatchObject([{ status: 'rejected', error: null }]);
    const version = ended![0]!.model_version!;
    const models = await store.db.selectFrom('core.model_registry').select(['version', 'status']).execute();
    expect(models).toEqual([{ version, status: 'rejected' }]);
    const kept = await store.db
      .selectFrom('core.model_artifacts')
      .select(['file', 'content'])
      .where('version', '=', version)
      .execute();
    const made = hashesOf((file) => kept.find((one) => one.file === file)!.content);
    expect(made).toEqual(await expected());
  });
});

function hashesOf(read: (file: string) => Uint8Array): Record<string, string> {
  return Object.fromEntries(['ai1.onnx', 'ai2.onnx', 'ai3.onnx'].map((file) => [file, sha256Hex(read(file))]));
}
