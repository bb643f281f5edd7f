import { expect, it } from 'vitest';
import type { StateInput } from './queue/input.ts';
import { takeEffect, type States } from './state_input.ts';

/** Records each call as `<part>.<method>` with its arguments. */
function open() {
  const calls: unknown[][] = [];
  const part = (name: string) =>
    new Proxy(
      {},
      {
        get:
          (_, method) =>
          (...given: unknown[]) =>
            void calls.push([`${name}.${String(method)}`, ...given]),
      },
    );
  const names = [
    'slots',
    'directions',
    'rules',
    'halts',
    'shadow',
    'directionShadows',
    'arms',
    'decider',
    'batches',
    'series',
  ];
  const degradations = new Set(['file']);
  const clock = { nowMs: () => 17 };
  const states = { ...Object.fromEntries(names.map((name) => [name, part(name)])), degradations, clock };
  const apply = (input: object): unknown[][] => {
    takeEffect(input as StateInput, states as unknown as States);
    return calls.splice(0);
  };
  return { apply, degradations };
}

it('each change of state takes effect in the part that it concerns, and in no other', () => {
  const { apply, degradations } = open();
  for (const [kind, call] of [
    ['swap', 'slots.swap'],
    ['direction', 'directions.swap'],
    ['rule', 'rules.swap'],
    ['rollout', 'arms.change'],
  ] as const)
    expect(apply({ kind })).toEqual([[call, { kind }]]);
  const ofPairs = { kind: 'shadow', slot: 'pairs' };
  expect(apply(ofPairs)).toEqual([['shadow.swap', ofPairs]]);
  const ofHours = { kind: 'shadow', slot: 'direction 1h' };
  expect(apply(ofHours)).toEqual([['directionShadows.swap', '1h', ofHours]]);
  expect(apply({ kind: 'halts', standing: { halts: ['h'] } })).toEqual([['halts.setHalts', ['h']]]);
  expect(apply({ kind: 'series', observation: 'o' })).toEqual([['series.take', 'o']]);
  expect(apply({ kind: 'policy', record: 'r' })).toEqual([['decider.setPolicy', 'r']]);
  expect(apply({ kind: 'lease', fence: 7 })).toEqual([['batches.hold', 7, 17]]);
  expect([apply({ kind: 'degraded', what: 'redis' }), [...degradations]]).toEqual([[], ['file', 'redis']]);
  expect([apply({ kind: 'recovered', what: 'file' }), [...degradations]]).toEqual([[], ['redis']]);
  expect(apply({ kind: 'degraded', what: 'stops' })).toEqual([['halts.setUnread', true]]);
  expect(apply({ kind: 'recovered', what: 'stops' })).toEqual([['halts.setUnread', false]]);
});

it('a start has neither models nor degradations nor a calendar, and the halts of the process before', () => {
  const { apply, degradations } = open();
  expect(apply({ kind: 'boot', bootId: 'b' })).toEqual([
    ['slots.clear'],
    ['directions.clear'],
    ['rules.clear'],
    ['arms.restart'],
    ['decider.setCalendar', []],
    ['halts.setUnread', false],
  ]);
  expect(degradations.size).toBe(0);
});
