import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { readActive, readManifest } from '../shared/bundle/bundle.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { TINY_MINUTES, tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const FORMULAS = 'lead: delta(log(symbol("NZDUSD").close), 5)\n';

let place: Workplace;
let data: string;
let bars: ReadonlyMap<string, BarColumns>;
beforeAll(async () => {
  place = createWorkplace({ minutehand: { pairs: ['XAUUSD_XAGUSD'] } });
  const own = tinyBars(place.settings, TINY_MINUTES);
  // Of no subject of this installation.
  bars = new Map([...own, ['NZDUSD', { ...own.get('XAGUSD')!, symbol: 'NZDUSD' }]]);
  data = await place.writeBars('bars', new Map(bars));
  writeFileSync(join(place.config, 'features.yaml'), FORMULAS);
});
afterAll(() => place.remove());

describe('a formula that reads another symbol', () => {
  it('is shown by `features --formula` of a pair and of a symbol', async () => {
    const out = join(place.folder, 'values.csv');
    const subjects = [
      ['--pairs', 'XAUUSD_XAGUSD', 'a.close / symbol("NZDUSD").close'],
      ['--symbol', 'XAUUSD', 'close / symbol("NZDUSD").close'],
    ];
    for (const [option, subject, formula] of subjects) {
      const args = ['features', '--data', data, option!, subject!, '--formula', formula!, '--out', out];
      const { code, stderr } = await place.call(args);
      expect(code, stderr).toBe(0);
      const rows = readFileSync(out, 'utf8').trimEnd().split('\n').slice(1);
      const last = bars.get('XAUUSD')!.length - 1;
      const expected = bars.get('XAUUSD')!.close[last]! / bars.get('NZDUSD')!.close[last]!;
      expect(Number(rows.at(-1)!.split(',')[1])).toBe(expected);
    }
    const absent = await place.call([
      ...['features', '--data', data, '--pairs', 'XAUUSD_XAGUSD'],
      ...['--formula', 'symbol("USDJPY").close / a.close', '--json'],
    ]);
    expect(absent.code).not.toBe(0);
    expect(absent.stdout + absent.stderr).toContain('DATA_MISSING');
  });

  it('of which no daemon gets bars is refused before a training that is to be adopted', async () => {
    const { code, stdout, stderr } = await place.run(['train', '--data', data, '--adopt', '--workers', '1', '--json'], {
      env: { MINUTEHAND_MARKET: 'live' },
    });
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(/MODEL_SYMBOLS[\s\S]*NZDUSD for XAUUSD_XAGUSD/);
    expect(readActive(place.models)).toBeNull();
  });

  it('of which no daemon gets bars is trained, compared and replayed over bars, and not served', async () => {
    const trained = await place.run([
      'train',
      '--data',
      data,
      '--workers',
      '1',
      '--no-cache',
      '--trials',
      '0',
      '--json',
    ]);
    expect(trained.stderr).toContain('reads NZDUSD for XAUUSD_XAGUSD: these models can be compared by backtest');
    const { version } = JSON.parse(trained.stdout) as { version: string };
    const manifest = readManifest(join(place.models, version));
    expect(manifest.windows.formulas).toBe('lead = delta(log(symbol("NZDUSD").close), 5)');
    expect(manifest.features.at(-1)).toBe('lead');
    expect(manifest.gates!.find((gate) => 'code' in gate && gate.code === 'features_look_ahead')).toMatchObject({
      passed: true,
    });

    const compared = await place.call([
      'backtest',
      '--models',
      join(place.models, version),
      '--data',
      data,
      '--workers',
      '1',
      '--json',
    ]);
    expect(compared.code, compared.stdout + compared.stderr).toBe(0);

    const despite = ['--despite-gates', '--reason', 'a test'];
    const refused = await place.call(['models', 'promote', version, ...despite, '--json']);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toContain('MODEL_SYMBOLS');
    expect(readActive(place.models)).toBeNull();
    expect(readdirSync(place.models)).toContain(version);

    const replayed = await place.call(['replay', '--data', data, '--models', join(place.models, version), '--json']);
    expect(replayed.code, replayed.stdout + replayed.stderr).toBe(0);
  });
});
