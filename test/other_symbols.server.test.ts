import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import { clipBars, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { readActive, readManifest } from '../shared/bundle/bundle.ts';
import { createWorkplace, type Finished, type Workplace } from './cli_process.ts';
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
      const expected = bars.get('XAUUSD')!.close[last]! / bars.get('NZDUSD')!.close[last - 1]!;
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

describe('models that read the symbol of an instrument', () => {
  let fed: Workplace;
  beforeAll(async () => {
    fed = createWorkplace({
      retrain: { adopt_min_candidates: 20 },
      minutehand: { pairs: ['XAUUSD_XAGUSD'], instruments: ['NZDUSD@1h'] },
    });
    await fed.writeBars('bars', new Map(bars));
    writeFileSync(join(fed.config, 'features.yaml'), FORMULAS);
  });
  afterAll(() => fed.remove());

  /** Bars of the simulated market in files count as live ones. */
  const env = { MINUTEHAND_MARKET: 'live' };
  const train = (...flags: string[]): Promise<Finished> =>
    fed.run(['train', '--data', 'bars', '--workers', '1', '--no-cache', '--json', ...flags], { env });

  it('are compared with those that are trained when the formula is out of the file, and are continued with its bars', async () => {
    const trained = await train('--trials', '0');
    const { version } = JSON.parse(trained.stdout) as { version: string };
    const despite = ['--despite-gates', '--reason', 'a test'];
    const promoted = await fed.run(['models', 'promote', version, ...despite], { env });
    expect(promoted.code, promoted.stderr).toBe(0);

    rmSync(join(fed.config, 'features.yaml'));
    const next = await train('--trials', '0');
    const { version: other, gates } = JSON.parse(next.stdout) as { version: string; gates: readonly object[] };
    expect(gates).toContainEqual(
      expect.objectContaining({ code: 'champion_auc', evidence: expect.objectContaining({ version }) as object }),
    );
    // Only what it reads is in its hash.
    const hashes = [version, other].map((one) => readManifest(join(fed.models, one)).data_hash);
    expect(new Set(hashes).size).toBe(2);
    const deep = ['models', 'verify', other, '--deep', '--data', 'bars', '--workers', '1', '--json'];
    const verified = await fed.run(deep, { env });
    expect(JSON.parse(verified.stdout)).toMatchObject({ deep: 'same' });

    // Whatever else keeps it from going on, it is not that a formula has no bars.
    for (const flag of ['--theta2', '--warm-start']) {
      const { stdout, stderr } = await train(flag);
      expect(stdout + stderr, flag).not.toContain('no bars of NZDUSD');
    }
  });

  it('refuse a training whose bars lack the symbol, or its newest bars, before anything is learned', async () => {
    const known = bars.get('NZDUSD')!;
    const { time } = known;
    const early = clipBars(known, undefined, time[Math.floor(time.length / 2)] as OpenTime);
    const without = new Map([...bars].filter(([symbol]) => symbol !== 'NZDUSD'));
    await fed.writeBars('lacking', without);
    await fed.writeBars('ended', new Map([...without, ['NZDUSD', early]]));
    const before = readdirSync(fed.models);
    const commands = [
      ['train', '--trials', '0'],
      ['train', '--trials', '0', '--adopt'],
      ['train', '--dry-run'],
      ['check', 'ml-models', '--dry-run'],
    ];
    for (const command of commands)
      for (const [folder, seen] of [
        ['lacking', 'no bars of NZDUSD, which'],
        ['ended', 'no bars of NZDUSD between'],
      ] as const) {
        const { code, stdout, stderr } = await fed.call([...command, '--data', folder, '--json'], { env });
        const told = stdout + stderr;
        expect(code, told).toBe(1);
        expect(told).toContain('COMPARISON_IMPOSSIBLE');
        expect(told).toContain(seen);
      }
    expect(readdirSync(fed.models)).toEqual(before);
    const elsewhere = await fed.call(['train', '--dry-run', '--data', 'lacking', '--out', 'other-models'], { env });
    expect(elsewhere.code, elsewhere.stderr).toBe(0);
  });

  it('are not learned from bars that end before the holdout', async () => {
    writeFileSync(join(fed.config, 'features.yaml'), FORMULAS);
    const { code, stdout, stderr } = await fed.call(['train', '--dry-run', '--data', 'ended', '--out', 'new'], { env });
    rmSync(join(fed.config, 'features.yaml'));
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/DATA_MISSING[\s\S]*no bars of NZDUSD between/);
  });
});
