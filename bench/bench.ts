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

const USAGE = `Usage: npm run bench [-- --parts ${PARTS.join(',')}] [--soak 10m] [--swaps 1000]
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
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const parts = values.parts?.split(',').map(partNamed) ?? PARTS;
    if (!values.help) return { parts, soakMs: parseDurationMs(values.soak), manySwaps: Number(values.swaps) };
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
const all = withParts(before, result);
mkdirSync(dirname(raw), { recursive: true });
writeFileSync(raw, `${JSON.stringify(all, null, 1)}\n`);
writeFileSync(join(root, 'docs', 'reference', 'BENCHMARKS.md'), renderBenchmarks(all));
process.stdout.write(`${JSON.stringify(result)}\n`);
const failure = result.soak === undefined ? null : soakFailure(result.soak);
if (failure !== null) {
  process.stderr.write(`The soak failed: ${failure}.\n`);
  process.exitCode = 1;
}
