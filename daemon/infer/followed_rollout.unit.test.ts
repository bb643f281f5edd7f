import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { parseRolloutText, rolloutPath, rolloutText, writeRollout, type Rollout } from '../../shared/bundle/rollout.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { FollowedRollout, type FollowedRolloutOptions } from './followed_rollout.ts';

const ROLLOUT: Rollout = {
  id: '20261120T080000',
  stage: 'test',
  share: 0.1,
  champion: '20261101_0000',
  challenger: '20261108_0000',
  key: 'ab'.repeat(16),
  block_minutes: 60,
  status: 'active',
  reason: '',
  started: '2026-11-20T08:00:00.000Z',
  stage_started: '2026-11-20T08:00:00.000Z',
  stages: [{ from: '2026-11-20T08:00:00.000Z', share: 0.1 }],
  promotion_e_value: 20,
  power: null,
  history: [],
};

let models: string;
beforeEach(() => (models = mkdtempSync(join(tmpdir(), 'minutehand-followed-rollout-'))));
afterEach(() => rmSync(models, { recursive: true, force: true }));

function follow(options: Pick<FollowedRolloutOptions, 'marks' | 'directions'> = {}) {
  const seen: string[] = [];
  const control = { isBroken: false, waits: false };
  const followed = new FollowedRollout({
    modelsFolder: models,
    files: MACHINE_FILES,
    load(folder) {
      seen.push(`load ${folder.slice(models.length + 1)}`);
      if (control.isBroken) return Promise.reject(new Error('no such bundle'));
      if (control.waits) return Promise.reject(new MinutehandError('WARM_UP_WAITS'));
      return Promise.resolve({ release: () => Promise.resolve(void seen.push('release')) } as unknown as ModelSet);
    },
    onRollout: (rollout, set) =>
      seen.push(rollout === null ? `none ${String(set)}` : `${rollout.stage} ${rollout.share}`),
    onRefused: (version, error) => seen.push(`refused ${version} ${describeError(error).code}`),
    onWithdrawn: () => seen.push('withdrawn'),
    ...options,
  });
  return {
    followed,
    control,
    async look(): Promise<string[]> {
      seen.length = 0;
      await followed.look();
      return [...seen];
    },
  };
}

