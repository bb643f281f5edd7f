import { beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import type { StoredSignal } from './memory_journal.ts';
import { simulatedSettings } from './settings.ts';
import { drawWeather, peaceAfter } from './swarm.ts';
import { rulesBroken, type JournalChanges } from './twin.fixture.ts';
import { createWorld, type World } from './world.ts';

const MINUTE_MS = 60_000;

let world: World;
beforeAll(async () => {
  world = createWorld({
    seed: 7,
    settings: simulatedSettings(),
    weather: peaceAfter(drawWeather(createRng(7))),
    variety: null,
    planted: null,
    stormMs: 0,
    trace: null,
  });
  await world.run(10 * MINUTE_MS);
  world.trainer.publish();
  await world.run(20 * MINUTE_MS);
  world.trainer.halt();
  await world.run(24 * MINUTE_MS);
  world.machine.kill();
  await world.run(30 * MINUTE_MS);
});

/** All signals, with the `back`-th from the end changed. */
function changed(back: number, change: (row: StoredSignal) => StoredSignal | null): StoredSignal[] {
  const at = world.journal.signals.length - back;
  return world.journal.signals.flatMap((row, i) => {
    const kept = i === at ? change(row) : row;
    return kept === null ? [] : [kept];
  });
}

describe('the uninterrupted run', () => {
  it('finds no violation in a world without faults, across a swap, a halt and a kill', async () => {
    expect(world.violations).toEqual([]);
    expect(world.journal.signals.length).toBeGreaterThan(80);
    expect(new Set(world.journal.signals.map(({ bootId }) => bootId)).size).toBe(2);
    expect(world.journal.inputs.filter(({ kind }) => kind === 'swap').length).toBeGreaterThan(2);
    expect(world.journal.inputs.filter(({ kind }) => kind === 'halts')).toHaveLength(1);
    expect(world.journal.signals.some(({ body }) => body.includes('"reason":"KPI_HALT"'))).toBe(true);
    expect(await rulesBroken(world)).toEqual([]);
  });

  it.each<[string, () => JournalChanges]>([
    [
      'features differ from an uninterrupted run',
      () => ({ signals: changed(5, (row) => ({ ...row, featuresCrc: '00000000' })) }),
    ],
    [
      'body differs from an uninterrupted run',
      () => ({
        signals: changed(5, (row) => ({ ...row, body: row.body.replace('"max_age_bars":12', '"max_age_bars":13') })),
      }),
    ],
    [
      'position differs from an uninterrupted run',
      () => ({
        signals: changed(5, (row) => ({ ...row, position: row.position.replace('"ageBars":', '"ageBars":7') })),
      }),
    ],
    [
      'body differs from an uninterrupted run',
      () => ({ inputs: world.journal.inputs.map((row) => (row.kind === 'halts' ? { ...row, subject: '' } : row)) }),
    ],
    ['answer missing', () => ({ signals: changed(8, () => null) })],
    [
      'signal without a minute',
      () => ({ inputs: world.journal.inputs.filter(({ time }, _, all) => time !== all.at(-1)!.time) }),
    ],
    [
      'models that were not active',
      () => ({ inputs: world.journal.inputs.filter(({ kind, subject }) => kind !== 'swap' || subject === '') }),
    ],
    ['signal without a boot', () => ({ signals: changed(5, (row) => ({ ...row, bootId: 'another' })) })],
    [
      'features differ from an uninterrupted run',
      () => ({
        inputs: world.journal.inputs.map((row, i, all) =>
          i === all.findLastIndex(({ bar }, at) => bar !== null && bar.close < bar.high && at < all.length - 30)
            ? { ...row, bar: { ...row.bar!, close: row.bar!.high } }
            : row,
        ),
      }),
    ],
  ])('detects: %s', async (rule, tamper) => {
    expect(await rulesBroken(world, tamper())).toContain(rule);
  });
});
