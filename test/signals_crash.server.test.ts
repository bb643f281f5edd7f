import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IS_WEEKLY } from './weekly.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { createArchive } from '../trainer/control/history/archive.ts';
import { openArchivePlace } from '../trainer/control/history/open_archive_place.ts';
import { dayStartMs } from '../trainer/control/history/day.ts';
import { openSignalTables } from '../trainer/control/history/signal_tables.ts';
import { signalLine } from '../trainer/control/history/signal_row.ts';
import { expectedLines, nextDay, simulatedDay } from '../trainer/control/history/signals.fixture.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore } from '../trainer/store/store.ts';
import { buildProgram, type Program } from './program.ts';
import { skipNote } from './skip_note.ts';

const FIRST = '2025-01-01';
/**
 * `SIGNAL_DAYS=365 npx vitest run test/signals_crash.server.test.ts` runs a whole year with full days, killed at random
 * times; SIGNAL_STORE=postgres uses PostgreSQL.
 */
const DAYS = Number(process.env['SIGNAL_DAYS'] ?? '0');
const STORE = process.env['SIGNAL_STORE'] ?? 'sqlite';
const NOTES = {
  long: skipNote(DAYS === 0, 'takes hours; SIGNAL_DAYS=365 runs it'),
  short: skipNote(DAYS > 0, 'SIGNAL_DAYS selects the long one'),
};
const policy = loadSettings({ env: {} }).signals;

