import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../rng.ts';
import { anySchema } from './any_schema.fixture.ts';
import { readBundle } from './bundle.ts';
import { groupModelSets } from './grouped_models.ts';
import { expectedNovelty } from './input_novelty.oracle.ts';
import type { InputDescription } from './input_novelty.ts';
import type { Manifest } from './manifest.ts';
import { loadModelSet, partsOfSet, servingSet, type BatchScores, type ModelSet } from './model_set.ts';
import { writeRandomBundle } from './random_bundle.fixture.ts';
import { randomRows } from './tree_kernel/random_ensemble.fixture.ts';

const COLUMNS = 7;
const ROWS = 40;
const schema = anySchema(COLUMNS);
const common = { schema, trees: 12, leaves: 6 };
const GROUPS = { metals: ['XAUUSD_XAGUSD', 'XPTUSD_XPDUSD'], fx: ['EURUSD_GBPUSD'] };
const PAIRS = [...Object.values(GROUPS).flat(), 'US500_US100', 'BTCUSDT_ETHUSDT'];

let root: string;
let grouped: string;
/** Bundles of one group's models each, and of the pooled ones. */
let alone: Record<'metals' | 'fx' | 'pooled', string>;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-groups-'));
  grouped = makeGrouped();
  const single = (seed: string): string => writeRandomBundle(root, { ...common, seed });
  alone = { metals: single('all metals'), fx: single('all fx'), pooled: single('all') };
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function makeGrouped(): string {
  const fx = { pairs: GROUPS.fx, own: ['ai1'] as const, theta1: 0.65 };
  return writeRandomBundle(root, { ...common, seed: 'all', groups: { metals: { pairs: GROUPS.metals }, fx } });
}

const groupOf = (pair: string): 'metals' | 'fx' | 'pooled' =>
  GROUPS.metals.includes(pair) ? 'metals' : GROUPS.fx.includes(pair) ? 'fx' : 'pooled';

async function withSet<T>(
  folder: string,
  run: (set: ModelSet) => T | Promise<T>,
  options: Parameters<typeof loadModelSet>[3] = {},
): Promise<T> {
  const set = await loadModelSet(folder, schema, ROWS, options);
  try {
    return await run(set);
  } finally {
    await set.release();
  }
}

type Row = Record<keyof BatchScores, number>;
const rowOf = (scores: BatchScores, row: number): Row =>
  Object.fromEntries(Object.entries(scores).map(([key, values]) => [key, (values as Float64Array)[row]])) as Row;

/** Training rows around zero in one column. */
const describedBy = (column: string): InputDescription => ({
  columns: [column],
  median: [0],
  scale: [1],
  missing: [4],
  centers: [[0]],
  distances: [0, 3],
  farther: [1, 0],
});
const namedValues = (row: readonly number[]): Record<string, number> =>
  Object.fromEntries(schema.definitions.map(({ name }, column) => [name, row[column]!]));