describe('the followed rollout', () => {
  it('loads the challenger once, keeps it from stage to stage, and ends with the status', async () => {
    const { look } = follow();
    expect(await look()).toEqual([]);
    writeRollout(models, ROLLOUT);
    expect(await look()).toEqual(['load 20261108_0000', 'test 0.1']);
    expect(await look()).toEqual([]);
    writeRollout(models, { ...ROLLOUT, stage: 'pilot', share: 0.3 });
    expect(await look()).toEqual(['pilot 0.3']);
    writeRollout(models, { ...ROLLOUT, stage: 'pilot', share: 0.3, reason: 'noted' });
    expect(await look()).toEqual([]);
    writeRollout(models, { ...ROLLOUT, status: 'aborted' });
    expect(await look()).toEqual(['none null']);
    rmSync(rolloutPath(models));
    expect(await look()).toEqual([]);
  });

  it('refuses a damaged state and a challenger that does not load, once, and ends the rollout', async () => {
    const { look, control } = follow();
    writeRollout(models, ROLLOUT);
    await look();
    writeFileSync(rolloutPath(models), '{"id": ');
    expect(await look()).toEqual(['none null', 'refused (rollout.json) MODEL_MANIFEST']);
    expect(await look()).toEqual([]);
    control.isBroken = true;
    writeRollout(models, ROLLOUT);
    expect(await look()).toEqual(['load 20261108_0000', 'refused 20261108_0000 INTERNAL']);
    expect(await look()).toEqual([]);
  });

  it('does not load a challenger again that was dropped, until its stage changes', async () => {
    const { look, followed } = follow();
    writeRollout(models, ROLLOUT);
    await look();
    followed.forget();
    expect(await look()).toEqual([]);
    writeRollout(models, { ...ROLLOUT, reason: 'noted' });
    expect(await look()).toEqual([]);
    writeRollout(models, { ...ROLLOUT, stage: 'pilot', share: 0.3 });
    expect(await look()).toEqual(['load 20261108_0000', 'pilot 0.3', 'withdrawn']);
    writeRollout(models, ROLLOUT);
    expect(await look()).toEqual(['test 0.1']);
    writeRollout(models, { ...ROLLOUT, stage: 'pilot', share: 0.3 });
    expect(await look()).toEqual(['pilot 0.3']);
    followed.forget();
    writeRollout(models, { ...ROLLOUT, stage: 'pilot', share: 0.3, status: 'aborted' });
    expect(await look()).toEqual(['withdrawn']);
  });

  it('keeps the state before while its seal cannot be checked, which is reported once and withdrawn', async () => {
    let isUnread = true;
    const marks = {
      check() {
        if (isUnread) throw new MinutehandError('KEY_UNUSABLE');
      },
      raiseQuietly: () => Promise.resolve(),
    };
    const { look } = follow({ marks });
    writeRollout(models, ROLLOUT);
    expect(await look()).toEqual(['refused (rollout.json) KEY_UNUSABLE']);
    isUnread = false;
    expect(await look()).toEqual(['load 20261108_0000', 'test 0.1', 'withdrawn']);
    isUnread = true;
    writeRollout(models, { ...ROLLOUT, reason: 'noted' });
    expect(await look()).toEqual(['refused (rollout.json) KEY_UNUSABLE']);
    expect(await look()).toEqual([]);
    isUnread = false;
    expect(await look()).toEqual(['withdrawn']);
    expect(await look()).toEqual([]);
  });

  it('keeps the state before while its challenger waits for the journal', async () => {
    const { look, control } = follow();
    control.waits = true;
    writeRollout(models, ROLLOUT);
    expect(await look()).toEqual(['load 20261108_0000', 'refused 20261108_0000 WARM_UP_WAITS']);
    expect(await look()).toEqual(['load 20261108_0000']);
    control.waits = false;
    expect(await look()).toEqual(['load 20261108_0000', 'test 0.1', 'withdrawn']);
  });

  it('of a direction model loads it for its timeframe, and is none where no instrument has that', async () => {
    const loads: string[] = [];
    const { look } = follow({
      directions: {
        timeframes: ['1h'],
        load(version, timeframe) {
          loads.push(`${version} ${timeframe}`);
          return Promise.resolve({} as DirectionModel);
        },
      },
    });
    writeRollout(models, { ...ROLLOUT, timeframe: '1h' });
    expect([await look(), loads]).toEqual([['test 0.1'], ['20261108_0000 1h']]);
    writeRollout(models, { ...ROLLOUT, timeframe: '1h', stage: 'pilot', share: 0.3 });
    expect([await look(), loads.length]).toEqual([['pilot 0.3'], 1]);
    // Models of pairs may have the same version.
    writeRollout(models, { ...ROLLOUT, stage: 'pilot', share: 0.3 });
    expect([await look(), loads.length]).toEqual([['load 20261108_0000', 'pilot 0.3'], 1]);
    writeRollout(models, { ...ROLLOUT, timeframe: '4h' });
    expect([await look(), loads.length]).toEqual([['none null'], 1]);
    writeRollout(models, { ...ROLLOUT, timeframe: '1h' });
    const alone = follow();
    expect(await alone.look()).toEqual([]);
  });

  it('releases a challenger that was loaded while the daemon ended', async () => {
    const { look, followed } = follow();
    writeRollout(models, ROLLOUT);
    const looking = look();
    followed.stop();
    expect(await looking).toEqual(['load 20261108_0000', 'release']);
  });

  it('leaves a challenger that it keeps to its owner when the daemon ends', async () => {
    const { look, followed } = follow();
    writeRollout(models, ROLLOUT);
    await look();
    writeRollout(models, { ...ROLLOUT, stage: 'pilot', share: 0.3 });
    const looking = look();
    followed.stop();
    expect(await looking).toEqual([]);
  });

  it('reports nothing after the daemon has ended', async () => {
    const { look, followed, control } = follow();
    writeRollout(models, ROLLOUT);
    control.isBroken = true;
    const looking = look();
    followed.stop();
    expect(await looking).toEqual(['load 20261108_0000']);
    const other = follow();
    other.followed.stop();
    expect(await other.look()).toEqual([]);
  });
});

describe('the text of a rollout in the journal', () => {
  it('gives the rollout back, and is empty for none', () => {
    const { id, stage, share, champion, challenger, key, block_minutes } = ROLLOUT;
    expect(parseRolloutText(rolloutText(ROLLOUT))).toEqual({
      id,
      stage,
      share,
      champion,
      challenger,
      key,
      block_minutes,
    });
    expect(parseRolloutText(rolloutText({ ...ROLLOUT, timeframe: '4h' }))!.timeframe).toBe('4h');
    const ofUpdates = parseRolloutText(rolloutText({ ...ROLLOUT, of_updates: true }))!;
    expect(ofUpdates).toEqual({ ...parseRolloutText(rolloutText(ROLLOUT)), of_updates: true });
    expect([rolloutText(null), parseRolloutText('')]).toEqual(['', null]);
  });
});