let folder: string;
let program: Program;
let server: PostgresServer | null = null;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-signals-crash-'));
  [program, server] = await Promise.all([buildProgram('signals_program'), startPostgres()]);
});
afterAll(async () => {
  await program.remove();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Life {
  readonly home: string;
  readonly url: string;
  readonly days: number;
  readonly minutes: number;
  readonly kept: number;
}

const newLife = async (kind: string, life: Omit<Life, 'home' | 'url'>): Promise<Life> => {
  const home = mkdtempSync(join(folder, `${kind}-`));
  return { home, url: kind === 'sqlite' ? join(home, 'trainer.db') : await server!.createDatabase(), ...life };
};

const start = ({ home, url, days, minutes, kept }: Life, dieAt: number) =>
  program.start([home, url, FIRST, ...[days, minutes, kept, dieAt].map(String)]);

/** Remaining output of the program. */
async function rest(running: ReturnType<typeof start>): Promise<string[]> {
  const lines: string[] = [];
  try {
    for (;;) lines.push(await running.line());
  } catch {
    return lines;
  }
}

const archiveFolder = (home: string): string => join(home, policy.archive_path, 'signals', 'live');

/** Lines of a day, read from all its archive files. */
function archived(home: string, day: string): string[] {
  const year = join(archiveFolder(home), day.slice(0, 4));
  const names = readdirSync(year).filter((name) => name.startsWith(day) && name.endsWith('.gz'));
  return names.flatMap((name) =>
    gunzipSync(readFileSync(join(year, name)))
      .toString('utf8')
      .trimEnd()
      .split('\n'),
  );
}

/** No losses and no duplicates: in the archive, in the history, and in a restore from the archive alone. */
async function check({ home, url, days, minutes, kept }: Life): Promise<{ restoreMs: number; rows: number }> {
  const paths = homePaths({ MINUTEHAND_HOME: home });
  const store = await openStore(url);
  const empty = await openStore(join(home, 'restored.db'));
  let rows = 0;
  let restoreMs = 0;
  try {
    const tables = await openSignalTables(store, policy);
    const others = await openSignalTables(empty, policy);
    const place = await openArchivePlace(policy, paths, {});
    const archive = createArchive(empty, others, place, MACHINE_CLOCK);
    const last = nextDay(FIRST, days - 1);
    for (let day = FIRST; day <= last; day = nextDay(day)) {
      const expected = expectedLines(simulatedDay(day, { minutes, boots: 2 }));
      rows += expected.length;
      const found = archived(home, day).sort();
      expect(found.length, day).toBe(expected.length);
      expect(found.join('\n') === [...expected].sort().join('\n'), day).toBe(true);
      const ofDay = { market: 'live', fromMs: dayStartMs(day), toMs: dayStartMs(nextDay(day)) };
      const read = async (from: typeof tables): Promise<string[]> => {
        const lines: string[] = [];
        for await (const page of from.pages(ofDay)) for (const row of page) lines.push(signalLine(row));
        return lines;
      };
      const isKept = dayStartMs(day) >= dayStartMs(nextDay(last)) - kept * 86_400_000;
      expect((await read(tables)).join('\n') === (isKept ? expected.join('\n') : ''), day).toBe(true);
      const begunMs = performance.now();
      expect(await archive.restore('live', day)).toEqual({ day, rows: expected.length, added: expected.length });
      restoreMs += performance.now() - begunMs;
      expect((await read(others)).join('\n') === expected.join('\n'), day).toBe(true);
      await others.remove(empty.db, 'live', ofDay.fromMs, ofDay.toMs);
    }
    return { rows, restoreMs };
  } finally {
    await store.close();
    await empty.close();
  }
}

describe.runIf(DAYS === 0).each([
  // `npm run test:weekly` kills more often.
  { kind: 'sqlite', note: '', kills: IS_WEEKLY ? 6 : 4 },
  { kind: 'postgres', note: POSTGRES_NOTE, kills: 2 },
])(`a history on $kind $note${NOTES.short}`, ({ kind, note, kills }) => {
  it('loses and duplicates nothing, however often its process is killed', { timeout: 120_000 }, async ({ skip }) => {
    if (note !== '') return skip(note);
    const life = await newLife(kind, { days: 3, minutes: 130, kept: 2 });
    const rng = createRng(`kills ${kind}`);
    const ends: unknown[] = [];
    // A day takes about twenty steps, so most runs end within their first day.
    for (let kill = 0; kill < kills; kill++) ends.push(await start(life, 1 + rng.integer(24)).ended);
    expect(ends.filter((end) => end === 'SIGKILL').length).toBeGreaterThan(kills / 2);
    expect((await rest(start(life, 0))).at(-1)).toMatch(/^done/);
    await check(life);
  });
});

describe.runIf(DAYS > 0)(`a history of ${DAYS || 365} days${NOTES.long}`, () => {
  it('is archived day by day, killed at any time, and restored', { timeout: 7_200_000 }, async () => {
    const life = await newLife(STORE, { days: DAYS, minutes: 1440, kept: 30 });
    const rng = createRng('kills');
    const took: number[][] = [];
    let kills = 0;
    for (let isDone = false; !isDone;) {
      const running = start(life, 0);
      const timer = setTimeout(() => void running.kill('SIGKILL'), 2000 + rng.integer(60_000));
      for (const line of await rest(running)) {
        if (line.startsWith('day ')) took.push(line.split(' ').slice(2, 5).map(Number));
        isDone = line.startsWith('done');
      }
      clearTimeout(timer);
      if (!isDone) kills++;
      process.stderr.write(`${took.length} days, ${kills} kills\n`);
    }
    const { rows, restoreMs } = await check(life);
    const median = (column: number): number => took.map((one) => one[column]!).sort((a, b) => a - b)[took.length >> 1]!;
    const years = readdirSync(archiveFolder(life.home)).map((year) => join(archiveFolder(life.home), year));
    const files = years.flatMap((year) =>
      readdirSync(year).map((name) => ({ name, bytes: statSync(join(year, name)).size })),
    );
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    console.log(
      JSON.stringify({
        store: STORE,
        days: DAYS,
        rows,
        kills,
        parts: files.filter(({ name }) => name.endsWith('.gz')).length,
        leftovers: files.filter(({ name }) => name.endsWith('.tmp')).length,
        archive_bytes_per_day: Math.round(bytes / DAYS),
        store_bytes: STORE === 'sqlite' ? statSync(life.url).size : null,
        copy_ms_per_day: median(1),
        archive_ms_per_day: median(2),
        restore_ms_per_day: Math.round(restoreMs / DAYS),
      }),
    );
  });
});
