import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_settings.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let place: Workplace;
let data: string;
beforeAll(async () => {
  place = createWorkplace();
  data = await place.writeBars('bars', tinyBars(place.settings, 5000));
});
afterAll(() => place.remove());

describe('minutehand scan', () => {
  it('tries each two symbols in each timeframe, and writes table and page, the same with any number of threads and by its document', async () => {
    const outs = ['1', '2'].map((workers) => join(place.folder, `with ${workers}`));
    const scan = ['scan', '--data', data, '--timeframes', '1m,5m', '--windows', '30/20,60/30', '--resamples', '200'];
    const documents = [];
    for (const [i, out] of outs.entries()) {
      const flags = [...scan, '--workers', String(i + 1), '--out', out];
      // The second one by its document, as the trainer runs it.
      const input = i === 0 ? '' : (await place.run([...flags, '--print-job'])).stdout;
      const command = i === 0 ? [...flags, '--json'] : ['job', 'run', '-', '--json'];
      const { code, stdout, stderr } = await place.run(command, { input });
      expect(code, stderr).toBe(0);
      const { seconds: _seconds, files: _files, ...document } = JSON.parse(stdout) as Record<string, never>;
      documents.push(document);
    }
    expect(documents[0]).toEqual(documents[1]);
    const { trials } = documents[0] as unknown as { trials: { pair: string }[] };
    // Six symbols: fifteen pairs, two timeframes, two sets of windows.
    expect(trials).toHaveLength(60);
    expect(trials.map(({ pair }) => pair)).toEqual(expect.arrayContaining(['XAUUSD_XAGUSD', 'XAUUSD_XAGUSD@5m']));
    const csv = readFileSync(join(outs[0]!, 'trials.csv'), 'utf8').trimEnd().split('\n');
    expect(csv).toHaveLength(61);
    for (const name of ['trials.csv', 'report.html'])
      expect(readFileSync(join(outs[0]!, name), 'utf8')).toBe(readFileSync(join(outs[1]!, name), 'utf8'));
  });

  it('does not take one bar of today behind bars of years ago for a holdout', async () => {
    const bars = [...tinyBars(place.settings, 2000)].map(([symbol, columns]) => {
      const time = Float64Array.from(columns.time);
      time[columns.length - 1]! += 2 * 365 * 86_400;
      return [symbol, { ...columns, time }] as const;
    });
    const stray = await place.writeBars('stray', new Map(bars));
    const scan = ['scan', '--data', stray, '--timeframes', '5m', '--symbols', 'XAUUSD,XAGUSD', '--resamples', '200'];
    const { code, stderr } = await place.call(scan);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/DATA_TOO_SHORT[^]* 2 of 4000 bars[^]*bars check/)]);
    const until = new Date(bars[0]![1].time[1998]! * 1000 + 60_000).toISOString().slice(0, 16);
    expect((await place.call([...scan, '--to', until])).code).toBe(0);
  });

  it('prints its results and the number of trials, and refuses unreadable input', async () => {
    const { code, stdout } = await place.run([
      'scan',
      '--data',
      data,
      '--timeframes',
      '5m',
      '--symbols',
      'XAUUSD,XAGUSD',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^1 trials?\. Development/);
    expect(stdout).toMatch(/1 trials|p of the best among all/);
    for (const flags of [
      ['--timeframes', '7m'],
      ['--windows', '240'],
      ['--symbols', 'XAUUSD,NOPE'],
      ['--level', '2'],
    ])
      expect((await place.run(['scan', '--data', data, ...flags])).code).toBe(2);
    const nowhere = await place.run(['scan', '--data', join(place.folder, 'nowhere')]);
    expect(nowhere.stderr).toMatch(/^DATA_MISSING/);
  });
});