describe('a set with groups', () => {
  it('scores each row of any batch as the models of its pair score it alone, in WebAssembly and in onnxruntime', async () => {
    for (const engine of ['auto', 'onnxruntime'] as const) {
      const open = (folder: string): Promise<ModelSet> => loadModelSet(folder, schema, ROWS, { engine });
      const [set, metals, fx, pooled] = await Promise.all([grouped, alone.metals, alone.fx, alone.pooled].map(open));
      const single = { metals: metals!, fx: fx!, pooled: pooled! };
      const batch = fc.array(fc.constantFrom(...PAIRS), { minLength: 1, maxLength: ROWS });
      await fc.assert(
        fc.asyncProperty(batch, fc.integer(), async (pairs, seed) => {
          const { values } = { values: randomRows(createRng(`rows ${seed}`), ROWS, COLUMNS) };
          const scores = await set!.infer(values, pairs.length, undefined, pairs);
          const seen = pairs.map((_, row) => rowOf(scores, row));
          for (const [row, pair] of pairs.entries()) {
            const features = values.slice(row * COLUMNS, (row + 1) * COLUMNS);
            const own = rowOf(await single[groupOf(pair)].infer(features, 1), 0);
            const ofPooled = rowOf(await single.pooled.infer(features, 1), 0);
            // AI2 and AI3 of fx are the pooled ones.
            const expected = groupOf(pair) === 'fx' ? { ...ofPooled, return_prob: own.return_prob } : own;
            expect(seen[row]).toEqual(expected);
          }
        }),
        { numRuns: engine === 'auto' ? 30 : 5 },
      );
      for (const own of [set, metals, fx, pooled]) await own!.release();
    }
  });

  it('answers at once where WebAssembly serves all models, and shows the engine that serves any group', async () => {
    await withSet(grouped, (set) => {
      expect(set.infer(new Float32Array(COLUMNS), 1, undefined, ['EURUSD_GBPUSD'])).not.toBeInstanceOf(Promise);
      expect(set.engines).toEqual({ ai1: 'wasm-simd', ai2: 'wasm-simd', ai3: 'wasm-simd' });
      expect(set.engineNotes.ai1).toMatch(/metals: .*fx: /);
    });
  });

  it('gives the thresholds of the pair’s group, and those of the pooled models to a pair of no group', async () => {
    await withSet(grouped, (set) => {
      const thresholds = PAIRS.map((pair) => [servingSet(set, pair).theta1, servingSet(set, pair).theta2]);
      expect(thresholds).toEqual([
        [0.6, 0.4],
        [0.6, 0.4],
        [0.65, 0.4],
        [0.7, 0.3],
        [0.7, 0.3],
      ]);
      expect(partsOfSet(set).length).toBe(3);
      for (const part of partsOfSet(set))
        expect([part.version, part.modelsHash]).toEqual([set.version, set.modelsHash]);
    });
    await withSet(alone.pooled, (set) => {
      expect(set.groups).toBeUndefined();
      expect(servingSet(set, 'EURUSD_GBPUSD')).toBe(set);
    });
  });

  it('measures novelty by the description of the pair’s group, whatever rows lie between', async () => {
    const far: InputDescription = { ...describedBy(schema.definitions[2]!.name), distances: [0.5, 2] };
    const described = (inputs: InputDescription): string =>
      writeRandomBundle(root, { ...common, seed: `novelty ${inputs.columns[0]}`, inputs });
    await withSet(described(describedBy(schema.definitions[0]!.name)), (pooled) =>
      withSet(described(far), (metals) =>
        withSet(alone.fx, async (fx) => {
          const own = [
            { name: 'metals', pairs: GROUPS.metals, set: metals },
            { name: 'fx', pairs: GROUPS.fx, set: fx },
          ];
          const set = groupModelSets(pooled, own, ROWS, COLUMNS);
          const pairs = Array.from({ length: ROWS }, (_, row) => PAIRS[(row * 2) % PAIRS.length]!);
          const values = randomRows(createRng('novelty'), ROWS, COLUMNS, 0.1);
          const { novelty } = await set.infer(values, ROWS, undefined, pairs);
          for (const [row, pair] of pairs.entries()) {
            const { inputs } = { metals, fx, pooled }[groupOf(pair)].manifest;
            const rowValues = [...values.subarray(row * COLUMNS, (row + 1) * COLUMNS)];
            const expected = inputs === undefined ? NaN : expectedNovelty(inputs, namedValues(rowValues));
            expect(novelty!(row)).toBe(expected);
          }
        }),
      ),
    );
  });

  it('refuses rows without their pairs, and more rows than it was loaded for', async () => {
    await withSet(grouped, (set) => {
      expect(() => set.infer(new Float32Array(COLUMNS), 1)).toThrow('have groups');
      expect(() => set.infer(new Float32Array(COLUMNS), ROWS + 1, undefined, PAIRS)).toThrow(RangeError);
    });
  });

  it('has no released part afterward', async () => {
    const set = await loadModelSet(grouped, schema, ROWS);
    await set.release();
    for (const pair of PAIRS)
      expect(() => set.infer(new Float32Array(COLUMNS), 1, undefined, [pair])).toThrow('released');
  });
});

describe('a bundle with groups', () => {
  const edited = (edit: (manifest: Manifest) => void): string => {
    const folder = makeGrouped();
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
    edit(manifest);
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    return folder;
  };
  const load = (folder: string): Promise<unknown> => withSet(folder, () => undefined);

  it('is refused when a file of a group is missing or another, or answers its golden rows otherwise', async () => {
    const missing = makeGrouped();
    rmSync(join(missing, 'metals.ai2.onnx'));
    await expect(load(missing)).rejects.toMatchObject({
      code: 'MODEL_MISSING',
      seen: join(missing, 'metals.ai2.onnx'),
    });
    const damaged = makeGrouped();
    appendFileSync(join(damaged, 'fx.ai1.onnx'), 'x');
    await expect(load(damaged)).rejects.toMatchObject({ code: 'MODEL_HASH' });
    const other = edited(({ groups }) => (groups![0]!.own!.golden.ai3[0] = 0.123));
    await expect(load(other)).rejects.toMatchObject({
      code: 'MODEL_GOLDEN',
      seen: expect.stringContaining('group metals'),
    });
  });

  it('is refused when a pair is in two groups, a group has no pair, or a name would lead out of the folder', async () => {
    const edits: ((groups: NonNullable<Manifest['groups']>) => void)[] = [
      (groups) => groups[1]!.pairs.push(GROUPS.metals[0]!),
      (groups) => (groups[0]!.pairs = []),
      (groups) => (groups[0]!.name = '../metals'),
      (groups) => (groups[0]!.name = 'fx'),
    ];
    for (const edit of edits)
      await expect(load(edited(({ groups }) => edit(groups!)))).rejects.toMatchObject({ code: 'MODEL_MANIFEST' });
  });

  it('has another identity when a threshold, a pair or a model of a group is another', () => {
    const hash = (folder: string): string => readBundle(folder).modelsHash;
    const edits: ((groups: NonNullable<Manifest['groups']>) => void)[] = [
      () => undefined,
      (groups) => (groups[0]!.own!.theta2 = 0.41),
      (groups) => groups[1]!.pairs.push('US500_US100'),
    ];
    const hashes = [alone.pooled, ...edits.map((edit) => edited(({ groups }) => edit(groups!)))].map(hash);
    expect(new Set(hashes).size).toBe(4);
    expect(hashes[1]).toBe(hash(grouped));
  });
});
