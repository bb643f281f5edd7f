import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { rolloutPath, writeRollout, type Rollout } from '../../../shared/bundle/rollout.ts';
import { rolloutCard } from './rollout_card.ts';

const CHAMPION = '20260101_0000';
const FIRST = '20260102_0000';
const SECOND = '20260103_0000';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-card-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ROLLOUT: Rollout = {
  id: 'r2',
  champion: CHAMPION,
  challenger: SECOND,
  stage: 'pilot',
  share: 0.3,
  key: '00'.repeat(16),
  block_minutes: 60,
  status: 'active',
  reason: '',
  promotion_e_value: 60,
  power: null,
  history: [false],
  started: '2026-01-03T00:00:00Z',
  stage_started: '2026-01-04T00:00:00Z',
  stages: [],
  earlier: [
    { id: 'r1', challenger: FIRST, status: 'aborted', reason: 'guard loss', promotion_e_value: 20, candidate: 1 },
  ],
};

it('the card names the level of each rollout of a bundle, also of earlier ones', () => {
  expect(rolloutCard(folder, SECOND)).toBe('');
  writeRollout(folder, ROLLOUT);
  expect(rolloutCard(folder, CHAMPION)).toBe('');
  expect(rolloutCard(folder, SECOND)).toContain('|r2|2|0.017|60|active|');
  expect(rolloutCard(folder, FIRST)).toContain('|r1|1|0.050|20|aborted: guard loss|');
  writeFileSync(rolloutPath(folder), '{');
  expect(rolloutCard(folder, SECOND)).toContain('is not JSON');
});
