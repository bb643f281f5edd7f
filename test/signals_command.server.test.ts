import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { homePaths } from '../shared/home.ts';
import { expectedLines, journalSignals, simulatedDay } from '../trainer/control/history/signals.fixture.ts';
import { createWorkplace, type Finished, type Workplace } from './cli_process.ts';

const DAY = '2024-03-04';
const rows = simulatedDay(DAY, { pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'], minutes: 30 });

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
  journalSignals(homePaths({ MINUTEHAND_HOME: place.home }).journal('live', 'main'), rows);
});
afterAll(() => place.remove());

function dayAfter(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}

describe('minutehand signals', () => {
  it('archives, verifies, lists, restores, and reports wrong arguments', async () => {
    const csv = join(place.folder, 'signals.csv');
    const lines = join(place.folder, 'day.jsonl');
    const live = ['--market', 'live', '--json'];
    const asked = [
      ['signals', 'archive', ...live],
      ['signals', 'archive', '--day', DAY, ...live],
      ['signals', 'verify', '--restore', ...live],
      ['signals', 'days', ...live],
      ['signals', 'list', '--pair', 'XAUUSD_XAGUSD', '--limit', '5', ...live],
      ['signals', 'list', '--live', ...live],
      ['signals', 'list', '--out', csv, ...live],
      ['signals', 'restore', '--day', DAY, ...live],
      ['signals', 'restore', '--from', DAY, '--to', DAY, '--out', lines, ...live],
      ['signals', 'restore', '--day', '2024-03-05', ...live],
      ['signals', 'archive', '--day', '2999-01-01', ...live],
      ['signals', 'restore', ...live],
      ['signals', 'verify', '--day', '2024-02-30', ...live],
    ];
    const answers = await place.runEach(asked);
    const results = answers.map(({ stdout }) => JSON.parse(stdout) as Record<string, never>);
    const [archived, again, verified, days, listed, last, exported, restored, file, ...failed] = results;
    expect(archived).toMatchObject({ written: [{ day: DAY, part: 1, rows: rows.length }], failures: [] });
    // The day is older than signals_history_days, so it was pruned as soon as its archive was verified.
    expect(archived).toMatchObject({ pruned: [{ day: DAY, rows: rows.length }] });
    expect(again).toMatchObject({ written: [] });
    expect(verified).toMatchObject({
      days: [{ day: DAY, state: 'ok', archived: rows.length, stored: 0, restored: rows.length }],
    });
    expect(days).toMatchObject({ days: [{ day: DAY, added: rows.length, archived: rows.length, parts: 1 }] });
    expect(listed!['signals']).toEqual([]);
    expect((last!['signals'] as { seq: number }[]).map(({ seq }) => seq)).toEqual([30, 30]);
    // A file without a row is no success.
    expect(exported).toMatchObject({ rows: 0 });
    expect(restored).toMatchObject({ days: [{ day: DAY, rows: rows.length, added: rows.length }] });
    expect(file).toMatchObject({ rows: rows.length });
    expect(readFileSync(lines, 'utf8').trimEnd().split('\n')).toEqual(expectedLines(rows));
    expect(failed.map((answer) => (answer['error'] as { code: string }).code)).toEqual([
      'ARCHIVE_MISSING',
      'ARCHIVE_DAY_OPEN',
      'USAGE',
      'USAGE',
    ]);
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 2, 2]);

    // What has nothing to work on is no success, and no proof.
    const nothing = await place.runEach([
      ['signals', 'archive', '--day', '2024-03-05', '--market', 'live'],
      ['signals', 'verify', '--day', '2024-03-05', '--market', 'live'],
      ['signals', 'verify', '--restore', '--market', 'simulated'],
      ['models', 'recover'],
    ]);
    expect(nothing.map(({ code, stdout, stderr }) => [code, `${stdout}${stderr}`])).toEqual([
      [1, expect.stringContaining('2024-03-05: neither the history nor the archive has signals of it')],
      [1, expect.stringContaining('2024-03-05  EMPTY')],
      [1, expect.stringContaining('nothing was verified')],
      [1, expect.stringContaining('nothing is recovered')],
    ]);

    // A day that was never archived does not hide those that were restored.
    const part = await place.run(['signals', 'restore', '--from', DAY, '--to', dayAfter(DAY), '--market', 'live']);
    expect([part.code, part.stderr]).toEqual([3, expect.stringContaining('never archived') as string]);

    const [enters, text, csvAnswer, both, one] = await place.runEach([
      ['signals', 'list', '--day', DAY, '--action', 'ENTER', '--limit', '100', ...live],
      ['signals', 'list', '--day', DAY, '--limit', '3', '--market', 'live'],
      ['signals', 'list', '--day', DAY, '--out', csv, ...live],
      ['signals', 'list', '--day', DAY, '--limit', '1000', '--pairs', 'XAUUSD_XAGUSD,EURUSD_GBPUSD', ...live],
      ['signals', 'list', '--day', DAY, '--limit', '1000', '--pair', 'XAUUSD_XAGUSD', ...live],
    ]);
    const expectedEnters = rows.filter(({ body }) => body.includes('"action":"ENTER"')).map(({ signalId }) => signalId);
    const { signals } = JSON.parse(enters!.stdout) as { signals: { signal_id: string }[] };
    expect(signals.map(({ signal_id }) => signal_id).sort()).toEqual(expectedEnters.sort());
    const pairsOf = ({ stdout }: Finished): string[] =>
      (JSON.parse(stdout) as { signals: { pair_id: string }[] }).signals.map(({ pair_id }) => pair_id);
    expect(pairsOf(both!)).toHaveLength(rows.length);
    expect(pairsOf(one!)).toEqual(pairsOf(both!).filter((id) => id === 'XAUUSD_XAGUSD'));
    expect(text!.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(JSON.parse(csvAnswer!.stdout)).toMatchObject({ rows: rows.length });
    const [header, ...cells] = readFileSync(csv, 'utf8').trimEnd().split('\n');
    expect(header).toMatch(/^market,generated_at_ms,pair_id,boot_id,seq,/);
    expect(cells).toHaveLength(rows.length);
    rmSync(csv);
  });
});
