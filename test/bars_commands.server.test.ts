import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { readBarFile, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { homePaths } from '../shared/home.ts';
import { openJournal } from '../shared/store/journal.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000 });

let place: Workplace;
let bars: Map<string, BarColumns>;
let data: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  place = createWorkplace();
  bars = new Map(tinyBars(place.settings));
  const gold = bars.get('XAUUSD')!;
  const known = (value: number, i: number): number => (i % 3 === 0 ? NaN : value);
  const flow = {
    takerBuyVolume: gold.time.map((_, i) => known(i / 7, i)),
    trades: gold.time.map((_, i) => known(i, i)),
  };
  bars.set('XAUUSD', { ...gold, flow });
  data = await place.writeBars('bars', bars);
  server = await startPostgres();
});
afterAll(async () => {
  await place.remove();
  await server?.stop();
});

interface CommandResult {
  readonly code: number | string;
  readonly document: unknown;
}

async function json(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
  const { code, stdout, stderr } = await place.call([...args, '--json'], { env });
  const lines = stdout.trimEnd().split('\n');
  expect(lines, stderr).toHaveLength(1);
  return { code, document: JSON.parse(lines[0]!) as unknown };
}

/** Some weeks of HistData: the first two minutes of each, with a UTC−5 clock and European daylight-saving dates. */
function histdata(): string {
  const rows = Array.from({ length: 30 }, (_, week) => {
    const isNewYorkAhead = week >= 9 && week <= 11;
    const open = new Date(Date.UTC(2019, 0, 6 + 7 * week, isNewYorkAhead ? 16 : 17)).toISOString();
    const stamp = `${open.slice(0, 10).replaceAll('-', '')} ${open.slice(11, 13)}`;
    return [`${stamp}0000;1.1;1.2;1.0;1.1;0`, `${stamp}0100;1.1;1.2;1.0;1.1;0`];
  });
  return rows.flat().join('\n');
}

