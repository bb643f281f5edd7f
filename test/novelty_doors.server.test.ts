import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeBarFile, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { keyOf, type GateResult } from '../shared/bundle/gates/gate_result.ts';
import type { DirectionManifest } from '../shared/bundle/direction/direction_manifest.ts';
import type { Manifest } from '../shared/bundle/manifest.ts';
import { homePaths } from '../shared/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { readInstruments } from '../trainer/jobs/bars/instruments.ts';
import { defaultLabel, DIRECTION_DEFAULTS } from '../trainer/jobs/kinds/direction_defaults.ts';
import { planOf } from '../trainer/jobs/kinds/run_direction.ts';
import type { DeepVerification } from '../trainer/jobs/kinds/verify_training.ts';
import { DIRECTION_TRAINING } from '../trainer/jobs/strategies/direction/training.ts';
import { PAIR_REVERSION_TRAINING } from '../trainer/jobs/strategies/pair_reversion/training.ts';
import { makeDirectionBundle } from '../trainer/learning/strategies/direction/make_direction_bundle.ts';
import { trainDirection } from '../trainer/learning/strategies/direction/train_direction.ts';
import { adoptionGates } from '../trainer/learning/training/adoption_gates.ts';
import { activate } from './activate.ts';
import { createWorkplace } from './cli_process.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';
import { trainTinyModels } from './trained_models.ts';

/* `novelty_min` in what a training decides and proves, in `models verify --deep`, and beside the champion. */

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const LIMIT = 0.5;
const plain = tinySettings();
const limited = tinySettings({ core: { novelty_min: LIMIT } });

const root = mkdtempSync(join(tmpdir(), 'minutehand-novelty-doors-'));
const paths = homePaths({ MINUTEHAND_HOME: join(root, 'home') });
const data = join(root, 'bars');
let bars: ReadonlyMap<string, BarColumns>;
let free: Awaited<ReturnType<typeof trainTinyModels>>;
let bound: Awaited<ReturnType<typeof trainTinyModels>>;

beforeAll(async () => {
  mkdirSync(data);
  bars = tinyBars(plain);
  for (const columns of bars.values()) await writeBarFile(join(data, `${columns.symbol}.csv`), columns);
  free = await trainTinyModels(paths.models, { settings: plain, bars });
  bound = await trainTinyModels(paths.models, { settings: limited, bars });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const verifying = (settings: Settings): DeepVerification => ({
  settings,
  paths,
  folder: data,
  series: null,
  workers: 0,
  gitCommit: null,
  onProgress: () => undefined,
});

/** Changes the manifest of a bundle, which is not signed. */
function rewrite<Of extends Manifest | DirectionManifest>(folder: string, change: (manifest: Of) => Of): void {
  const path = join(folder, 'manifest.json');
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as Of)));
}

describe('a training of pairs', () => {
  it('proves its models without the entries that the limit refuses', () => {
    const tradesOf = ({ result }: typeof free): number => result.manifest.backtest!.trades;
    expect(tradesOf(bound)).toBeGreaterThan(5);
    expect(tradesOf(bound)).toBeLessThan(0.8 * tradesOf(free));
    // The same models, which the same rows describe.
    expect(bound.result.manifest.inputs).toEqual(free.result.manifest.inputs);
    expect(bound.result.manifest.golden).toEqual(free.result.manifest.golden);
    // A limit that is tried is a trial, as of a direction model.
    const { own, total } = free.result.manifest.trials!;
    expect(bound.result.manifest.trials).toMatchObject({ total: total + bound.result.manifest.trials!.own });
    expect(own).toBeGreaterThan(0);
  });

  it('evaluates the model of the result without them too, in each block by what was known before', async () => {
    const rowsOf = async (settings: Settings) => {
      const { result } = await trainTinyModels(join(root, 'net'), { settings, bars, target: 'net' });
      return result.manifest.metrics.net!.walk_forward;
    };
    const all = await rowsOf(plain);
    const some = await rowsOf(limited);
    expect(all.map(({ trades }) => trades > 20)).not.toContain(false);
    expect(some.map(({ trades }) => trades > 0)).not.toContain(false);
    for (const [i, { trades }] of some.entries()) expect(trades).toBeLessThan(0.9 * all[i]!.trades);
  });

  it('is the same once more with the limit, and cannot be verified with another one', async () => {
    expect(await PAIR_REVERSION_TRAINING.verifyDeeply(bound.path, verifying(limited))).toEqual({
      verdict: 'same',
      lines: [],
    });
    const other = await PAIR_REVERSION_TRAINING.verifyDeeply(bound.path, verifying(plain));
    expect(other).toMatchObject({ verdict: 'impossible', lines: [expect.stringMatching(/^policy_hash was /)] });
    // A bundle that claims a limit that its figures do not have.
    const { policy_hash } = bound.result.manifest.configuration!;
    rewrite<Manifest>(free.path, (own) => ({
      ...own,
      configuration: { ...own.configuration, policy_hash: policy_hash! },
    }));
    const { verdict, lines } = await PAIR_REVERSION_TRAINING.verifyDeeply(free.path, verifying(limited));
    expect(verdict).toBe('different');
    expect(lines).toContainEqual(expect.stringMatching(/^backtest\.trades is \d+; trained again, \d+$/));
    expect(lines.filter((line) => line.includes('.onnx'))).toEqual([]);
  });
});

