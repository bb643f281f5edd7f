/**
 * `npm run bench`: runs every part, or those of `--parts`. Writes docs/reference/BENCHMARKS.md and the raw figures to
 * bench/results/latest.json, which keep the other parts, and prints the new ones. All take about an hour.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../shared/root.ts';
import { parseDurationMs } from './duration.ts';
import { soakFailure } from './end_to_end/soak.ts';
import { PARTS, type Part } from './part_names.ts';
import { runParts, type BenchResult } from './parts.ts';
import { renderBenchmarks } from './report.ts';
import { withParts } from './with_parts.ts';

const USAGE = `Usage: npm run bench [-- --parts ${PARTS.join(',')}] [--soak 10m] [--swaps 1000] [--share 1]
  --share 0.05 simulates so much of the gates, and writes no result of theirs
Options of single parts: minutehand bench --help
`;

function partNamed(name: string): Part {
  const part = PARTS.find((known) => known === name);
  if (part === undefined) throw new Error(`unknown part '${name}'`);
  return part;
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        parts: { type: 'string' },
        soak: { type: 'string', default: '10m' },
        swaps: { type: 'string', default: '1000' },
        share: { type: 'string', default: '1' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const parts = values.parts?.split(',').map(partNamed) ?? PARTS;
    const share = Number(values.share);
    if (!(share > 0 && share <= 1)) throw new Error(`--share ${values.share}: above 0, at most 1`);
    if (!values.help) return { parts, soakMs: parseDurationMs(values.soak), manySwaps: Number(values.swaps), share };
    process.stdout.write(USAGE);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

const result = await runParts({
  idle: true,
  ...readOptions(),
  print: (line) => void process.stderr.write(`${line}\n`),
});
const root = packageRoot();
const raw = join(root, 'bench', 'results', 'latest.json');
const before = existsSync(raw) ? (JSON.parse(readFileSync(raw, 'utf8')) as BenchResult) : undefined;
// Their results have files of their own.
const { gates: _gates, ...measured } = result;
const isOfGates = Object.keys(measured).length === 1;
const all = isOfGates ? before : withParts(before, measured);
if (all !== undefined && !isOfGates) {
  mkdirSync(dirname(raw), { recursive: true });
  writeFileSync(raw, `${JSON.stringify(all, null, 1)}\n`);
  writeFileSync(join(root, 'docs', 'reference', 'BENCHMARKS.md'), renderBenchmarks(all));
}
process.stdout.write(`${JSON.stringify(result)}\n`);
const failure = result.soak === undefined ? null : soakFailure(result.soak);
if (failure !== null) {
  process.stderr.write(`The soak failed: ${failure}.\n`);
  process.exitCode = 1;
}
