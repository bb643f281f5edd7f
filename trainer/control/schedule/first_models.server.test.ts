import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate } from '../../../test/activate.ts';
import { barAt } from '../../../shared/bar_file/bar_file.ts';
import { homePaths } from '../../../shared/home.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { tinyBars, tinySettings, tinyModels } from '../../../test/tiny_models.ts';
import { openStore } from '../../store/store.ts';
import { lackOfModels, waitForFirstBars } from './first_models.ts';

const settings = tinySettings({ minutehand: { simulated: { history_bars: 600 } } });
let root: string;
let version: string;
let home: string;
let count = 0;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-first-'));
  ({ version } = await tinyModels(join(root, 'trained')));
});
beforeEach(() => {
  home = join(root, String(count++));
  cpSync(join(root, 'trained'), join(home, 'models'), { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('the lack of models', () => {
  const paths = () => homePaths({ MINUTEHAND_HOME: home });
  const pointAt = (text: string): void => writeFileSync(join(home, 'models', 'active.json'), text);

  it('exists until models are active, and not afterward', () => {
    expect(lackOfModels(settings, paths())).toBe('No models yet');
    activate(paths().models, version);
    expect(lackOfModels(settings, paths())).toBeNull();
  });

  it('exists when the daemon would refuse the active bundle: other features, a simulated market for a live one, a missing bundle', () => {
    activate(paths().models, version);
    const otherWindows = tinySettings({ minutehand: { windows: { beta_window: 40 } } });
    expect(lackOfModels(otherWindows, paths())).toContain('other features');
    expect(lackOfModels(tinySettings({ minutehand: { market: 'live' } }), paths())).toContain('simulated market');
    pointAt(JSON.stringify({ version: '20200101_0000', previous: null }));
    expect(lackOfModels(settings, paths())).toContain('missing');
  });

  it('does not exist when something is damaged: that needs a person', () => {
    pointAt('{');
    expect(lackOfModels(settings, paths())).toBeNull();
    activate(paths().models, version);
    writeFileSync(join(home, 'models', version, 'manifest.json'), '{');
    expect(lackOfModels(settings, paths())).toBeNull();
  });
});

describe('waiting for first bars', () => {
  it('ends when the journal has as many bars as training needs, and reports once what it waits for', async () => {
    const paths = homePaths({ MINUTEHAND_HOME: home });
    const printed: string[] = [];
    let enough: boolean | null = null;
    const waiting = waitForFirstBars(settings, paths, new AbortController().signal, 'No models yet', (line) =>
      printed.push(line),
    );
    void waiting.then((answer) => (enough = answer));
    await expect.poll(() => printed.length).toBe(1);
    expect(printed).toEqual([
      'No models yet: training starts when a symbol has 600 recent one-minute bars (1 day around the clock); it has 0 now.',
    ]);

    const columns = [...tinyBars(settings, 600).values()][0]!;
    const journal = openJournal(paths.journal('simulated', 'main'));
    const rows = Array.from({ length: 600 }, (_, index) => barAt(columns, index)).map((bar) => {
      return { kind: 'bar', subject: bar.symbol, time: bar.time, bar, backfill: true } as const;
    });
    journal.append(rows.slice(0, 599), []);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(enough).toBeNull();
    journal.append(rows.slice(599), []);
    expect(await waiting).toBe(true);
    expect(printed).toHaveLength(1);
    journal.close();
  });

  it('is for every shard of a simulated market that has begun: training does not start with the first shard’s history alone', async () => {
    const paths = homePaths({ MINUTEHAND_HOME: home });
    const { pairs } = settings.minutehand;
    const a = pairs.slice(0, 1);
    const b = pairs.slice(1);
    const parted = { ...settings, minutehand: { ...settings.minutehand, shards: { a, b } } };
    const columns = [...tinyBars(settings, 600).values()][0]!;
    const rows = Array.from({ length: 600 }, (_, index) => barAt(columns, index)).map((bar) => {
      return { kind: 'bar', subject: bar.symbol, time: bar.time, bar, backfill: true } as const;
    });
    const journals = ['a', 'b'].map((shard) => openJournal(paths.journal('simulated', shard)));
    journals[0]!.append(rows, []);
    journals[1]!.append(rows.slice(0, 599), []);
    const printed: string[] = [];
    const waiting = waitForFirstBars(parted, paths, new AbortController().signal, 'No models yet', (line) =>
      printed.push(line),
    );
    await expect.poll(() => printed).toHaveLength(1);
    expect(printed[0]).toContain('it has 599 now');
    journals[1]!.append(rows.slice(599), []);
    expect(await waiting).toBe(true);
    for (const journal of journals) journal.close();
  });

  it('ends at once when enough was imported', async () => {
    const paths = homePaths({ MINUTEHAND_HOME: home });
    const store = await openStore(paths.trainer);
    await store.bars.put('simulated', [...tinyBars(settings, 600).values()][0]!);
    await store.close();
    const wait = waitForFirstBars(settings, paths, new AbortController().signal, 'No models yet', () => undefined);
    expect(await wait).toBe(true);
  });

  it('counts recent history alone: bars of 2019 and one of today are one bar, wherever each of them is', async () => {
    const paths = homePaths({ MINUTEHAND_HOME: home });
    const live = { ...settings, minutehand: { ...settings.minutehand, market: 'live' as const } };
    const columns = [...tinyBars(settings, 600).values()][0]!;
    const moved = (to: number) => ({ ...columns, time: columns.time.map((time) => time - columns.time[0]! + to) });
    const today = (Math.floor(Date.now() / 60_000) - 700) * 60;
    const store = await openStore(paths.trainer);
    await store.bars.put('live', moved(Date.UTC(2019, 6, 1) / 1000));
    const printed: string[] = [];
    const aborted = new AbortController();
    const look = (): Promise<boolean> =>
      waitForFirstBars(live, paths, aborted.signal, 'No models yet', (line) => printed.push(line));
    let waiting = look();
    await expect.poll(() => printed).toHaveLength(1);
    expect(printed[0]).toContain('it has 0 now (bars up to 2019-07-01T09:59Z are more than five days old)');
    aborted.abort();
    expect(await waiting).toBe(false);

    const journal = openJournal(paths.journal('live', 'main'));
    const bars = Array.from({ length: 600 }, (_, index) => barAt(moved(today), index)).map((bar) => {
      return { kind: 'bar', subject: bar.symbol, time: bar.time, bar, backfill: true } as const;
    });
    journal.append(bars.slice(0, 1), []);
    waiting = waitForFirstBars(live, paths, new AbortController().signal, 'No models yet', (line) =>
      printed.push(line),
    );
    await expect.poll(() => printed).toHaveLength(2);
    expect(printed[1]).toContain('it has 1 now (bars up to 2019-07-01T09:59Z are before a gap of more than five days)');
    journal.append(bars.slice(1), []);
    expect(await waiting).toBe(true);
    journal.close();
    await store.close();
  });

  it('ends at once when it is aborted', async () => {
    const aborted = new AbortController();
    const waiting = waitForFirstBars(
      settings,
      homePaths({ MINUTEHAND_HOME: home }),
      aborted.signal,
      'No models yet',
      () => aborted.abort(),
    );
    expect(await waiting).toBe(false);
  });
});
