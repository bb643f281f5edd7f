import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
  writeFileSync(join(place.folder, 'funding.csv'), 'time,rate\n1600000000,0.0001\n1600028800,\n1600057600,0.0002\n');
  const rng = createRng('cli');
  let price = 100;
  const bars = Array.from({ length: 1200 }, (_, t) => {
    const open = price;
    price *= Math.exp(0.008 * rng.normal());
    return `${1_600_000_000 - (1_600_000_000 % 3600) + t * 3600},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  writeFileSync(join(place.folder, 'BTCUSDT-1h.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
});
afterAll(() => place.remove());

const IMPORT = ['series', 'import', 'funding.csv', '--symbol', 'BTCUSDT', '--into', 'series', '--value', 'rate'];

describe('the commands of an instrument', () => {
  it('import a series once, with its arrival times, and refuse one without', async () => {
    const [without, unknown] = await place.runEach([
      [...IMPORT, '--name', 'funding_rate'],
      [...IMPORT, '--name', 'rate', '--lag', '60'],
    ]);
    expect(without).toMatchObject({ code: 2, stderr: expect.stringMatching(/^USAGE.*neither --arrival nor --lag/) });
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringMatching(/^USAGE.*--name rate/) });
    for (const added of [2, 0]) {
      const { code, stdout } = await place.run([...IMPORT, '--name', 'funding_rate', '--lag', '60', '--json']);
      expect([code, JSON.parse(stdout)]).toEqual([
        0,
        { symbol: 'BTCUSDT', name: 'funding_rate', added, duplicates: 2 - added, revisions: 0, empty: 1 },
      ]);
    }
    expect(readFileSync(join(place.folder, 'series', 'BTCUSDT.funding_rate.csv'), 'utf8')).toContain(
      '1600000000,1600000060,0.0001\n',
    );
  });

  it('train on bars of a folder, find no edge in a random walk, and write a verified bundle', async () => {
    const train = ['direction', 'train', '--data', '.', '--symbols', 'BTCUSDT', '--stride', '1', '--out', 'models'];
    const { code, stdout, stderr } = await place.run([...train, '--json']);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as { version: string; net: { no_edge: boolean; edge: Record<string, unknown> } };
    expect(report.net.no_edge).toBe(true);
    expect(report.net.edge['BTCUSDT']).toMatchObject({ no_edge: true });
    const card = readFileSync(join(place.folder, 'models', report.version, 'CARD.md'), 'utf8');
    expect(card).toMatch(/\|BTCUSDT\|\d+\|.*\|NO_EDGE\|/);
    expect(card).toContain('1h bars of a live market');
  });
});