describe.each([
  { kind: 'the file of the home', note: '', url: () => Promise.resolve('') },
  { kind: 'PostgreSQL', note: POSTGRES_NOTE, url: () => server!.createDatabase() },
])('bars in a store that is $kind $note', ({ note, url }) => {
  let env: NodeJS.ProcessEnv = {};
  beforeAll(async () => {
    if (note === '') env = { MINUTEHAND_DATABASE_URL: await url() };
  });

  it('are imported once, checked, and exported as they were', async ({ skip }) => {
    if (note !== '') return skip(note);
    const count = bars.get('XAUUSD')!.length;
    const first = await json(['bars', 'import', data, '--flow'], env);
    expect(first.code).toBe(0);
    const { symbols } = first.document as { symbols: { symbol: string; added: number; check: object }[] };
    expect(symbols.map(({ symbol, added }) => [symbol, added]).sort()).toEqual(
      [...bars].map(([symbol, { length }]) => [symbol, length]).sort(),
    );
    // By its document.
    const input = (await place.run(['bars', 'import', join(data, 'XAUUSD.csv'), '--print-job'])).stdout;
    const again = await place.run(['job', 'run', '-', '--json'], { env, input });
    const second = { code: again.code, document: JSON.parse(again.stdout) as object };
    expect(second, again.stderr).toMatchObject({
      code: 0,
      document: { symbols: [{ added: 0, duplicates: count, bars: count }] },
    });

    const check = await json(['bars', 'check'], env);
    expect(check).toMatchObject({
      code: 0,
      document: expect.arrayContaining([
        expect.objectContaining({
          symbol: 'XAUUSD',
          bars: count,
          missing_minutes: 0,
          clock: expect.anything() as object,
        }),
      ]) as object,
    });

    const out = join(place.folder, `exported-${env['MINUTEHAND_DATABASE_URL'] === '' ? 'file' : 'server'}`);
    expect(await json(['bars', 'export', '--out', out], env)).toMatchObject({ code: 0 });
    for (const [symbol, expected] of bars) {
      const { spread, ...read } = await readBarFile(join(out, `${symbol}.csv.gz`));
      expect({ ...read, spread }).toEqual(expected);
    }
    const times = bars.get('XAUUSD')!.time;
    const [from, to] = [times[10]!, times[20]!].map((time) => new Date(time * 1000).toISOString().slice(0, 16));
    const part = ['--symbol', 'XAUUSD', '--from', from!, '--to', to!, '--format', 'parquet'];
    expect(await json(['bars', 'export', '--out', out, ...part], env)).toMatchObject({
      code: 0,
      document: { format: 'parquet', files: [{ symbol: 'XAUUSD', file: join(out, 'XAUUSD.parquet'), bars: 10 }] },
    });
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(join(out, 'XAUUSD.parquet')) });
    expect(rows.map(({ close }) => close as number)).toEqual([...bars.get('XAUUSD')!.close.slice(10, 20)]);
    expect(readdirSync(out).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('of another market are not included', async ({ skip }) => {
    if (note !== '') return skip(note);
    expect(await json(['bars', 'check', '--market', 'simulated'], env)).toMatchObject({
      code: 1,
      document: { error: { code: 'DATA_MISSING' } },
    });
  });
});

describe('bars import', () => {
  const env = () => ({ MINUTEHAND_DATABASE_URL: join(place.folder, 'own.db') });

  it('detects the clock of HistData, and refuses a different one unless it is trusted', async () => {
    const path = join(place.folder, 'DAT_ASCII_EURUSD_M1_2019.csv');
    writeFileSync(path, histdata());
    const wrong = await place.call(['bars', 'import', path, '--timezone', '-05:00'], { env: env() });
    expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(/CLOCK_MISMATCH: [^]*-05:00\/EU, which fits[^]*→ Use --timezone -05:00\/EU/);
    const right = await place.call(['bars', 'import', path], { env: env() });
    expect(right.code).toBe(0);
    expect(right.stdout).toMatch(/EURUSD: 60 read, 60 added[^]*clock -05:00\/EU, 29 of 29 weeks open where they must/);
    const out = join(place.folder, 'forced');
    expect(await json(['bars', 'import', path, '--timezone', '-05:00', '--trust-clock', '--out', out])).toMatchObject({
      code: 0,
      document: { symbols: [{ added: 60, sources: [{ timezone: '-05:00', checked: false }] }] },
    });
    const usual = join(place.folder, 'usual');
    expect(await json(['bars', 'import', path, '--trust-clock', '--out', usual])).toMatchObject({
      code: 0,
      document: { symbols: [{ added: 60, sources: [{ timezone: '-05:00/EU', checked: false }] }] },
    });
  });

  it('reports when a file is too short for its clock to be checked', async () => {
    const path = join(place.folder, 'DAT_ASCII_GBPUSD_M1_2019.csv');
    writeFileSync(path, histdata().split('\n').slice(0, 2).join('\n'));
    const { code, stderr } = await place.call(['bars', 'import', path], { env: env() });
    expect(code).toBe(0);
    expect(stderr).toMatch(/GBPUSD.*read on the clock -05:00\/EU, which could not be checked: 0 openings/);
  });

  it('are refused where a symbol is another one ten minutes late, and checked with the lag', async () => {
    const { flow: _flow, ...gold } = bars.get('XAUUSD')!;
    const copy: BarColumns = { ...gold, symbol: 'XAGUSD', time: gold.time.map((at) => at + 600) };
    const late = new Map<string, BarColumns>([
      ['XAUUSD', gold],
      ['XAGUSD', copy],
    ]);
    // A simulated market has prices and hours of its own.
    const accepted = ['--accept', 'SHIFTED', 'SCALED', 'SUSPECT', 'CLOSE_STAMPED'];
    const folder = await place.writeBars('late', late);
    const out = join(place.folder, 'late out');
    expect((await place.call(['bars', 'import', join(folder, 'XAUUSD.csv'), '--out', out, ...accepted])).code).toBe(0);
    const refused = await place.call(['bars', 'import', join(folder, 'XAGUSD.csv'), '--out', out, ...accepted]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/BARS_REFUSED.*LAGS moves 10 min after XAUUSD/s);
    expect(readdirSync(out)).toEqual(['XAUUSD.csv.gz']);
    const checked = await place.call(['bars', 'check', folder]);
    expect(checked.code).toBe(1);
    expect(checked.stdout).toMatch(/XAGUSD: .*LAGS moves 10 min after XAUUSD/);
  });

  it('imports series into the store, not into a folder of bars', async () => {
    const path = join(place.folder, 'BTCUSDT-8h.csv');
    writeFileSync(path, 'timestamp,symbol,funding_rate\n1768233600000,BTCUSDT,0.0001\n');
    const imported = await place.call(['bars', 'import', path], { env: env() });
    expect(imported.stdout).toMatch(
      /^BTCUSDT funding_rate: 1 read, 1 added, 0 already there, 0 in conflict, 0 rejected\nImport \d+; /,
    );
    // Another value, one that cannot be read, and a column that nobody asked for: a part is missing.
    const other = join(place.folder, 'BTCUSDT-again.csv');
    writeFileSync(
      other,
      'timestamp,symbol,funding_rate,depth\n1768233600000,BTCUSDT,0.0002,1\n1768262400000,BTCUSDT,x,1\n1768291200000,BTCUSDT,0.0003,1\n',
    );
    const partly = await place.call(['bars', 'import', other], { env: env() });
    expect(partly.code).toBe(3);
    expect(partly.stderr).toContain('not taken: depth (--series <name>, once for each, takes them)');
    expect(partly.stderr).toContain('BTCUSDT funding_rate: 1 of 3 rows were rejected.');
    expect(partly.stderr).toContain('BTCUSDT funding_rate: 1 values differ from stored ones, which were kept.');
    const out = join(place.folder, 'no-series');
    expect(await json(['bars', 'import', path, '--out', out])).toMatchObject({
      code: 1,
      document: { error: { code: 'DATA_FORMAT' } },
    });
  });
});

describe('bars export', () => {
  it('of hours has the flow of each, known at its close, also of a part', async () => {
    const env = { MINUTEHAND_DATABASE_URL: join(place.folder, 'hours.db') };
    const file = join(place.folder, 'BTCUSDT-1h.csv');
    const header = 'time,open,high,low,close,volume,taker_buy_volume,trades';
    const rows = Array.from({ length: 200 }, (_, i) => {
      const [open, close] = [i, i + 1].map((at) => Math.round(1e6 * (4 + Math.sin(7.3 * at) / 500)) / 100);
      const time = 1_736_121_600 + 3600 * i;
      return [time, open, Math.max(open!, close!) + 1, Math.min(open!, close!) - 1, close, 10 + i, i + 0.5, i].join();
    });
    writeFileSync(file, `${[header, ...rows].join('\n')}\n`);
    expect((await place.call(['bars', 'import', file, '--flow'], { env })).code).toBe(0);
    const out = join(place.folder, 'hours');
    const exported = async (...period: string[]): Promise<string> => {
      expect((await place.call(['bars', 'export', '--out', out, '--format', 'csv', ...period], { env })).code).toBe(0);
      return readFileSync(join(out, 'BTCUSDT.csv'), 'utf8');
    };
    expect(await exported()).toBe(`${[header, ...rows].join('\n')}\n`);
    const part = await exported('--from', '2025-01-06T05:00', '--to', '2025-01-06T07:00');
    expect(part).toBe(`${[header, ...rows.slice(5, 7)].join('\n')}\n`);
  });
});

describe('bars undo', () => {
  it('is what the refusal of the same bars under their right name advises, and its advice helps', async () => {
    const env = { MINUTEHAND_DATABASE_URL: join(place.folder, 'wrong_name.db') };
    const file = join(place.folder, 'unnamed_2019.csv');
    let close = 1.3;
    const rows = Array.from({ length: 400 }, (_, i) => {
      const open = close;
      close = Number((close + Math.sin(i * i) * 2e-4).toFixed(5));
      const stamp = new Date(Date.UTC(2019, 0, 8) + 60_000 * i).toISOString();
      return [stamp, open, Math.max(open, close), Math.min(open, close), close, 5].join(',');
    });
    writeFileSync(file, ['time,open,high,low,close,volume', ...rows, ''].join('\n'));
    const take = (symbol: string) => place.call(['bars', 'import', file, '--symbol', symbol], { env });
    const wrong = await take('USDCAD');
    expect([wrong.code, wrong.stdout]).toEqual([0, expect.stringContaining('verdict: OK')]);
    expect(wrong.stderr).toContain('neither its name nor its content names a symbol');
    expect(wrong.stderr).toContain('If that is wrong: `minutehand bars undo 1`');
    const refused = await take('GBPUSD');
    expect(refused.code, refused.stderr).toBe(1);
    expect(refused.stderr).toContain('`minutehand bars history` has the number of its import');
    expect(refused.stderr).not.toContain('--accept');
    const history = await place.call(['bars', 'history'], { env });
    const number = /^ *(\d+).*unnamed_2019\.csv/m.exec(history.stdout)?.[1];
    expect(number, history.stdout).toBe('1');
    expect(await place.call(['bars', 'undo', number!], { env })).toMatchObject({ code: 0 });
    const right = await take('GBPUSD');
    expect(right.code, right.stderr).toBe(0);
    expect(right.stdout).toContain('400 added');
  });

  it('shows what it would change, then takes an import back, and the audit has it', async () => {
    const env = { MINUTEHAND_DATABASE_URL: join(place.folder, 'undo.db') };
    const path = join(place.folder, 'USDCAD.csv');
    const lines = Array.from({ length: 60 }, (_, i) => `${1_736_121_600 + i * 60},1.4,1.5,1.3,1.4,${i}`);
    writeFileSync(path, ['time,open,high,low,close,volume', ...lines].join('\n'));
    expect(await json(['bars', 'import', path], env)).toMatchObject({ code: 0, document: { import_number: 1 } });
    const preview = await json(['bars', 'undo', '1', '--dry-run'], env);
    expect(preview).toMatchObject({ code: 0, document: { dry_run: true, removed: [{ symbol: 'USDCAD', bars: 60 }] } });
    expect(await json(['bars', 'check'], env)).toMatchObject({ document: [{ bars: 60 }] });
    expect(await json(['bars', 'undo', '1'], env)).toMatchObject({ code: 0, document: { dry_run: false } });
    expect(await json(['bars', 'check'], env)).toMatchObject({
      code: 1,
      document: { error: { code: 'DATA_MISSING' } },
    });
    expect(await json(['bars', 'undo', '1'], env)).toMatchObject({
      code: 1,
      document: { error: { code: 'IMPORT_UNDONE' } },
    });
    expect(await json(['bars', 'history'], env)).toMatchObject({
      document: [{ import_number: 1, added: 60, verdicts: { symbols: { USDCAD: { verdict: 'OK' } } } }],
    });
    const store = await openStore(env.MINUTEHAND_DATABASE_URL);
    const entries = await store.db.selectFrom('audit.api_writes').select(['action', 'target', 'outcome']).execute();
    await store.close();
    // One entry for each command that changed something or was refused; none for a dry run.
    expect(entries).toEqual([
      { action: 'bars import', target: path, outcome: 'done' },
      { action: 'bars undo', target: 'import 1', outcome: 'done' },
      { action: 'bars undo', target: '1', outcome: 'refused IMPORT_UNDONE' },
    ]);
  });

  it('has a preview of a replacement, which writes nothing, and an entry of the audit for the real one', async () => {
    const env = { MINUTEHAND_DATABASE_URL: join(place.folder, 'replace.db') };
    const path = join(place.folder, 'AUDUSD.csv');
    const write = (price: number): void => {
      const rows = Array.from({ length: 60 }, (_, i) => {
        const close = price + Math.sin(i) * 1e-4;
        return `${1_736_121_600 + i * 60},${close},${close + 1e-4},${close - 1e-4},${close},${i}`;
      });
      writeFileSync(path, ['time,open,high,low,close,volume', ...rows].join('\n'));
    };
    write(0.65);
    expect((await json(['bars', 'import', path], env)).code).toBe(0);
    write(0.651);
    const before = await json(['bars', 'history'], env);
    const preview = await json(['bars', 'replace', path, '--dry-run'], env);
    expect(preview).toMatchObject({
      code: 0,
      document: { dry_run: true, import_number: null, symbols: [{ added: 0, replaced: 60 }] },
    });
    expect(await json(['bars', 'history'], env)).toEqual(before);
    // The preview has left the old numbers, so that the real one still replaces all.
    const real = await json(['bars', 'replace', path], env);
    expect(real).toMatchObject({ code: 0, document: { dry_run: false, symbols: [{ replaced: 60 }] } });
    const store = await openStore(env.MINUTEHAND_DATABASE_URL);
    const entries = await store.db.selectFrom('audit.api_writes').select('action').execute();
    await store.close();
    expect(entries.map(({ action }) => action)).toEqual(['bars import', 'bars replace']);
  });

  it('names the models that were trained on the bars: of a replacement, its preview, the undo and a deletion', async () => {
    const env = { MINUTEHAND_DATABASE_URL: join(place.folder, 'trained.db') };
    const path = join(place.folder, 'NZDUSD.csv');
    const from = 1_736_121_600;
    const write = (price: number, changed: number): void => {
      const rows = Array.from({ length: 100 }, (_, i) => {
        const close = (i >= 100 - changed ? price : 0.6) + Math.sin(i) * 1e-4;
        return `${from + i * 60},${close},${close + 1e-4},${close - 1e-4},${close},${i}`;
      });
      writeFileSync(path, ['time,open,high,low,close,volume', ...rows].join('\n'));
    };
    write(0.6, 0);
    expect((await json(['bars', 'import', path], env)).code).toBe(0);
    const store = await openStore(env.MINUTEHAND_DATABASE_URL);
    const minute = (i: number): string => new Date((from + i * 60) * 1000).toISOString();
    // Trained on all bars but the newest fifty, on the newest ten, and on other symbols.
    for (const [version, pairs, first, last] of [
      ['20250101_0001', ['NZDUSD_AUDUSD'], 0, 49],
      ['20250101_0002', ['NZDUSD_AUDUSD'], 90, 99],
      ['20250101_0003', ['EURUSD_GBPUSD'], 0, 99],
    ] as const)
      await store.db
        .insertInto('core.model_registry')
        .values({
          version,
          status: 'candidate',
          created: minute(0),
          manifest: JSON.stringify({ version, pairs, period: { from: minute(first), to: minute(last) } }),
          manifest_sha256: version,
          reasons: '[]',
          previous_version: null,
          adopted_at: null,
          retired_at: null,
          removed_at: null,
          folder: '/models',
        })
        .execute();
    await store.close();
    // 30 bars change: more than the 20 that are shown, and only the last ten of them are of the second model.
    write(0.601, 30);
    const named = { code: 0, document: { models: ['20250101_0002'] } };
    expect(await json(['bars', 'replace', path, '--dry-run'], env)).toMatchObject(named);
    expect(await json(['bars', 'replace', path], env)).toMatchObject({
      ...named,
      document: {
        ...named.document,
        symbols: [
          {
            replaced: 30,
            replaced_period: [from + 70 * 60, from + 99 * 60],
            conflicting: Array.from({ length: 20 }, (_, i) => ({ time: from + (70 + i) * 60 })),
          },
        ],
      },
    });
    expect(await json(['bars', 'replace', path], env)).toMatchObject({ code: 0, document: { models: [] } });
    expect(await json(['bars', 'undo', '2', '--dry-run'], env)).toMatchObject(named);
    expect(await json(['bars', 'delete', '--symbol', 'NZDUSD', '--dry-run'], env)).toMatchObject({
      document: { models: ['20250101_0001', '20250101_0002'] },
    });
  });

  it('is not needed where nothing was taken: a refused import has exit code 1, a part of a folder 3', async () => {
    const env = { MINUTEHAND_DATABASE_URL: join(place.folder, 'part.db') };
    const folder = join(place.folder, 'part');
    mkdirSync(folder);
    const rows = (price: number) =>
      Array.from({ length: 60 }, (_, i) => `${1_736_121_600 + i * 60},${price},${price},${price},${price},${i}`);
    const write = (name: string, lines: readonly string[]): void =>
      writeFileSync(join(folder, name), ['time,open,high,low,close,volume', ...lines].join('\n'));
    write('EURUSD.csv', rows(-1));
    const refused = await place.call(['bars', 'import', join(folder, 'EURUSD.csv')], { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/BARS_REFUSED: [^]*EURUSD: REJECTED 60 of 60 rows[^]*BAR_NOT_POSITIVE/);
    write('USDCAD.csv', rows(1.4));
    const part = await place.call(['bars', 'import', folder], { env });
    expect(part.code).toBe(3);
    expect(part.stdout).toContain('USDCAD: 60 read, 60 added');
    expect(part.stderr).toContain('BARS_REFUSED');
  });
});

describe('bars check', () => {
  it('takes what an import has accepted as known, and ends with what is new; --accept is for one check', async () => {
    const env = { MINUTEHAND_DATABASE_URL: join(place.folder, 'known.db') };
    const YEAR_S = 365 * 86_400;
    const WEEK_S = 7 * 86_400;
    const file = (name: string, startS: number, count: number, gapBefore = Infinity): string => {
      const lines = Array.from({ length: count }, (_, i) => {
        const time = startS + i * 60 - (i < gapBefore ? 0 : -YEAR_S);
        return `${time},1.35,1.45,1.3,1.35,${i}`;
      });
      const path = join(place.folder, name);
      writeFileSync(path, ['time,open,high,low,close,volume', ...lines].join('\n'));
      return path;
    };
    const TUESDAY_S = 1_704_191_400;
    const gapped = file('USDCAD.csv', TUESDAY_S, 200, 100);
    expect(await json(['bars', 'import', gapped], env)).toMatchObject({ code: 1 });
    expect(await json(['bars', 'import', gapped, '--accept', 'GAP'], env)).toMatchObject({ code: 0 });
    const known = await place.call(['bars', 'check'], { env });
    expect(known).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/USDCAD: GAP .* \(accepted: GAP\)/) as string,
    });
    expect(await json(['bars', 'check'], env)).toMatchObject({
      document: [{ symbol: 'USDCAD', verdict: { verdict: 'GAP' }, accepted: ['GAP'] }],
    });
    // A file that has one gap less is a file of its own: its path is no import.
    expect(await json(['bars', 'check', gapped], env)).toMatchObject({ code: 1, document: [{ accepted: [] }] });
    expect(await json(['bars', 'check', gapped, '--accept', 'GAP'], env)).toMatchObject({ code: 0 });
    // A year before, on a Tuesday as well: each file is whole, the gap between them is new.
    expect(await json(['bars', 'import', file('USDCAD_M1_2023.csv', TUESDAY_S - 52 * WEEK_S, 60)], env)).toMatchObject({
      code: 0,
    });
    expect(await json(['bars', 'check'], env)).toMatchObject({ code: 1, document: [{ accepted: [] }] });
    expect(await json(['bars', 'check', '--accept', 'GAP'], env)).toMatchObject({
      code: 0,
      document: [{ accepted: ['GAP'] }],
    });
  });
});

