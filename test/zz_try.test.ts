import { expect, it } from 'vitest';
import { mkdtempSync } from 'node:fs';
import { findInconsistencies } from '../shared/policy/consistency.ts';
import { tinySettings, trainTinyModels } from './tiny_models.ts';
it('x', async () => {
  const s = tinySettings();
  expect(findInconsistencies(s, () => false)).toEqual([]);
  for (let i = 0; i < 2; i++) {
  const t = performance.now();
  const { version, result } = await trainTinyModels(mkdtempSync('/tmp/tiny-'));
  console.log(version, performance.now() - t, result.manifest.metrics.ai1.holdout, result.manifest.metrics.ai1.cross_validation.mean, result.manifest.metrics.ai2.holdout, result.manifest.metrics.ai2_parts, result.manifest.metrics.ai3.holdout, result.manifest.edge, result.dataset.train.ai1.x.rows, result.dataset.train.ai2.x.rows, result.dataset.histories.map((h) => [h.pair.id, h.length, h.beta.filter((b) => b < 0).length]));
  }
});
