import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../bar.ts';
import { Assignment, armOfUnit, blockOf, unitMessage } from './assignment.ts';

const SHARES = [0.1, 0.3, 0.7, 1];
const subjects = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD'];
const keyed =
  (key: string) =>
  (message: string): number =>
    createHmac('sha256', key).update(message).digest().readUInt32BE(0);
const time = fc.integer({ min: 0, max: 2_000_000_000 }).map((value) => (value - (value % 60)) as OpenTime);

describe('assignment to the arms of a rollout', () => {
  it('gives a unit of the challenger to it at every larger share', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(2), time, (key, subject, at) => {
        const assignment = new Assignment(subjects, keyed(key), 3600);
        const arms = SHARES.map((share) => assignment.armOf(subject, at, share));
        const first = arms.indexOf('challenger');
        expect(first).toBeGreaterThanOrEqual(0);
        expect(arms.slice(first).every((arm) => arm === 'challenger')).toBe(true);
      }),
    );
  });

  it('equals the direct HMAC whatever was asked and prepared before', () => {
    const steps = fc.array(fc.tuple(fc.nat(2), time, fc.boolean()), { maxLength: 50 });
    fc.assert(
      fc.property(fc.string(), steps, fc.double({ min: 0, max: 1, noNaN: true }), (key, asked, share) => {
        const hash = keyed(key);
        const assignment = new Assignment(subjects, hash, 7200);
        for (const [subject, at, isPrepared] of asked) {
          if (isPrepared) assignment.prepare(subject, at);
          const direct = hash(`${subjects[subject]}|${Math.floor(at / 7200)}`) / 2 ** 32 < share;
          expect(assignment.armOf(subject, at, share)).toBe(direct ? 'challenger' : 'champion');
        }
      }),
    );
  });

  it('hashes nothing at the bars of a block that was prepared', () => {
    let hashed = 0;
    const assignment = new Assignment(subjects, (message) => (hashed++, keyed('k')(message)), 3600);
    assignment.armOf(1, 3540 as OpenTime, 0.5);
    assignment.prepare(1, 3540 as OpenTime);
    expect(hashed).toBe(2);
    for (let at = 3600; at < 7200; at += 60) assignment.armOf(1, at as OpenTime, 0.5);
    expect(hashed).toBe(2);
  });

  it('assigns the stated share of the units, subjects and blocks independently', () => {
    const hash = keyed('rollout');
    for (const share of SHARES) {
      let count = 0;
      for (let block = 0; block < 4000; block++)
        for (const subject of subjects)
          if (armOfUnit(hash(unitMessage(subject, block)), share) === 'challenger') count++;
      const sd = Math.sqrt((share * (1 - share)) / 12_000);
      expect(Math.abs(count / 12_000 - share)).toBeLessThanOrEqual(4.5 * sd);
    }
  });

  it('gives all or nothing at the shares 1 and 0', () => {
    for (const hash of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
      expect(armOfUnit(hash, 1)).toBe('challenger');
      expect(armOfUnit(hash, 0)).toBe('champion');
    }
  });

  it('changes the block at whole multiples of its length', () => {
    expect(blockOf(3599 as OpenTime, 3600)).toBe(0);
    expect(blockOf(3600 as OpenTime, 3600)).toBe(1);
  });
});
