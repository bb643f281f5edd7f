import { describe, expect, it } from 'vitest';
import { isRefusalOfReplica, ReplicaRetries } from './redis_role.ts';

describe('a refusal of a replica', () => {
  it('is recognized in replies of commands and of scripts', () => {
    for (const words of [
      "READONLY You can't write against a read only replica.",
      "-READONLY You can't write against a read only replica. script: 4b2, on @user_script:8.",
      'MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to no.',
    ])
      expect(isRefusalOfReplica(words), words).toBe(true);
    expect(isRefusalOfReplica('OOM command not allowed')).toBe(false);
  });

  it('leads to a new connection at once, and to fewer while the server stays a replica', () => {
    let nowMs = 0;
    const retries = new ReplicaRetries(() => nowMs);
    const times: number[] = [];
    for (; nowMs <= 1_000_000; nowMs += 1000) if (retries.refused()) times.push(nowMs / 1000);
    expect(times).toEqual([0, 10, 30, 70, 150, 310, 610, 910]);
    retries.accepted();
    expect(retries.refused()).toBe(true);
  });
});
