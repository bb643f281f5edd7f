import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readActive, readManifest } from '../shared/bundle/bundle.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { TINY_MINUTES, tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const IDS = ['EURUSD_GBPUSD', 'XAUUSD_XAGUSD'];

let place: Workplace;
let data: string;
beforeAll(async () => {
  place = createWorkplace({ minutehand: { pairs: IDS } });
  data = await place.writeBars('bars', new Map(tinyBars(place.settings, TINY_MINUTES)));
  writeFileSync(join(place.config, 'features.yaml'), 'far: cs_rank(z_abs)\ncalm: mean(cs_mean(vol_jump), 5)\n');
});
afterAll(() => place.remove());

describe('a formula that compares pairs', () => {
  it('is shown by `features --formula` of a pair, and of nothing else', async () => {
    const out = join(place.folder, 'values.csv');
    const valuesOf = async (pair: string, formula: string): Promise<number[]> => {
      const args = ['features', '--data', data, '--pairs', pair, '--formula', formula, '--out', out];
      const { code, stderr } = await place.call(args);
      expect(code, stderr).toBe(0);
      const rows = readFileSync(out, 'utf8').trimEnd().split('\n').slice(-200);
      return rows.map((row) => Number(row.split(',').at(-1)));
    };
    const first = await valuesOf(IDS[0]!, 'cs_rank(z_abs)');
    const second = await valuesOf(IDS[1]!, 'cs_rank(z_abs)');
    // Of two pairs one is farther out.
    first.forEach((value, i) => expect(value + second[i]!).toBe(1));
    expect(new Set(first).size).toBe(2);
    const symbol = await place.call([
      ...['features', '--data', data, '--symbol', 'XAUUSD', '--formula', 'cs_rank(close / open)', '--json'],
    ]);
    expect(symbol.code).not.toBe(0);
    expect(symbol.stdout + symbol.stderr).toContain('FORMULA_GROUP');
  });

  it('is trained on the group that its bundle names, compared, replayed, and served as the active one alone', async () => {
    const flags = ['--data', data, '--workers', '1', '--json'];
    const trained = await place.run(['train', ...flags, '--no-cache', '--trials', '0']);
    expect(trained.stderr).not.toContain('cannot be served live');
    const { version } = JSON.parse(trained.stdout) as { version: string };
    const manifest = readManifest(join(place.models, version));
    expect(manifest.windows.formulas).toBe(
      `far for ${IDS.join()} = cs_rank(z_abs)\ncalm for ${IDS.join()} = mean(cs_mean(vol_jump), 5)`,
    );
    expect(manifest.gates!.find((gate) => 'code' in gate && gate.code === 'features_look_ahead')).toMatchObject({
      passed: true,
    });

    // The bars of the whole group are read, whichever pair is asked for.
    const folder = join(place.models, version);
    for (const pairs of [[], ['--pairs', IDS[1]!]]) {
      const compared = await place.call(['backtest', '--models', folder, ...pairs, ...flags]);
      expect(compared.code, compared.stdout + compared.stderr).toBe(0);
    }

    const table = join(place.folder, 'rows.csv');
    const exported = await place.call(['dataset', 'export', '--data', data, '--out', table, '--json']);
    expect(exported.code, exported.stdout + exported.stderr).toBe(0);
    const [header, ...rows] = readFileSync(table, 'utf8').trimEnd().split('\n');
    const far = header!.split(',').indexOf('far');
    expect(new Set(rows.slice(-100).map((row) => row.split(',')[far]))).toEqual(new Set(['0', '1']));

    const despite = ['--despite-gates', '--reason', 'a test'];
    for (const args of [
      ['rollout', 'start', version, ...despite],
      ['models', 'shadow', version],
    ]) {
      const { code, stdout, stderr } = await place.call([...args, '--json']);
      expect(code, args.join(' ')).not.toBe(0);
      expect(stdout + stderr, args.join(' ')).toContain('MODEL_CROSS_SECTIONS');
    }
    // One pair alone is compared with the whole group.
    for (const pairs of [[], ['--pairs', IDS[1]!]]) {
      const replayed = await place.call(['replay', '--data', data, '--models', folder, ...pairs, '--json']);
      expect(replayed.code, replayed.stdout + replayed.stderr).toBe(0);
    }
    const env = { MINUTEHAND_MARKET: 'live' };
    const promoted = await place.run(['models', 'promote', version, ...despite, '--json'], { env });
    expect(promoted.code, promoted.stdout + promoted.stderr).toBe(0);
    expect(readActive(place.models)).toMatchObject({ version });
  });
});