describe('the comparison of new models of pairs with the active ones', () => {
  /** Trades of the challenger, and of the champion. */
  async function compared(settings: Settings): Promise<[number, number]> {
    const context = { settings, bars, modelsFolder: paths.models, workers: 0, onProgress: () => undefined };
    const gates = await adoptionGates(free.result, context);
    const { evidence } = gates.find((gate) => keyOf(gate) === 'champion_net_sharpe') as GateResult;
    return [evidence['trades'] as number, evidence['champion_trades'] as number];
  }

  it('counts no trade of either side that the limit refuses, and all of a champion that describes no rows', async () => {
    activate(paths.models, bound.version);
    const [young, old] = await compared(plain);
    const within = await compared(limited);
    for (const [i, all] of [young, old].entries()) {
      expect(within[i]).toBeGreaterThan(5);
      expect(within[i]).toBeLessThan(0.8 * all);
    }
    rewrite<Manifest>(bound.path, ({ inputs: _described, ...own }) => own as Manifest);
    expect(await compared(limited)).toEqual([within[0], old]);
  });
});

describe('a training of a direction model', () => {
  const folder = join(root, 'coins');
  const out = join(root, 'direction');
  const job = {
    seed: 3,
    parameters: { ...DIRECTION_DEFAULTS, stride: 6, compare: [], peers: [], label: defaultLabel('1h') },
    resources: { workers: 1 },
  };
  const source = { folder, series: null, symbols: ['COIN'], timeframe: '1h', window: null } as const;
  const withLimit = tinySettings({ core: { novelty_min: 0.05 } });

  beforeAll(() => {
    const rng = createRng('hours');
    let price = 100;
    const rows = Array.from({ length: 3000 }, (_, hour) => {
      const open = price;
      price *= Math.exp(0.01 * rng.normal());
      const time = Date.UTC(2024, 0, 1, hour) / 1000;
      const high = Math.max(open, price) * 1.001;
      const low = Math.min(open, price) * 0.999;
      return [time, open, high, low, price, 1 + rng.uniform()].join(',');
    });
    mkdirSync(folder);
    writeFileSync(join(folder, 'COIN.csv'), `time,open,high,low,close,volume\n${rows.join('\n')}\n`);
  });

  let unlimited: string;

  async function trained(settings: Settings): Promise<{ manifest: DirectionManifest; trades: number }> {
    const instruments = await readInstruments({ ...source, settings }, () => undefined);
    const plan = planOf(job, settings);
    const own = await trainDirection(instruments, plan, () => undefined);
    const created = new Date('2024-06-01T00:00:00Z');
    const parts = { instruments, plan, trained: own, out, created, gitCommit: null, market: 'simulated' } as const;
    const { seed, parameters } = job;
    return {
      manifest: await makeDirectionBundle({ ...parts, job: { seed, parameters } }),
      trades: own.net.trades.length,
    };
  }

  it('trades and verifies by the limit that it was made with, whatever the limit is today', async () => {
    const all = await trained(plain);
    unlimited = all.manifest.version;
    const some = await trained(withLimit);
    expect(all.manifest.training).not.toHaveProperty('novelty_min');
    expect(some.manifest.training).toMatchObject({ novelty_min: 0.05 });
    expect(some.trades).toBeGreaterThan(5);
    expect(some.trades).toBeLessThan(all.trades);

    const path = join(out, some.manifest.version);
    const verify = (settings: Settings) => DIRECTION_TRAINING.verifyDeeply(path, { ...verifying(settings), folder });
    expect(await verify(plain)).toEqual({ verdict: 'same', lines: [] });
    rewrite<DirectionManifest>(path, ({ training, ...own }) => {
      const { novelty_min: _ofTraining, ...others } = training!;
      return { ...own, training: others };
    });
    // Without its limit the training has other trades, also where the policy has that limit today.
    const { verdict, lines } = await verify(withLimit);
    expect(verdict).toBe('different');
    expect(lines).toContainEqual(expect.stringMatching(/^metrics\.trades is \d+; trained again, \d+$/));
  });

  it('is evaluated by the limit of the policy that the command reads', async () => {
    const place = createWorkplace();
    try {
      const strict = join(place.folder, 'strict');
      cpSync(place.config, strict, { recursive: true });
      const policy = join(strict, 'core_policy.yaml');
      const written = readFileSync(policy, 'utf8').replace(/(novelty_min:\n\s+value:).*/, '$1 0.5');
      expect(written).toContain('value: 0.5');
      writeFileSync(policy, written);
      const evaluate = [
        'direction',
        'evaluate',
        join(out, unlimited),
        '--data',
        folder,
        '--from',
        '2024-02-01',
        '--json',
      ];
      const results = await place.runEach([evaluate, evaluate], [{}, { MINUTEHAND_CONFIG: strict }]);
      const [free, limit] = results.map(({ stdout, stderr }) => {
        expect(stdout, stderr).not.toBe('');
        return (JSON.parse(stdout) as { net: { trades: number } }).net.trades;
      });
      expect(free).toBeGreaterThan(20);
      expect(limit).toBeLessThan(0.9 * free!);
    } finally {
      await place.remove();
    }
  });
});
