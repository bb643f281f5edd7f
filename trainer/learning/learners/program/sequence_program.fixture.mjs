/**
 * A learner program that learns nothing: it answers with the ONNX file of its first argument, in whose name `{columns}`
 * stands for their number, and computes the answers
 * of that graph (`sequenceModel`, its tilt is the second argument) from the rows and the table that it was given. A
 * third argument moves the end of each sequence, as a program would that misreads the protocol.
 */
import { copyFileSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parquetReadObjects } from 'hyparquet';

const [graph, tilt, moved = '0'] = process.argv.slice(2);
const print = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const bufferOf = (path) => {
  const bytes = readFileSync(path);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
};
const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

async function answer({ id, rows: path, features, sequence, model, check_rows }) {
  const rows = await parquetReadObjects({ file: bufferOf(path) });
  const table = new Float32Array(bufferOf(sequence.table));
  const rowAt = (row) =>
    features
      .map((name, column) => table[row * features.length + column])
      .map((x) => (Number.isNaN(x) ? 0 : Math.tanh(x)));
  const probabilities = rows.slice(0, check_rows).map(({ last }) => {
    const bars = Array.from({ length: sequence.bars }, (_, i) => rowAt(last + Number(moved) - sequence.bars + 1 + i));
    const rise = meanOf(bars.at(-1)) - meanOf(bars[0]);
    return 1 / (1 + Math.exp(-(rise + meanOf(bars.flat()) / 2 + Number(tilt))));
  });
  copyFileSync(graph.replace('{columns}', features.length), model);
  console.error(`${rows.length} rows, a table of ${table.length / features.length}`);
  print({ id, done: true, iterations: null, probabilities });
}

print({ minutehand_learner: 1, name: 'sequences' });
for await (const line of createInterface({ input: process.stdin })) await answer(JSON.parse(line));
