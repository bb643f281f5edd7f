import { describe, expect, it } from 'vitest';
import { checkParams, groupsOf, type Space } from './space.ts';

const TREE: Space = {
  depth: { kind: 'integer', low: 1, high: 8, when: { parameter: 'engine', is: ['trees', 'forest'] } },
  engine: { kind: 'categorical', choices: ['trees', 'forest', 'linear'] },
  share: { kind: 'float', low: 0, high: 1, when: { parameter: 'engine', is: ['trees', 'forest'] } },
  penalty: { kind: 'categorical', choices: ['none', 'ridge'], when: { parameter: 'engine', is: ['linear'] } },
  weight: { kind: 'float', low: 1e-3, high: 10, log: true, when: { parameter: 'penalty', is: ['ridge'] } },
  seed: { kind: 'integer', low: 0, high: 9 },
};

describe('groupsOf', () => {
  it('groups parameters that exist together, parents first', () => {
    expect(groupsOf(TREE).map(({ names }) => names)).toEqual([
      ['engine', 'seed'],
      ['depth', 'share'],
      ['penalty'],
      ['weight'],
    ]);
  });

  it.each<[string, Space]>([
    ['is empty', {}],
    ['has a range that descends', { x: { kind: 'float', low: 1, high: 0 } }],
    ['has a range without end', { x: { kind: 'float', low: 0, high: Infinity } }],
    ['has a logarithm of 0', { x: { kind: 'float', low: 0, high: 1, log: true } }],
    ['has a step on a logarithmic range', { x: { kind: 'float', low: 1, high: 2, log: true, step: 0.1 } }],
    ['has a step of 0', { x: { kind: 'float', low: 1, high: 2, step: 0 } }],
    ['has an integer between integers', { x: { kind: 'integer', low: 0.5, high: 2 } }],
    ['has a logarithmic integer of 0', { x: { kind: 'integer', low: 0, high: 2, log: true } }],
    ['has no choices', { x: { kind: 'categorical', choices: [] } }],
    ['has a choice twice', { x: { kind: 'categorical', choices: ['a', 'a'] } }],
    ['has a choice that JSON cannot write', { x: { kind: 'categorical', choices: [NaN] } }],
    ['has a number for a name', { '1': { kind: 'categorical', choices: ['a'] } }],
    ['has a condition on nothing', { x: { kind: 'float', low: 0, high: 1, when: { parameter: 'y', is: [1] } } }],
    [
      'has a condition on a choice that does not exist',
      {
        x: { kind: 'float', low: 0, high: 1, when: { parameter: 'y', is: ['b'] } },
        y: { kind: 'categorical', choices: ['a'] },
      },
    ],
    [
      'has circular conditions',
      {
        x: { kind: 'categorical', choices: [1], when: { parameter: 'y', is: [1] } },
        y: { kind: 'categorical', choices: [1], when: { parameter: 'x', is: [1] } },
      },
    ],
  ])('refuses a space that %s', (_, space) => {
    expect(() => groupsOf(space)).toThrow(RangeError);
  });
});

describe('checkParams', () => {
  it('accepts values of the space', () => {
    checkParams(TREE, { engine: 'linear', seed: 3, penalty: 'ridge', weight: 0.5 });
    checkParams(TREE, { engine: 'forest', seed: 0, depth: 8, share: 0.123 });
  });

  it.each([
    ['a missing one', { engine: 'linear', seed: 3 }],
    ['one whose condition does not hold', { engine: 'linear', seed: 3, penalty: 'none', weight: 0.5 }],
    ['one outside its range', { engine: 'forest', seed: 0, depth: 9, share: 0.1 }],
    ['a fraction for an integer', { engine: 'forest', seed: 0.5, depth: 8, share: 0.1 }],
    ['a text for a number', { engine: 'forest', seed: '0', depth: 8, share: 0.1 }],
    ['an unknown choice', { engine: 'other', seed: 0 }],
    ['an unknown name', { engine: 'forest', seed: 0, depth: 8, share: 0.1, other: 1 }],
  ])('refuses %s', (_, params) => {
    expect(() => checkParams(TREE, params)).toThrow(RangeError);
  });
});
