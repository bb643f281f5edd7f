import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makePrivateFolder } from '../../../shared/private_files.ts';
import { Database } from '../../../shared/store/sqlite.ts';
import type { TaskNeeds } from './task_needs.ts';
import {
  backoffOf,
  inOrder,
  DISMISSED_MS,
  INSTALLATION_GONE_MS,
  LOST_WORKERS,
  MOST_DIFFERENCES,
  MOST_FAILURES,
  NO_TOTALS,
  QUEUE_TIMING,
  WORKER_GONE_MS,
  type Claim,
  type FailedTask,
  type QueuedTask,
  type QueueTiming,
  type TaskOutcome,
  type TaskQueue,
  type TaskRetry,
  type TaskTotals,
  toldDifference,
  toldIdentity,
  toldInstallation,
  toldWorker,
  type WorkerFacts,
} from './task_queue.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS tasks (
  key TEXT PRIMARY KEY, learner TEXT NOT NULL, urgent INTEGER NOT NULL, payload TEXT NOT NULL,
  number INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
  token TEXT, lease_until REAL, error TEXT, ended REAL, not_before REAL, progress TEXT, needs TEXT, added REAL
) STRICT;
CREATE INDEX IF NOT EXISTS tasks_next ON tasks (state, urgent DESC, number);
CREATE TABLE IF NOT EXISTS live_workers (name TEXT PRIMARY KEY, told TEXT NOT NULL, seen REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS installations (name TEXT PRIMARY KEY, told TEXT NOT NULL, seen REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS dismissed (name TEXT PRIMARY KEY, asked REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS totals (
  learner TEXT NOT NULL, what TEXT NOT NULL, value REAL NOT NULL, PRIMARY KEY (learner, what)
) STRICT;
CREATE TABLE IF NOT EXISTS differences (difference TEXT PRIMARY KEY, seen REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS leader (id INTEGER PRIMARY KEY CHECK (id = 1), identity TEXT NOT NULL) STRICT;
`;
const BUSY_MS = 10_000;
const POLL_MS = 20;
/** Of memory and cores of a worker that does not limit them. */
const ANY = Number.MAX_SAFE_INTEGER;

interface Row {
  readonly key: string;
  readonly learner: string;
  readonly urgent: number;
  readonly payload: string;
  readonly attempts: number;
  /** null: of an earlier version. */
  readonly needs: string | null;
}

/** Tasks in a SQLite file, for workers of one machine. Leases are on the wall clock: a step wastes work at most. */
export function embeddedQueue(path: string, timing: QueueTiming = QUEUE_TIMING): TaskQueue {
  const { leaseMs, attempts, dataWaitMs } = timing;
  makePrivateFolder(dirname(path));
  const db = new Database(path, { timeout: BUSY_MS });
  db.pragma('journal_mode = WAL');
  // A task that is lost with the machine is enqueued again by its training.
  db.pragma('synchronous = NORMAL');
  db.exec(SCHEMA);
  addColumns(db);
  const statements = {
    add: db.prepare(
      `INSERT INTO tasks (key, learner, urgent, payload, number, state, needs, added)
       VALUES (?, ?, ?, ?, (SELECT COALESCE(MAX(number), 0) + 1 FROM tasks), 'waiting', ?, ?)
       ON CONFLICT (key) DO UPDATE SET state = 'waiting', attempts = 0, error = NULL, ended = NULL, not_before = NULL,
         payload = excluded.payload, needs = excluded.needs, added = excluded.added
       WHERE state = 'failed'`,
    ),
    raise: db.prepare(`UPDATE tasks SET urgent = 1 WHERE key = ? AND state = 'waiting'`),
    expire: db.prepare(
      `UPDATE tasks SET state = CASE WHEN attempts >= ? THEN 'failed' ELSE 'waiting' END, token = NULL,
         error = CASE WHEN attempts >= ? THEN ? ELSE NULL END, ended = CASE WHEN attempts >= ? THEN ? ELSE NULL END,
         not_before = NULL
       WHERE state = 'running' AND lease_until < ?`,
    ),
    take: db.prepare(
      `UPDATE tasks SET state = 'running', token = :token, lease_until = :until, attempts = attempts + 1, progress = NULL
       WHERE key = (
         SELECT key FROM tasks WHERE state = 'waiting' AND learner IN (SELECT value FROM json_each(:learners))
           AND COALESCE(not_before, 0) <= :now
           AND COALESCE(json_extract(needs, '$.memoryMb'), 0) <= :memoryMb
           AND COALESCE(json_extract(needs, '$.cores'), 1) <= :cores
           AND COALESCE(json_extract(needs, '$.gpu'), 0) <= :gpu
           AND (COALESCE(added, 0) <= :addedBefore OR NOT EXISTS (
             SELECT 1 FROM json_each(needs, '$.data') WHERE value NOT IN (SELECT value FROM json_each(:has))))
         ORDER BY urgent DESC, number LIMIT 1)
       RETURNING key, learner, urgent, payload, attempts, needs`,
    ),
    extend: db.prepare(`UPDATE tasks SET lease_until = ? WHERE key = ? AND token = ? AND state = 'running'`),
    end: db.prepare(
      `UPDATE tasks SET state = ?, error = ?, ended = ?, not_before = ?, token = NULL
       WHERE key = ? AND token = ? AND state = 'running'`,
    ),
    progress: db.prepare(`UPDATE tasks SET progress = ? WHERE key = ? AND token = ? AND state = 'running'`),
    read: db.prepare('SELECT state, error, progress FROM tasks WHERE key = ?'),
    remove: db.prepare('DELETE FROM tasks WHERE key = ?'),
    count: db.prepare('SELECT learner, state, COUNT(*) AS n FROM tasks GROUP BY learner, state'),
    waiting: db.prepare(
      `SELECT learner, json_remove(needs, '$.data') AS needs, COUNT(*) AS n FROM tasks WHERE state = 'waiting'
       GROUP BY 1, 2 ORDER BY 1, 2`,
    ),
    totals: db.prepare('SELECT learner, what, value FROM totals'),
    tally: db.prepare(
      `INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT (learner, what) DO UPDATE SET value = value + excluded.value`,
    ),
    report: db.prepare(
      'INSERT INTO differences VALUES (?, ?) ON CONFLICT (difference) DO UPDATE SET seen = excluded.seen',
    ),
    forget: db.prepare(
      'DELETE FROM differences WHERE difference NOT IN (SELECT difference FROM differences ORDER BY seen DESC LIMIT ?)',
    ),
    differences: db.prepare('SELECT difference, seen FROM differences ORDER BY seen DESC, rowid DESC'),
    failures: db.prepare(
      `SELECT key, learner, error, ended FROM tasks WHERE state = 'failed' ORDER BY ended DESC, number DESC LIMIT ?`,
    ),
    retries: db.prepare(
      `SELECT key, learner, attempts, error, not_before FROM tasks WHERE state = 'waiting' AND not_before > ?
       ORDER BY not_before, number LIMIT ?`,
    ),
    retry: db.prepare(
      `UPDATE tasks SET state = 'waiting', attempts = 0, error = NULL, ended = NULL, not_before = NULL WHERE key = ? AND state = 'failed'`,
    ),
    drop: db.prepare(`DELETE FROM tasks WHERE key = ? AND state = 'failed'`),
    greet: db.prepare(
      'INSERT INTO live_workers VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET told = excluded.told, seen = excluded.seen',
    ),
    workers: db.prepare('SELECT told, seen FROM live_workers WHERE seen > ? ORDER BY name'),
    announce: db.prepare(
      'INSERT INTO installations VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET told = excluded.told, seen = excluded.seen',
    ),
    installations: db.prepare('SELECT told, seen FROM installations WHERE seen > ? ORDER BY name'),
    lives: db.prepare('SELECT 1 FROM live_workers WHERE name = ? AND seen > ?'),
    dismiss: db.prepare('INSERT INTO dismissed VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET asked = excluded.asked'),
    isDismissed: db.prepare('SELECT 1 FROM dismissed WHERE name = ? AND asked > ?'),
    lead: db.prepare('INSERT INTO leader VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET identity = excluded.identity'),
    leader: db.prepare('SELECT identity FROM leader'),
  };

  function claimOf(row: Row, token: string): Claim {
    const { key, urgent, payload } = row;
    const end = (state: string, error: string | null, notBefore: number | null = null): Promise<boolean> =>
      Promise.resolve(statements.end.run(state, error, Date.now(), notBefore, key, token).changes === 1);
    return {
      task: { key, needs: needsOf(row), isUrgent: urgent === 1, payload },
      attempt: row.attempts,
      progress(done, total) {
        statements.progress.run(JSON.stringify([done, total]), key, token);
        return Promise.resolve();
      },
      extend: () => Promise.resolve(statements.extend.run(Date.now() + leaseMs, key, token).changes === 1),
      complete: () => end('done', null),
      fail(error, mayRetry) {
        const isLast = !mayRetry || row.attempts >= attempts;
        const notBefore = isLast ? null : Date.now() + backoffOf(row.attempts, timing);
        return end(isLast ? 'failed' : 'waiting', JSON.stringify(error), notBefore);
      },
    };
  }

  interface State {
    readonly state: string;
    readonly error: string | null;
    readonly progress: string | null;
  }
  const stateOf = (key: string): State | undefined => statements.read.get(key) as State | undefined;

  function outcome(row: State | undefined): TaskOutcome | null {
    if (row?.state === 'done') return { state: 'done' };
    if (row?.state !== 'failed') return null;
    return { state: 'failed', error: JSON.parse(row.error!) as { code: string; message: string } };
  }

  const isDismissed = (worker: string, now: number): boolean =>
    statements.isDismissed.get(worker, now - DISMISSED_MS) !== undefined;

  return {
    enqueue({ key, needs, isUrgent, payload }: QueuedTask) {
      statements.add.run(key, needs.learner, Number(isUrgent), payload, JSON.stringify(needs), Date.now());
      if (isUrgent) statements.raise.run(key);
      return Promise.resolve();
    },
    claim({ learners, taskMemoryMb, taskCores, gpu = false }: WorkerFacts, has: ReadonlySet<string> = new Set()) {
      // Each claim returns tasks whose lease has expired to the queue; waiting for a result only reads.
      const now = Date.now();
      statements.expire.run(attempts, attempts, JSON.stringify(LOST_WORKERS), attempts, now, now);
      const token = randomBytes(16).toString('hex');
      const row = statements.take.get({
        token,
        until: now + leaseMs,
        now,
        addedBefore: now - dataWaitMs,
        learners: JSON.stringify(learners),
        memoryMb: taskMemoryMb ?? ANY,
        cores: taskCores ?? ANY,
        gpu: Number(gpu),
        has: JSON.stringify([...has]),
      }) as Row | undefined;
      return Promise.resolve(row === undefined ? null : claimOf(row, token));
    },
    outcome: (key) => Promise.resolve(outcome(stateOf(key))),
    async settled(key, signal, onProgress = () => undefined) {
      let told: string | null = null;
      for (;;) {
        signal.throwIfAborted();
        const row = stateOf(key);
        const found = outcome(row);
        if (found !== null) return found;
        const progress = row?.progress ?? null;
        if (progress !== null && progress !== told) onProgress(...(JSON.parse(progress) as [number, number]));
        told = progress;
        await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
      }
    },
    remove(key) {
      statements.remove.run(key);
      return Promise.resolve();
    },
    tasks() {
      const counts = statements.count.all() as { learner: string; state: string; n: number }[];
      const totals = statements.totals.all() as { learner: string; what: keyof TaskTotals; value: number }[];
      const learners = [...new Set([...counts, ...totals].map(({ learner }) => learner))].sort();
      return Promise.resolve(
        learners.map((learner) => {
          const of = (state: string): number =>
            counts.find((row) => row.learner === learner && row.state === state)?.n ?? 0;
          const own = totals.filter((row) => row.learner === learner).map(({ what, value }) => [what, value] as const);
          return {
            learner,
            waiting: of('waiting'),
            running: of('running'),
            failed: of('failed'),
            totals: { ...NO_TOTALS, ...Object.fromEntries(own) },
          };
        }),
      );
    },
    waiting() {
      const rows = statements.waiting.all() as { learner: string; needs: string | null; n: number }[];
      return Promise.resolve(rows.map((row) => ({ needs: needsOf(row), waiting: row.n })));
    },
    tally(learner, more) {
      db.transaction(() => {
        for (const [what, value] of Object.entries(more)) statements.tally.run(learner, what, value);
      })();
      return Promise.resolve();
    },
    report(difference) {
      statements.report.run(JSON.stringify(inOrder(difference)), Date.now());
      statements.forget.run(MOST_DIFFERENCES);
      return Promise.resolve();
    },
    differences() {
      const now = Date.now();
      const rows = statements.differences.all() as { difference: string; seen: number }[];
      return Promise.resolve(
        rows.flatMap(({ difference, seen }) => {
          const read = toldDifference(difference);
          return read === null ? [] : [{ ...read, agoMs: now - seen }];
        }),
      );
    },
    aside: () => Promise.resolve([]),
    failures() {
      const now = Date.now();
      const rows = statements.failures.all(MOST_FAILURES) as {
        key: string;
        learner: string;
        error: string;
        ended: number | null;
      }[];
      return Promise.resolve(
        rows.map(({ key, learner, error, ended }) => ({
          key,
          learner,
          error: JSON.parse(error) as FailedTask['error'],
          agoMs: ended === null ? null : now - ended,
        })),
      );
    },
    retries() {
      const now = Date.now();
      const rows = statements.retries.all(now, MOST_FAILURES) as {
        key: string;
        learner: string;
        attempts: number;
        error: string;
        not_before: number;
      }[];
      return Promise.resolve(
        rows.map(({ key, learner, attempts: made, error, not_before: at }) => ({
          key,
          learner,
          attempt: made + 1,
          error: JSON.parse(error) as TaskRetry['error'],
          inMs: at - now,
        })),
      );
    },
    retry: (key) => Promise.resolve(statements.retry.run(key).changes === 1),
    forget: (key) => Promise.resolve(statements.drop.run(key).changes === 1),
    greet(worker, state) {
      const now = Date.now();
      statements.greet.run(worker.name, JSON.stringify({ ...worker, ...state }), now);
      return Promise.resolve(isDismissed(worker.name, now));
    },
    dismiss(worker) {
      const now = Date.now();
      if (statements.lives.get(worker, now - WORKER_GONE_MS) === undefined) return Promise.resolve(false);
      statements.dismiss.run(worker, now);
      return Promise.resolve(true);
    },
    workers() {
      const now = Date.now();
      const rows = statements.workers.all(now - WORKER_GONE_MS) as { told: string; seen: number }[];
      return Promise.resolve(
        rows.flatMap(({ told, seen }) => {
          const worker = toldWorker(told);
          if (worker === null) return [];
          return [{ ...worker, silentMs: now - seen, isEnding: isDismissed(worker.name, now) }];
        }),
      );
    },
    announce(installation) {
      statements.announce.run(installation.name, JSON.stringify(installation), Date.now());
      return Promise.resolve();
    },
    installations() {
      const now = Date.now();
      const rows = statements.installations.all(now - INSTALLATION_GONE_MS) as { told: string; seen: number }[];
      return Promise.resolve(
        rows.flatMap(({ told, seen }) => {
          const read = toldInstallation(told);
          return read === null ? [] : [{ ...read, silentMs: now - seen }];
        }),
      );
    },
    lead(identity) {
      statements.lead.run(JSON.stringify(identity));
      return Promise.resolve();
    },
    leader() {
      const row = statements.leader.get() as { identity: string } | undefined;
      return Promise.resolve(row === undefined ? null : toldIdentity(row.identity));
    },
    close() {
      db.close();
      return Promise.resolve();
    },
  };
}

const LATER_COLUMNS = { ended: 'REAL', not_before: 'REAL', progress: 'TEXT', needs: 'TEXT', added: 'REAL' };

/** To a file of an earlier version. */
function addColumns(db: Database): void {
  const columns = db.pragma('table_info(tasks)') as { name: string }[];
  for (const [column, type] of Object.entries(LATER_COLUMNS))
    if (!columns.some(({ name }) => name === column)) db.exec(`ALTER TABLE tasks ADD COLUMN ${column} ${type}`);
}

function needsOf({ learner, needs }: { readonly learner: string; readonly needs: string | null }): TaskNeeds {
  return needs === null ? { learner } : (JSON.parse(needs) as TaskNeeds);
}
