/**
 * A learner program of its own: logistic regression by gradient descent on standardized columns, written as ONNX the
 * way scikit-learn's converters do it (input X, outputs label and probabilities of both classes, weights as
 * initializers), or its softmax counterpart of several classes. It shares no code with minutehand.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parquetReadObjects } from 'hyparquet';
import protobuf from 'protobufjs';

const STEPS = 100;
const RATE = 1;
const CLIP = 5;

const print = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const sigmoid = (z) => 1 / (1 + Math.exp(-z));
/** Lets standard input be read and what was printed leave. */
const breathe = () => new Promise((resolve) => setImmediate(resolve));

/** Probabilities of a row: of one answer the sigmoid, of classes the softmax. */
function answersOf(logits) {
  if (logits.length === 1) return [sigmoid(logits[0])];
  const greatest = Math.max(...logits);
  const e = logits.map((z) => Math.exp(z - greatest));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((own) => own / sum);
}

async function fit({ id, rows: path, features, seed, iterations, parameters, model, check_rows, classes }) {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const all = await parquetReadObjects({ file });
  const rows = all.filter(({ stopping }) => stopping === 0);
  const weight = rows.reduce((sum, row) => sum + row.weight, 0);
  const scaling = features.map((name) => {
    const known = rows.map((row) => row[name]).filter(Number.isFinite);
    const mean = Math.fround(known.reduce((sum, value) => sum + value, 0) / known.length || 0);
    const deviation = Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length || 0);
    return { mean, inverse: deviation > Math.abs(mean) * 2 ** -20 ? Math.fround(1 / deviation) : 0 };
  });
  const standardized = (row) =>
    features.map((name, i) => {
      const z = (row[name] - scaling[i].mean) * scaling[i].inverse;
      return Number.isNaN(z) ? 0 : Math.min(Math.max(z, -CLIP), CLIP);
    });
  const x = rows.map(standardized);
  const targets = (row) =>
    classes === undefined ? [row.label] : Array.from({ length: classes }, (_, k) => (row.label === k ? 1 : 0));
  /** Of each answer: a number per feature, and the intercept behind them. */
  const w = Array.from({ length: classes ?? 1 }, () => new Array(features.length + 1).fill(0));
  const logits = (of, z) => of.map((own) => z.reduce((sum, value, j) => sum + value * own[j], own[features.length]));
  const steps = iterations ?? parameters.rounds ?? parameters.epochs ?? STEPS;
  const passes = Math.ceil(STEPS / steps);
  for (let step = 0; step < steps; step++) {
    for (let pass = 0; pass < passes; pass++) {
      const gradient = w.map((own) => own.map(() => 0));
      rows.forEach((row, i) => {
        const p = answersOf(logits(w, x[i]));
        targets(row).forEach((target, k) => {
          const residual = (row.weight * (p[k] - target)) / weight;
          x[i].forEach((value, j) => (gradient[k][j] += residual * value));
          gradient[k][features.length] += residual;
        });
      });
      w.forEach((own, k) => own.forEach((_, j) => (own[j] -= RATE * (j === features.length ? 4 : 1) * gradient[k][j])));
    }
    print({ id, progress: (step + 1) / steps });
    await breathe();
  }
  const own = w.map((each) => each.map(Math.fround));
  const probabilitiesOf = (row) => answersOf(logits(own, standardized(row)));
  writeFileSync(model, encode({ scaling, w: own, seed }));
  // Debugging output belongs on standard error.
  console.error(`fitted ${rows.length} rows`);
  const seen = { loss: 0.5, stopping_loss: null };
  const epochs = Array.from({ length: steps }, () => ({ ...seen, positive_share: 0.25 }));
  const class_epochs = Array.from({ length: steps }, () => ({ ...seen, class_shares: w.map(() => 1 / w.length) }));
  print({
    id,
    done: true,
    iterations: steps,
    ...(classes === undefined ? { epochs } : { class_epochs }),
    probabilities: rows.slice(0, check_rows).flatMap(probabilitiesOf),
  });
}

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Model { int64 ir_version = 1; string producer_name = 2; Graph graph = 7; repeated Opset opset_import = 8; }
  message Opset { string domain = 1; int64 version = 2; }
  message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated Value input = 11; repeated Value output = 12; }
  message Node { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated Attribute attribute = 5; }
  message Attribute { string name = 1; int64 i = 3; int32 type = 20; }
  message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message Value { string name = 1; Type type = 2; }
  message Type { TensorType tensor_type = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Shape { repeated Dim dim = 1; }
  message Dim { int64 dim_value = 1; string dim_param = 2; }
`);
const FLOAT = 1;
const INT64 = 7;

/** @param w of each answer: a number per feature, and the intercept behind them */
function encode({ scaling, w, seed }) {
  const type = root.lookupType('Model');
  const floats = (name, values, dims) => ({
    name,
    dims,
    dataType: FLOAT,
    rawData: new Uint8Array(Float32Array.from(values).buffer),
  });
  const node = (opType, input, output, attribute = []) => ({
    opType,
    input,
    output: [output],
    name: output,
    attribute,
  });
  const value = (name, elemType, ...dims) => ({
    name,
    type: {
      tensorType: {
        elemType,
        shape: { dim: dims.map((size) => (size === null ? { dimParam: 'N' } : { dimValue: size })) },
      },
    },
  });
  const columns = scaling.length;
  const answers = w.length;
  const matrix = scaling.flatMap((_, j) => w.map((own) => own[j]));
  return type
    .encode(
      type.fromObject({
        irVersion: 8,
        producerName: `logistic_program ${seed % 10}`.slice(0, 16),
        opsetImport: [{ domain: '', version: 15 }],
        graph: {
          name: 'logistic',
          initializer: [
            floats(
              'mean',
              scaling.map(({ mean }) => mean),
              [columns],
            ),
            floats(
              'inverse',
              scaling.map(({ inverse }) => inverse),
              [columns],
            ),
            floats('w', matrix, [columns, answers]),
            floats(
              'b',
              w.map((own) => own[columns]),
              [answers],
            ),
            floats('zero', [0], []),
            floats('low', [-CLIP], []),
            floats('high', [CLIP], []),
            floats('one', [1], []),
          ],
          input: [value('X', FLOAT, null, columns)],
          output: [value('label', INT64, null), value('probabilities', FLOAT, null, Math.max(2, answers))],
          node: [
            node('Sub', ['X', 'mean'], 'centered'),
            node('Mul', ['centered', 'inverse'], 'scaled'),
            node('IsNaN', ['scaled'], 'missing'),
            node('Where', ['missing', 'zero', 'scaled'], 'known'),
            node('Clip', ['known', 'low', 'high'], 'clipped'),
            node('MatMul', ['clipped', 'w'], 'sum'),
            node('Add', ['sum', 'b'], 'logit'),
            ...(answers > 1
              ? [node('Softmax', ['logit'], 'probabilities', [{ name: 'axis', i: 1, type: 2 }])]
              : [
                  node('Sigmoid', ['logit'], 'positive'),
                  node('Sub', ['one', 'positive'], 'negative'),
                  node('Concat', ['negative', 'positive'], 'probabilities', [{ name: 'axis', i: 1, type: 2 }]),
                ]),
            node('ArgMax', ['probabilities'], 'label', [
              { name: 'axis', i: 1, type: 2 },
              { name: 'keepdims', i: 0, type: 2 },
            ]),
          ],
        },
      }),
    )
    .finish();
}

print({ minutehand_learner: 2, name: 'logistic_program 1.0', tasks: ['binary', 'multiclass'] });
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  await fit(request).catch((error) => print({ id: request.id, error: error.message }));
}
