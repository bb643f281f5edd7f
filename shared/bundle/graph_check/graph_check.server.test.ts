import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { residentBytes } from '../../process/memory.ts';
import { packageRoot } from '../../root.ts';
import type { OnnxNode } from '../onnx/schema.ts';
import { sequenceModel } from '../sequence_bundle.fixture.ts';
import { checkGraph, refuseDependentRows, refuseOtherAnswers, type AskGraph } from './graph_check.ts';
import { DEPENDENT, integer, integers, LARGE, node, number, outsideGraph, RANDOM } from './outside_graph.fixture.ts';
import { ScoringProcess } from './scoring_process.ts';

const COLUMNS = 3;
const shape = { columns: COLUMNS, bars: 1 };
const graph = (...nodes: readonly OnnxNode[]): Uint8Array => outsideGraph(COLUMNS, nodes);

describe('a graph of another program', () => {
  it('of operators that keep rows apart is taken, also where it reads a sequence', async () => {
    await checkGraph(graph(), shape, 'x.onnx');
    await checkGraph(sequenceModel(COLUMNS, 4, 0.1), { columns: COLUMNS, bars: 4 }, 'sequence.onnx');
  });

  it.each(Object.keys(DEPENDENT))('that answers by %s is refused', async (name) => {
    await expect(checkGraph(graph(...DEPENDENT[name]!), shape, 'x.onnx')).rejects.toMatchObject({
      code: 'MODEL_ROWS',
      seen: expect.stringMatching(/^x\.onnx: the answers of row \d+ differ /) as string,
      next: expect.stringContaining('first dimension') as string,
    });
  });

  it('that draws is refused by name before it runs', async () => {
    await expect(checkGraph(graph(...RANDOM), shape, 'x.onnx')).rejects.toMatchObject({
      code: 'MODEL_OPERATOR',
      seen: 'x.onnx: the node "more_of" is RandomUniformLike, which draws random numbers',
    });
  });

  it('that takes gigabytes ends its process, while this one goes on', async () => {
    const large = graph(...LARGE);
    expect(large.length).toBeLessThan(1000);
    const before = process.memoryUsage.rss();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    await expect(checkGraph(large, shape, 'large.onnx')).rejects.toMatchObject({
      code: 'MODEL_LIMITS',
      seen: expect.stringMatching(/^large\.onnx: \d+ MB of memory$/) as string,
      expected: expect.stringMatching(/^at most \d+ MB$/) as string,
    });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
    expect(process.memoryUsage.rss() - before).toBeLessThan(300 * 2 ** 20);
    // The next graph gets a process of its own.
    await checkGraph(graph(number('more', 1)), shape, 'y.onnx');
  });
});

/** Numbers that onnxruntime computes when it opens the graph, for tens of seconds. */
function longGraph(): Uint8Array {
  const products = Array.from({ length: 40 }, (_, i) => node('MatMul', [`m${i}`, `m${i}`], `m${i + 1}`));
  return graph(
    integers('square', [3000, 3000]),
    node('ConstantOfShape', ['square'], 'm0'),
    ...products,
    node('ReduceMean', ['m40'], 'more', integer('keepdims', 0)),
  );
}

describe('the process that scores', () => {
  const scoring = new ScoringProcess({ memoryBytes: 2 ** 30, timeMs: 60_000 });
  afterAll(() => scoring.end());

  it('answers batches in their order, for several graphs', async () => {
    const plain = await scoring.open(graph(), shape);
    const more = await scoring.open(graph(number('more', 1)), shape);
    const rows = Float32Array.of(1, 0, 0, NaN, 0, 0, -2, 0, 0);
    const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
    const own = await scoring.run(plain, rows, [2, 1]);
    const other = await scoring.run(more, rows, [1, 1, 1]);
    [1, 0, -2].forEach((z, row) => {
      expect(own[row]).toBeCloseTo(sigmoid(z), 6);
      expect(other[row]).toBeCloseTo(sigmoid(z + 1), 6);
    });
    await scoring.close(plain);
  });

  it('says what onnxruntime says of a graph that it does not take, and answers further ones', async () => {
    await expect(scoring.open(graph(node('NoSuchOperator', ['known'], 'more')), shape)).rejects.toMatchObject({
      code: 'MODEL_LOAD',
      seen: expect.stringContaining('NoSuchOperator') as string,
    });
    await scoring.open(graph(), shape);
  });

  it('is ended when a call takes longer than it may', async () => {
    const slow = new ScoringProcess({ memoryBytes: 2 ** 30, timeMs: 300 });
    await expect(slow.open(longGraph(), shape)).rejects.toMatchObject({
      code: 'MODEL_LIMITS',
      seen: 'no answer within 0.3 s',
    });
    expect(slow.isRunning).toBe(false);
    await expect(slow.open(graph(), shape)).rejects.toMatchObject({ code: 'MODEL_LIMITS' });
  });

  it.skipIf(process.platform !== 'linux')(
    'ends with the process that started it, whatever its graph does',
    async () => {
      const url = pathToFileURL(join(packageRoot(), 'dist/shared/bundle/graph_check/scoring_process.js')).href;
      const program = `
      const { ScoringProcess } = await import(${JSON.stringify(url)});
      const bytes = Uint8Array.from(Buffer.from(${JSON.stringify(Buffer.from(longGraph()).toString('base64'))}, 'base64'));
      const scoring = new ScoringProcess({ memoryBytes: 2 ** 40, timeMs: 60000 });
      console.log('opening');
      await scoring.open(bytes, { columns: 3, bars: 1 });`;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(parent.stdout, 'data');
      const child = Number(readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8'));
      // The graph holds its main thread by then.
      await expect.poll(() => residentBytes(child)).toBeGreaterThan(130 * 2 ** 20);
      const ended = once(parent, 'exit');
      parent.kill('SIGTERM');
      expect(await ended).toEqual([null, 'SIGTERM']);
      await expect.poll(() => residentBytes(child)).toBeNull();
    },
  );
});

it('answers that differ between two calls, or between two processes, are refused', async () => {
  const exact: AskGraph = ({ rows }) => Promise.resolve(Float32Array.from(rows, (row) => Math.sin(row)));
  const off: AskGraph = async (call) => (await exact(call)).map((value, i) => (i === 700 ? value + 1e-7 : value));
  let calls = 0;
  const drifting: AskGraph = (call) => (calls++ === 0 ? exact(call) : off(call));
  await refuseOtherAnswers([exact, exact], 'x');
  for (const asks of [
    [drifting, exact],
    [exact, off],
  ])
    await expect(refuseOtherAnswers(asks, 'x.onnx')).rejects.toMatchObject({
      code: 'MODEL_REPEAT',
      seen: expect.stringMatching(/^x\.onnx: 0\.\d+, then 0\.\d+ for the same rows$/) as string,
    });
});

it('rows of the data are compared alike', () => {
  const x = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i));
  const alone = (rows: Int32Array): Float32Array => Float32Array.from(rows, (row) => x[row]!);
  refuseDependentRows(x.length, alone, 'x');
  const next = (rows: Int32Array): Float32Array =>
    Float32Array.from(rows, (row, place) => x[row]! + 1e-9 * x[rows[place + 1] ?? row]!);
  expect(() => refuseDependentRows(x.length, next, 'x')).toThrow(
    expect.objectContaining({ code: 'MODEL_ROWS' }) as Error,
  );
  refuseDependentRows(1, alone, 'x');
});
