import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifest } from '../../shared/bundle/bundle.ts';
import type { Manifest } from '../../shared/bundle/manifest.ts';
import { trainTinyModels } from '../../test/tiny_models.ts';
import { renderCard } from './card.ts';

let folder: string;
let manifest: Manifest;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-card-'));
  manifest = readManifest((await trainTinyModels(folder)).path);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('renderCard', () => {
  it('has the holdout figures of the manifest, and a dash for what does not exist', () => {
    const card = renderCard(manifest);
    const { ai1, ai3 } = manifest.metrics;
    expect(card).toContain(
      `| AI1 | ${ai1.holdout.rows} | ${ai1.holdout.label_mean!.toFixed(3)} | ${ai1.holdout.auc!.toFixed(4)} |`,
    );
    expect(card).toContain(`| AI3 | ${ai3.holdout.rows} | ${ai3.holdout.label_mean!.toFixed(3)} | – |`);
    expect(card).toContain(`nothing from ${manifest.period.holdout_from} on was used for any choice`);
    expect(card).not.toMatch(/undefined|null|NaN/);
  });

  it('gives every pair its verdict and counts those with an edge', () => {
    expect(renderCard(manifest)).toContain('## Edge after costs on the holdout: 0 of 3 pairs');
    const proven = { no_edge: false, trades: 99, mean_gross_bps: 3, mean_net_bps: 1.5, lower_5_net_bps: 0.25 };
    const card = renderCard({ ...manifest, edge: { ...manifest.edge, EURUSD_GBPUSD: proven } });
    expect(card).toContain('on the holdout: 1 of 3 pairs');
    expect(card).toMatch(/\| EURUSD_GBPUSD \| [\d.]+ \| 99 \| 3\.00 \| 1\.50 \| 0\.25 \| edge \|/);
    expect(card).toMatch(/\| XAUUSD_XAGUSD \|.* NO_EDGE \|/);
  });
});
