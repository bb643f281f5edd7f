import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anySchema } from '../../shared/bundle/any_schema.fixture.ts';
import { DEPENDENT, outsideGraph } from '../../shared/bundle/graph_check/outside_graph.fixture.ts';
import { loadModelSet, type BatchScores } from '../../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../../shared/bundle/random_bundle.fixture.ts';
import { randomRows } from '../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { createRng } from '../../shared/rng.ts';
import { packageRoot } from '../../shared/root.ts';
import type * as ModelLoader from './model_loader.ts';
import { loadOffTheWay } from './model_loader.ts';

const COLUMNS = 35;
const schema = anySchema(COLUMNS);
const features = randomRows(createRng('loader'), 10, COLUMNS);

let folder: string;
let bundle: string;
let built: typeof ModelLoader;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-loader-'));
  bundle = writeRandomBundle(folder, { schema, trees: 100, leaves: 31, seed: 'loader' });
  // Threads need the built code; `npm test` builds first.
  built = (await import(join(packageRoot(), 'dist/daemon/infer/model_loader.js'))) as typeof ModelLoader;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function edited(name: string, file: string, edit: (bytes: Buffer) => Buffer): string {
  const path = writeRandomBundle(join(folder, name), { schema, trees: 3, leaves: 3, seed: name });
  writeFileSync(join(path, file), edit(readFileSync(join(path, file))));
  return path;
}

const copyOf = (scores: BatchScores): number[][] => Object.values(scores).map((values: Float64Array) => [...values]);

describe.each([
  ['the built code, in a thread', (): typeof loadOffTheWay => built.loadOffTheWay],
  ['the sources, on this thread', (): typeof loadOffTheWay => loadOffTheWay],
])('loadOffTheWay, %s', (_where, loader) => {
  it.each(['auto', 'onnxruntime'] as const)(
    'returns the same set as loading in this thread, with engine %s',
    async (engine) => {
      const set = await loader()(bundle, { schema, maxRows: 10, engine });
      const here = await loadModelSet(bundle, schema, 10, { engine });
      try {
        expect([set.engines, set.engineNotes, set.modelsHash]).toEqual([
          here.engines,
          here.engineNotes,
          here.modelsHash,
        ]);
        expect(set.engines.ai1).toBe(engine === 'auto' ? 'wasm-simd' : 'onnxruntime-node');
        const expected = copyOf(await here.infer(features, 10));
        expect(copyOf(await set.infer(features, 10))).toEqual(expected);
      } finally {
        await set.release();
        await here.release();
      }
    },
  );

  it('refuses with the codes and messages of loading in this thread', async () => {
    const bad = [
      [join(folder, 'none'), 'MODEL_MISSING'],
      [edited('torn', 'manifest.json', (bytes) => bytes.subarray(0, 100)), 'MODEL_MANIFEST'],
      [edited('changed', 'ai2.onnx', (bytes) => Buffer.concat([bytes, Buffer.of(0)])), 'MODEL_HASH'],
      [
        edited('schema', 'manifest.json', (bytes) =>
          Buffer.from(bytes.toString().replace(schema.hash, '0'.repeat(16))),
        ),
        'MODEL_SCHEMA',
      ],
      [
        edited('golden', 'manifest.json', (bytes) =>
          Buffer.from(bytes.toString().replace(/("ai3": \[\s*)0\./, '$10.9')),
        ),
        'MODEL_GOLDEN',
      ],
      [
        writeRandomBundle(join(folder, 'brought'), {
          schema,
          trees: 3,
          leaves: 3,
          seed: 'brought',
          models: { ai2: outsideGraph(COLUMNS, DEPENDENT['the next row']!) },
        }),
        'MODEL_ROWS',
      ],
    ] as const;
    for (const [path, code] of bad) {
      const refusal = (loading: Promise<unknown>): Promise<unknown> =>
        loading.then(
          () => 'loaded',
          ({ code, seen, expected, next, message }: Record<string, string>) => ({
            code,
            seen,
            expected,
            next,
            message,
          }),
        );
      const here = await refusal(loadModelSet(path, schema, 10));
      expect(here).toMatchObject({ code });
      expect(await refusal(loader()(path, { schema, maxRows: 10 }))).toEqual(here);
    }
  });
});

describe('loading in a thread', () => {
  it('leaves this thread to its bars: timers continue meanwhile', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const set = await built.loadOffTheWay(bundle, { schema, maxRows: 10 });
    clearInterval(timer);
    await set.release();
    expect(turns).toBeGreaterThan(30);
  });
});

describe('the WASM scorer', () => {
  it.each([
    ['is missing', (kernel: string): void => rmSync(kernel)],
    ['is damaged', (kernel: string): void => writeFileSync(kernel, 'not WebAssembly')],
  ])('is skipped when its file %s: onnxruntime serves, with the reason', async (_how, spoil) => {
    const copy = mkdtempSync(join(folder, 'copy-'));
    cpSync(join(packageRoot(), 'dist'), join(copy, 'dist'), { recursive: true });
    cpSync(join(packageRoot(), 'package.json'), join(copy, 'package.json'));
    // The sources are what the maps lead to.
    for (const name of ['node_modules', 'shared', 'daemon']) symlinkSync(join(packageRoot(), name), join(copy, name));
    spoil(join(copy, 'dist/shared/bundle/tree_kernel/tree_kernel.wasm'));
    const { loadOffTheWay: load } = (await import(
      join(copy, 'dist/daemon/infer/model_loader.js')
    )) as typeof ModelLoader;
    const set = await load(bundle, { schema, maxRows: 10 });
    try {
      expect(Object.values(set.engines)).toEqual(Array(3).fill('onnxruntime-node'));
      expect(set.engineNotes.ai1).toMatch(/tree_kernel\.wasm: .* Run `npm run build`/s);
      expect((await set.infer(features, 10)).return_prob[9]).toBeGreaterThan(0);
    } finally {
      await set.release();
    }
    const { loadModelSet: loadHere } = (await import(join(copy, 'dist/shared/bundle/model_set.js'))) as {
      loadModelSet: typeof loadModelSet;
    };
    // Without onnxruntime as a fallback, the error has a code and a next step.
    await expect(loadHere(bundle, schema, 10, { crossCheck: false })).rejects.toMatchObject({
      code: 'KERNEL_MISSING',
      next: expect.stringContaining('npm run build') as string,
    });
  });
});
