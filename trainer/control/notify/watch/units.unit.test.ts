import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { homePaths } from '../../../../shared/home.ts';
import { lockHome } from '../../../../shared/process/home_lock.ts';
import type { DaemonLook } from './daemon_look.ts';
import { isUnitBack, unitNotice, unitOf } from './units.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-units-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const DAEMON = 'minutehand-daemon@main.service';

describe('the unit of a process', () => {
  it('is the one of minutehand in its control group, if it is in one', () => {
    const path = join(folder, 'cgroup');
    const unitIn = (text: string): string | null => {
      writeFileSync(path, text);
      return unitOf(path);
    };
    expect(unitIn(`0::/system.slice/system-minutehand\\x2ddaemon.slice/${DAEMON}\n`)).toBe(DAEMON);
    expect(unitIn(`12:cpu:/x\n0::/system.slice/minutehand-trainer.service/payload\n`)).toBe(
      'minutehand-trainer.service',
    );
    expect(unitIn('0::/user.slice/user-0.slice/session-1.scope\n')).toBeNull();
    expect(unitOf(join(folder, 'none'))).toBeNull();
  });
});

describe('a failed unit', () => {
  const keyOf = (unit: string): string => unitNotice(unit).key;
  const look = (changes: Partial<DaemonLook> = {}): DaemonLook => ({
    shard: 'main',
    presence: 'up',
    pid: process.pid,
    health: null,
    overBudget: null,
    ...changes,
  });

  it('is back when the daemon of its shard answers, and no other is', () => {
    const paths = homePaths({ MINUTEHAND_HOME: folder });
    for (const unit of [DAEMON, 'minutehand-standby@main.service']) {
      expect(isUnitBack(keyOf(unit), [look()], paths)).toBe(true);
      expect(isUnitBack(keyOf(unit), [look({ presence: 'mute' })], paths)).toBe(false);
      expect(isUnitBack(keyOf(unit), [look({ presence: 'down' })], paths)).toBe(false);
      expect(isUnitBack(keyOf(unit), [look({ shard: 'other' })], paths)).toBe(false);
      expect(isUnitBack(`unit_failed:${unit}@not-${hostname()}`, [look()], paths)).toBe(false);
    }
    expect(isUnitBack(keyOf('minutehand-trainer.service'), [], paths)).toBe(true);
    expect(isUnitBack(keyOf('other.service'), [look()], paths)).toBe(false);
    expect(isUnitBack('daemon_dead:main@here', [look()], paths)).toBe(false);
  });

  it('is not back where the other one has taken over, until it stands by', () => {
    const paths = homePaths({ MINUTEHAND_HOME: folder });
    const inUnit = (unit: string) => (): string => unit;
    const isBack = (): boolean => isUnitBack(keyOf(DAEMON), [look()], paths, inUnit('minutehand-standby@main.service'));
    expect(isUnitBack(keyOf(DAEMON), [look()], paths, inUnit(DAEMON))).toBe(true);
    expect(isBack()).toBe(false);
    const unlock = lockHome(paths.lock('standby_main'));
    expect(isBack()).toBe(true);
    unlock();
    expect(isBack()).toBe(false);
  });
});
