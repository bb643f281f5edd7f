import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nameOf } from '../cli/command_audit.ts';
import { createProgram } from '../cli/main.ts';
import { PARTLY_DONE_COMMANDS, WHOLE_COMMANDS } from '../cli/partial_results.ts';
import { activate } from './activate.ts';
import { packageRoot } from '../shared/root.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let place: Workplace;
let data: string;
let from: string;
beforeAll(async () => {
  place = createWorkplace();
  const bars = tinyBars(place.settings, 3000);
  data = await place.writeBars('bars', bars);
  const { version } = await tinyModels(place.models, { settings: place.settings });
  activate(place.models, version);
  const { time } = bars.get('XAUUSD')!;
  from = `${new Date(time[Math.floor(time.length / 2)]! * 1000).toISOString().slice(0, 16)}Z`;
});
afterAll(() => place.remove());

/** Commands with an action of their own, hidden ones included. */
function actionsOf(command: Command): Command[] {
  const own = (command as unknown as { readonly _actionHandler: unknown })._actionHandler;
  return [...(own ? [command] : []), ...command.commands.flatMap(actionsOf)];
}

describe('Every command', () => {
  it('has a case in which a part of its work fails, or a reason why that cannot be', async () => {
    const program = await createProgram();
    const commands = program.commands.flatMap(actionsOf).map(nameOf);
    const listed = [...Object.keys(PARTLY_DONE_COMMANDS), ...Object.values(WHOLE_COMMANDS).flat()];
    expect([...commands].sort()).toEqual([...listed].sort());
    for (const [command, file] of Object.entries(PARTLY_DONE_COMMANDS)) {
      const path = join(packageRoot(), file);
      expect(existsSync(path), file).toBe(true);
      expect(readFileSync(path, 'utf8'), `${command} in ${file}`).toContain(command.split(' ').at(-1)!);
    }
  });
});

/** A copy of the bars without one symbol. */
function without(symbol: string): string {
  const folder = join(place.folder, `without_${symbol}`);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(data))
    if (!name.startsWith(symbol)) writeFileSync(join(folder, name), readFileSync(join(data, name)));
  return folder;
}

function legsOf(id: string): { a: string; b: string } {
  const [a, b] = id.split('_') as [string, string];
  return { a, b };
}

interface Case {
  readonly args: () => readonly string[];
  /** On standard error. */
  readonly missing: RegExp;
}

const CSV = (base: number): string =>
  `time,open,high,low,close,volume\n${Array.from({ length: 40 }, (_, i) => {
    const price = base * (1 + Math.sin(i) * 1e-4);
    return `${1_736_121_600 + i * 60},${price},${price * 1.0001},${price * 0.9999},${price},1`;
  }).join('\n')}\n`;

function files(name: string, content: Readonly<Record<string, string>>): string {
  const folder = join(place.folder, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [file, text] of Object.entries(content)) writeFileSync(join(folder, file), text);
  return folder;
}

const CASES: Readonly<Record<string, Case>> = {
  'bars import': {
    args: () => ['bars', 'import', files('import', { 'EURUSD.csv': CSV(1.1), 'GBPUSD.csv': 'nonsense' })],
    missing: /GBPUSD\.csv: not imported\. DATA_FORMAT/,
  },
  'bars import of a folder with an archive': {
    args: () => ['bars', 'import', files('archive', { 'EURUSD.csv': CSV(1.1), 'GBPUSD.zip': 'PK' })],
    missing: /GBPUSD\.zip: not imported/,
  },
  'bars import of a folder with an empty file': {
    args: () => [
      'bars',
      'import',
      files('empty', { 'EURUSD.csv': CSV(1.1), 'GBPUSD.csv': 'time,open,high,low,close,volume\n' }),
    ],
    missing: /GBPUSD\.csv: no row/,
  },
  'bars replace': {
    args: () => ['bars', 'replace', files('replace', { 'EURUSD.csv': CSV(1.1), 'GBPUSD.csv': '' })],
    missing: /GBPUSD\.csv: not imported\. DATA_FORMAT/,
  },
  'bars check': {
    args: () => ['bars', 'check', files('check', { 'EURUSD.csv': CSV(1.1), 'GBPUSD.csv': 'nonsense' })],
    missing: /GBPUSD\.csv: not checked\. DATA_FORMAT/,
  },
  'bars learn-spreads': {
    args: () => {
      const quoted = (count: number): string =>
        `time,open,high,low,close,volume,spread\n${Array.from(
          { length: count },
          (_, i) => `${1_736_121_600 + i * 60},1.1,1.1,1.1,1.1,1,0.0001`,
        ).join('\n')}\n`;
      return ['bars', 'learn-spreads', files('spreads', { 'EURUSD.csv': quoted(600), 'GBPUSD.csv': quoted(20) })];
    },
    missing: /GBPUSD: no day has 100 quoted spreads/,
  },
  backtest: {
    args: () => ['backtest', '--data', without('XAGUSD'), '--from', from, '--pairs', allPairs()],
    missing: /XAUUSD_XAGUSD: no common bars/,
  },
  replay: {
    args: () => ['replay', '--data', without('XAGUSD'), '--from', from, '--pairs', allPairs()],
    missing: /XAUUSD_XAGUSD: a symbol has no bars/,
  },
  scan: {
    args: () => [
      'scan',
      '--data',
      without('XAGUSD'),
      '--symbols',
      [...new Set(place.settings.minutehand.pairs.map(legsOf).flatMap(({ a, b }) => [a, b]))].join(),
      '--timeframes',
      '5m',
      '--windows',
      '30/20',
      '--resamples',
      '100',
    ],
    missing: /XAGUSD: no bars/,
  },
  'scan with windows that warm too long': {
    args: () => ['scan', '--data', data, '--timeframes', '5m', '--windows', '30/20,9000/20', '--resamples', '100'],
    missing: /warm too long/,
  },
  'dataset export': {
    args: () => ['dataset', 'export', '--data', without('XAGUSD'), '--out', join(place.folder, 'rows.csv')],
    missing: /XAUUSD_XAGUSD.*: no rows/,
  },
};

function allPairs(): string {
  return place.settings.minutehand.pairs.join();
}

describe('A command that has done a part', () => {
  for (const [name, { args, missing }] of Object.entries(CASES)) {
    it(`ends with 3 and says what is missing: ${name}`, async () => {
      const { code, stderr } = await place.run(args());
      expect(stderr).toMatch(missing);
      expect(code).toBe(3);
    });
  }

  it('tells programs the same', async () => {
    const { code, stdout } = await place.run([...CASES['backtest']!.args(), '--json']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ missing_pairs: ['XAUUSD_XAGUSD'] });
  });

  it('is not one that left out what nobody named: that is a remark', async () => {
    const { code, stderr } = await place.run(['backtest', '--data', without('XAGUSD'), '--from', from]);
    expect(code).toBe(0);
    expect(stderr).toContain('Left out: XAUUSD_XAGUSD');
  });
});
