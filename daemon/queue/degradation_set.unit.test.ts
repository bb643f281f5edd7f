import { describe, expect, it } from 'vitest';
import {
  DegradationSet,
  degradationText,
  directionSlot,
  PAIRS_SLOT,
  parseDegradationText,
  scopeOf,
} from './degradation_set.ts';

/** Whose signals are in mode DEGRADED. */
const concerned = (set: DegradationSet): string[] => [
  ...(set.isPairDegraded ? ['pairs'] : []),
  ...(['1m', '1h'] as const).filter((timeframe) => set.isInstrumentDegraded(timeframe)),
];

describe('a set of degradations', () => {
  it('concerns the subjects of its slot, or all', () => {
    expect(concerned(new DegradationSet())).toEqual([]);
    expect(concerned(new DegradationSet().add('models'))).toEqual(['pairs']);
    expect(concerned(new DegradationSet().add('model_pointer'))).toEqual(['pairs']);
    expect(concerned(new DegradationSet().add('direction_pointer'))).toEqual(['1m', '1h']);
    expect(concerned(new DegradationSet().add('direction_models', '1h'))).toEqual(['1h']);
    expect(concerned(new DegradationSet().add('journal'))).toEqual(['pairs', '1m', '1h']);
    expect(concerned(new DegradationSet().add('models').add('direction_models', '1m'))).toEqual(['pairs', '1m']);
  });

  it('has each name once, until its last scope has ended', () => {
    const set = new DegradationSet().add('direction_models', '1m').add('direction_models', '1h').add('journal');
    expect([...set.names]).toEqual(['direction_models', 'journal']);
    set.delete('direction_models', '1m');
    expect([[...set.names], concerned(set)]).toEqual([
      ['direction_models', 'journal'],
      ['pairs', '1m', '1h'],
    ]);
    set.delete('journal');
    expect(concerned(set)).toEqual(['1h']);
    set.delete('direction_models', '4h');
    expect(concerned(set)).toEqual(['1h']);
    set.delete('direction_models');
    set.delete('direction_models');
    expect([[...set.names], concerned(set)]).toEqual([[], []]);
    set.add('models').clear();
    expect([[...set.names], concerned(set)]).toEqual([[], []]);
  });
});

it('other models of a slot end its fault, also that of an earlier journal, and no other', () => {
  const set = new DegradationSet().add('models').add('models', 'all').add('direction_models', '1h').add('journal');
  expect(set.texts()).toEqual(['models pairs', 'models', 'direction_models 1h', 'journal']);
  set.endOfSlot(directionSlot('1m'));
  set.endOfSlot(PAIRS_SLOT);
  expect(set.texts()).toEqual(['direction_models 1h', 'journal']);
  set.add('direction_models', 'all').endOfSlot(directionSlot('1h'));
  expect(set.texts()).toEqual(['journal']);
});

it('a degradation in a journal has its scope; those of earlier versions concern all subjects', () => {
  for (const what of ['models', 'direction_pointer', 'journal'] as const)
    expect(parseDegradationText(degradationText(what, scopeOf(what)))).toEqual({ what, scope: scopeOf(what) });
  expect(degradationText('models', 'pairs')).toBe('models pairs');
  expect(degradationText('journal', 'all')).toBe('journal');
  expect(parseDegradationText('models')).toEqual({ what: 'models', scope: 'all' });
  expect(parseDegradationText('direction_models 1h')).toEqual({ what: 'direction_models', scope: '1h' });
});
