import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { activate } from '../../../test/activate.ts';
import { activePath } from '../../../shared/bundle/bundle.ts';
import { trainerMarks, trainerMarksOf } from '../../../shared/bundle/pointer_marks.ts';
import {
  readRollout,
  ROLLOUT_POINTER,
  rolloutPath,
  writeRollout,
  type Rollout,
} from '../../../shared/bundle/rollout.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { homePaths } from '../../../shared/home.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import type { Notice } from '../notify/outbox.ts';
import { abortRollout, endUnsealedRollout, UNSEALED } from './steps.ts';
import { watchRollout } from './watch.ts';

const CHAMPION = '20260101_0000';
const CHALLENGER = '20260102_0000';
const STARTED = '2026-11-20T08:00:00.000Z';
const ROLLOUT: Rollout = {
  id: 'r3',
  champion: CHAMPION,
  challenger: CHALLENGER,
  stage: 'pilot',
  share: 0.3,
  key: '00'.repeat(16),
  block_minutes: 60,
  status: 'active',
  reason: '',
  promotion_e_value: 20,
  power: null,
  history: [true, false],
  started: STARTED,
  stage_started: STARTED,
  stages: [],
};

let paths: ReturnType<typeof homePaths>;
beforeEach(() => {
  const home = mkdtempSync(join(tmpdir(), 'minutehand-unsealed-'));
  paths = homePaths({ MINUTEHAND_HOME: home });
  mkdirSync(join(paths.models, CHAMPION!), { recursive: true });
  writeFileSync(join(paths.models, CHAMPION!, 'manifest.json'), '{}');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(home, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(home, 'trusted.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  vi.stubEnv('MINUTEHAND_SIGNING_KEY', join(home, 'key.pem'));
  vi.stubEnv('MINUTEHAND_TRUSTED_KEYS', join(home, 'trusted.pem'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(paths.home, { recursive: true });
});

const marks = () => trainerMarksOf(ROLLOUT_POINTER, paths);
const unsealed = (): void => writeFileSync(rolloutPath(paths.models), JSON.stringify(ROLLOUT));
const signActive = (): void => void activate(paths.models, CHAMPION!, MACHINE_FILES, trainerMarks(paths));

it('a rollout without a seal ends where active.json is signed, by a signed state, and the trainer notifies of it', async () => {
  signActive();
  unsealed();
  const raised: Notice[] = [];
  const watch = watchRollout({
    settings: tinySettings(),
    paths,
    command: ['false'],
    print: () => undefined,
    lookMs: 5,
    notifier: { raise: (notice) => Promise.resolve(void raised.push(notice)) },
  });
  await vi.waitFor(() => expect(raised).toHaveLength(1), 10_000);
  watch.stop();
  expect(raised[0]).toMatchObject({ event: 'rollout', severity: 'warning', text: expect.stringContaining(UNSEALED) });
  const ended = readRollout(paths.models, MACHINE_FILES, marks());
  // Unsigned outcomes do not make a promotion easier.
  expect(ended).toEqual({ ...ROLLOUT, status: 'inconclusive', reason: UNSEALED, history: [false, false] });
  expect(() => abortRollout(paths, 'a person')).toThrow('no rollout is active');
});

it('no other rollout is ended this way: without a signed active.json, with a seal, or restored after a sealed one', () => {
  unsealed();
  expect(endUnsealedRollout(paths)).toBeNull();
  writeFileSync(activePath(paths.models), JSON.stringify({ version: CHAMPION, previous: null }));
  expect(endUnsealedRollout(paths)).toBeNull();
  signActive();
  writeRollout(paths.models, ROLLOUT, MACHINE_FILES, marks());
  expect(endUnsealedRollout(paths)).toBeNull();
  unsealed();
  expect(endUnsealedRollout(paths)).toBeNull();
});
