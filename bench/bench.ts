/**
 * `npm run bench`: runs every part, or those of `--parts`. Adds the raw figures to a file, which keeps those of other
 * parts, and prints the new ones as Markdown. All take about an hour.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeFolder } from '../shared/folder.ts';
import { packageRoot } from '../shared/root.ts';
import { parseDurationMs } from './duration.ts';
import { soakFailure } from './end_to_end/soak.ts';
import { PARTS, type Part } from './part_names.ts';
import { runParts, type BenchResult } from './parts.ts';
import { renderResult } from './report.ts';
import { withParts } from './with_parts.ts';

const USAGE = `Usage: npm run bench [-- --parts ${PARTS.join(',')}] [--soak 10m] [--swaps 1000] [--share 1] [--json <file>]
  --json: file of the raw figures, var/bench/bench-<date>.json; its other parts are kept
  --share 0.05 simulates so much of the gates
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
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const parts = values.parts?.split(',').map(partNamed) ?? PARTS;
    const share = Number(values.share);
    if (!(share > 0 && share <= 1)) throw new Error(`--share ${values.share}: above 0, at most 1`);
    const today = new Date().toISOString().slice(0, 10);
    const json = resolve(values.json ?? join(packageRoot(), 'var', 'bench', `bench-${today}.json`));
    if (!values.help)
      return { parts, soakMs: parseDurationMs(values.soak), manySwaps: Number(values.swaps), share, json };
    process.stdout.write(USAGE);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

const { json: file, ...options } = readOptions();
const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as BenchResult) : undefined;
const result = await runParts({
  idle: true,
  ...options,
  knownGates: before?.gates?.simulation ?? null,
  print: (line) => void process.stderr.write(`${line}\n`),
});
makeFolder(dirname(file));
// A thinned simulation of the gates replaces no whole one.
const { gates: _gates, ...others } = result;
const kept = options.share < 1 ? others : result;
writeFileSync(file, `${JSON.stringify(withParts(before, kept), null, 1)}\n`);
process.stdout.write(`${renderResult(result)}\n`);
process.stderr.write(`${file}\n`);
const failure = result.soak === undefined ? null : soakFailure(result.soak);
if (failure !== null) {
  process.stderr.write(`The soak failed: ${failure}.\n`);
  process.exitCode = 1;
}