describe('bars export', () => {
  it('ends with 3 where a part of the symbols has no bar of the period, and with 1 where none has', async () => {
    const env = { MINUTEHAND_DATABASE_URL: join(place.folder, 'periods.db') };
    const folder = join(place.folder, 'periods');
    mkdirSync(folder);
    const write = (symbol: string, startS: number): void => {
      const lines = Array.from({ length: 60 }, (_, i) => `${startS + i * 60},1.35,1.45,1.3,1.35,${i}`);
      writeFileSync(join(folder, `${symbol}.csv`), ['time,open,high,low,close,volume', ...lines].join('\n'));
    };
    write('USDCAD', Date.parse('2025-01-06T00:00Z') / 1000);
    write('EURUSD', Date.parse('2025-01-08T00:00Z') / 1000);
    expect(await json(['bars', 'import', folder, '--accept', 'SCALED', 'SUSPECT'], env)).toMatchObject({ code: 0 });
    const out = join(place.folder, 'periods_out');
    const exported = (from: string, to: string) =>
      place.call(['bars', 'export', '--out', out, '--format', 'csv', '--from', from, '--to', to], { env });
    expect(await exported('2025-01-06', '2025-01-09')).toMatchObject({ code: 0 });
    const part = await exported('2025-01-08', '2025-01-09');
    expect(part.code).toBe(3);
    expect(part.stdout).toContain('EURUSD: 60 bars in');
    expect(part.stderr).toMatch(/USDCAD: no bar of this period; .*USDCAD\.csv has its header only/);
    expect(readdirSync(out).sort()).toEqual(['EURUSD.csv', 'USDCAD.csv']);
    const none = await exported('2025-02-01', '2025-02-02');
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/EURUSD: no bar of this period[^]*USDCAD: no bar of this period/);
  });

  it('reports what is missing, and writes nothing if the destination is not a folder', async () => {
    const env = { MINUTEHAND_DATABASE_URL: join(place.folder, 'empty.db') };
    const out = join(place.folder, 'nothing');
    expect(await json(['bars', 'export', '--out', out], env)).toMatchObject({
      code: 1,
      document: { error: { code: 'DATA_MISSING' } },
    });
    expect(existsSync(out)).toBe(false);
    // What a daemon received is judged as an import of it: ten times what a euro costs.
    const path = homePaths({ MINUTEHAND_HOME: place.home }).journal('live', 'main');
    mkdirSync(dirname(path), { recursive: true });
    const journal = openJournal(path);
    const received = Array.from({ length: 60 }, (_, i): Bar => {
      const close = 10.8 + (i % 7) / 1000;
      return { symbol: 'EURUSD', time: (i * 60) as OpenTime, open: close, high: close, low: close, close, volume: i };
    });
    journal.append(
      received.map((bar) => ({ kind: 'bar', subject: bar.symbol, time: bar.time, bar, backfill: true })),
      [],
    );
    journal.close();
    expect(await json(['bars', 'check'], env)).toMatchObject({
      code: 1,
      document: [{ symbol: 'EURUSD', bars: 60, verdict: { verdict: 'SCALED' } }],
    });
    rmSync(path);
    const one = join(place.folder, 'one');
    mkdirSync(one);
    writeFileSync(join(one, 'EURUSD.csv'), 'time,open,high,low,close,volume\n60,1,1,1,1,0\n');
    expect(await json(['bars', 'import', one], env)).toMatchObject({ code: 0 });
    expect(await json(['bars', 'export', '--out', join(one, 'EURUSD.csv')], env)).toMatchObject({
      code: 1,
      document: { error: { code: 'OUTPUT_UNWRITABLE' } },
    });
    expect(await json(['bars', 'export', '--out', out, '--symbol', 'NOPE'], env)).toMatchObject({ code: 1 });
    expect(await json(['bars', 'export', '--out', out, '--format', 'xls'], env)).toMatchObject({ code: 2 });
  });

  it('is refused with a code when the server is down, and without its password', async () => {
    const finished = await place.call(['bars', 'check'], {
      env: { MINUTEHAND_DATABASE_URL: 'postgres://user:s3cret@127.0.0.1:1/db' },
    });
    expect(finished.code).toBe(1);
    expect(finished.stderr).toContain('STORE_UNUSABLE');
    expect(finished.stderr).not.toContain('s3cret');
  });
});
