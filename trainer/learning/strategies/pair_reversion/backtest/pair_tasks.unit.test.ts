import { expect, it } from 'vitest';
import type { OpenTime } from '../../../../../shared/bar.ts';
import type { BatchScores, ModelSet } from '../../../../../shared/bundle/model_set.ts';
import { parsePair } from '../../../../../shared/pair.ts';
import { decisionPolicy } from '../../../../../shared/policy/policy.ts';
import { tinyBars, tinySettings } from '../../../../../test/tiny_settings.ts';
import { datasetPolicy } from '../dataset/dataset_policy.ts';
import { buildPairHistory, historyColumns } from '../../../history/pair_history.ts';
import { labelPair } from '../label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import { emptyScores, isEvaluatedMinute } from './bar_scores.ts';
import {
  buffersOf,
  historyOf,
  performTask,
  scorePart,
  type PairColumns,
  type PairLabels,
  type PartTask,
  type UnscoredPart,
} from './pair_tasks.ts';

const FIRST = 50;
const settings = tinySettings();
const pair = parsePair('XAUUSD_XAGUSD');
const bars = tinyBars(settings, 400);
const a = bars.get(pair.a)!;
const b = bars.get(pair.b)!;
const labelPolicy = { ...datasetPolicy(settings), barriers: EVALUATION_BARRIERS };
const { windows } = labelPolicy;
const history = buildPairHistory(pair, a, b, windows, () => true);
const { length } = history;
const from = history.time[FIRST]! as OpenTime;
const set = {
  schema: { windows },
  infer(features: Float32Array, rows: number): BatchScores {
    const column = (c: number) =>
      Float64Array.from({ length: rows }, (_, i) => Math.abs(Math.sin(features[(i * features.length) / rows + c]!)));
    const [return_prob, risk_prob, risk_score, position_scale, result_sigmas] = [0, 1, 2, 3, 4].map(column) as [
      ...[Float64Array, Float64Array, Float64Array, Float64Array, Float64Array],
    ];
    return { return_prob, risk_prob, risk_score, position_scale, result_sigmas };
  },
} as unknown as ModelSet;

function partTask(): PartTask {
  const columns: PairColumns = {
    history: historyColumns(() => new Float64Array(length)),
    scores: [emptyScores(length)],
  };
  for (const column of Object.values(columns.scores[0]!) as Float64Array[]) column.fill(7);
  return {
    kind: 'part',
    pair,
    part: { first: 0, end: length, a, b },
    windows,
    from,
    columns,
    policy: decisionPolicy(settings),
    thresholds: [{ theta1: 0.3, theta2: 0.9 }],
  };
}

it('a part is scored by its thread, or its features from the first decided bar on are returned to be scored', async () => {
  const task = partTask();
  const kept = (await performTask(task, null)) as NonNullable<UnscoredPart>;
  expect([kept.rows, kept.row[FIRST - 1], kept.row[FIRST]]).toEqual([length - FIRST, -1, 0]);
  expect(kept.features).toEqual(history.features.slice((FIRST * history.features.length) / length));
  expect(task.columns.history.z).toEqual(history.z);
  for (const column of Object.values(task.columns.scores[0]!) as Float64Array[])
    expect(column.every(Number.isNaN)).toBe(true);
  const buffers = buffersOf(kept);
  expect([buffers.length, buffers[0] === kept.features.buffer, buffers[1] === kept.row.buffer]).toEqual([
    2,
    true,
    true,
  ]);

  await scorePart(task, kept, [set]);
  const scored = partTask();
  const none = (await performTask(scored, [set])) as UnscoredPart;
  expect([none, buffersOf(none)]).toEqual([null, []]);
  expect(scored.columns.scores).toEqual(task.columns.scores);
  const { ai1, ai2 } = scored.columns.scores[0]!;
  expect([ai1[FIRST - 1], ai2[FIRST - 1]]).toEqual([NaN, NaN]);
  expect(ai2[FIRST]).toBe(Math.abs(Math.sin(kept.features[1]!)));
});

it('labels are evaluated from the first decided bar on', async () => {
  const { columns, ...task } = partTask();
  await performTask({ ...task, columns }, [set]);
  const known = labelPair(historyOf(pair, columns.history), labelPolicy, isEvaluatedMinute).ai2;
  const evaluate = (start: number) =>
    performTask({ kind: 'labels', pair, columns, start, rolls: [], policy: labelPolicy }, null) as PairLabels;
  const start = known.bar.find((bar) => bar >= FIRST)!;
  const skipped = known.bar.indexOf(start);
  expect(skipped).toBeGreaterThan(0);
  const found = evaluate(start);
  expect(found.evaluated[0]!.ai2).toEqual({
    labels: known.label.slice(skipped),
    scores: Float64Array.from(known.bar.slice(skipped), (bar) => columns.scores[0]!.ai2[bar]!),
  });
  expect([...found.dayStart]).toEqual([history.time[start]]);
  expect(buffersOf(found)).toEqual([]);
  expect(evaluate(length).evaluated[0]!.ai2.labels).toHaveLength(0);
  expect([...evaluate(length).dayStart]).toEqual([NaN]);
});
