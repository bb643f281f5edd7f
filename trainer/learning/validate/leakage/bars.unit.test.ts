import { writtenGate } from '../../../../test/written_gate.ts';
import { expect, it } from 'vitest';
import { featureDefinitions } from '../../../../shared/core/features/features.ts';
import { parsePair } from '../../../../shared/pair.ts';
import { tinyBars, tinySettings } from '../../../../test/tiny_settings.ts';
import { datasetPolicy } from '../../strategies/pair_reversion/dataset/dataset_policy.ts';
import { buildPairHistory } from '../../history/pair_history.ts';
import { checkBars } from './bars.ts';

const settings = tinySettings();
const policy = datasetPolicy(settings);
const bars = tinyBars(settings, 600);
const histories = settings.minutehand.pairs.map((id) => {
  const pair = parsePair(id);
  return buildPairHistory(pair, bars.get(pair.a)!, bars.get(pair.b)!, policy.windows, () => true);
});
const dataset = { histories, definitions: featureDefinitions(policy.windows), outsideColumns: [] };
const verdicts = (...given: Parameters<typeof checkBars>) =>
  checkBars(...given)
    .map(writtenGate)
    .map(({ name, passed, seen }) => [name, passed, seen]);
const SAME = [
  ['features look-ahead', true, '100 sampled bars equal to the bit'],
  ...['ai1', 'ai2', 'ai3'].map((model) => [`${model} label ends`, true, '100 sampled labels the same']),
];

it('features and the labels of all models are checked, AI1’s on its candidates alone', () => {
  expect(verdicts(dataset, bars, policy, 'bars')).toEqual(SAME);
  const none = { ...policy, barriers: { ...policy.barriers, z_entry: 1000 } };
  expect(verdicts(dataset, bars, none, 'bars')).toEqual([
    SAME[0],
    ['ai1 label ends', false, '0 sampled labels the same'],
    ...SAME.slice(2),
  ]);
});

it('features that differ from those of the bars are found', () => {
  const changed = histories.map((history) => ({ ...history, features: history.features.map((value) => value + 1) }));
  expect(verdicts({ ...dataset, histories: changed }, bars, policy, 'bars').map(([, passed]) => passed)).toEqual([
    false,
    true,
    true,
    true,
  ]);
});
