import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tinySettings } from '../../test/tiny_settings.ts';
import {
  configAuthor,
  configValues,
  MAX_CONFIG_STARTS,
  noteConfigStart,
  readConfigStarts,
  type ConfigStart,
} from './config_starts.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-starts-'));
  path = join(folder, 'config_main.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const START: ConfigStart = {
  changed_by: 'ann@host',
  program: 'daemon main',
  reason: null,
  at_ms: 1,
  policy_hash: 'a',
  values: { core: { theta1: 0.6 } },
};

it('a start is noted when its configuration or its hash is another than the last one', () => {
  expect(readConfigStarts(path)).toEqual({ dropped: 0, starts: [] });
  noteConfigStart(path, START);
  noteConfigStart(path, { ...START, at_ms: 2 });
  noteConfigStart(path, { ...START, at_ms: 3, policy_hash: 'b' });
  noteConfigStart(path, { ...START, at_ms: 4, policy_hash: 'b', values: { core: { theta1: 0.7 } } });
  noteConfigStart(path, { ...START, at_ms: 5 });
  expect(readConfigStarts(path).starts.map(({ at_ms }) => at_ms)).toEqual([1, 3, 4, 5]);
  expect(readConfigStarts(path).starts[0]).toEqual(START);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('a line that was cut off is left out, and spoils none after it', () => {
  noteConfigStart(path, START);
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"at_ms": 2, "poli`);
  noteConfigStart(path, { ...START, at_ms: 3, policy_hash: 'b' });
  expect(readConfigStarts(path).starts.map(({ at_ms }) => at_ms)).toEqual([1, 3]);
  expect(() => readConfigStarts(folder)).toThrow(
    expect.objectContaining({ code: 'HOME_UNUSABLE', seen: expect.stringContaining(`${folder}: EISDIR`) as string }),
  );
});

it('the newest starts stay, with the number of those before them', () => {
  const noted = 3 * MAX_CONFIG_STARTS + 7;
  for (let at_ms = 0; at_ms < noted; at_ms++) noteConfigStart(path, { ...START, at_ms, policy_hash: `${at_ms}` });
  const { dropped, starts } = readConfigStarts(path);
  expect(starts.length).toBeLessThanOrEqual(MAX_CONFIG_STARTS);
  expect(starts.map(({ at_ms }) => at_ms)).toEqual(
    Array.from({ length: noted - dropped }, (_, index) => dropped + index),
  );
  expect(statSync(path).mode & 0o077).toBe(0);
});

it('the author of a configuration is the caller behind sudo, else the user, with a reason or none', () => {
  const at = (user: string): string => `${user}@${hostname()}`;
  expect(configAuthor('trainer', { SUDO_USER: 'ann', MINUTEHAND_CHANGE_REASON: 'wider stop' })).toEqual({
    changed_by: at('ann'),
    program: 'trainer',
    reason: 'wider stop',
  });
  for (const env of [{ SUDO_USER: '', MINUTEHAND_CHANGE_REASON: '' }, {}])
    expect(configAuthor('trainer', env)).toEqual({
      changed_by: at(userInfo().username),
      program: 'trainer',
      reason: null,
    });
});

it('the values of a configuration have no addresses, which may contain passwords', () => {
  const settings = tinySettings();
  const { core, retrain, signals, minutehand } = configValues(settings);
  expect([core, retrain, signals]).toEqual([settings.core, settings.retrain, settings.signals]);
  expect(new Set(Object.keys(settings.minutehand))).toEqual(new Set([...Object.keys(minutehand!), 'transports']));
  expect(minutehand!['decision']).toEqual(settings.minutehand.decision);
});
