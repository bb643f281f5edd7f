import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { endStep, openResources, reportSlowEnd, stepInWork } from './end_steps.ts';

describe('the steps of an end', () => {
  it('are named while they last, inner ones before outer ones, failed ones too', async () => {
    const seen: (string | null)[] = [stepInWork()];
    await endStep('all', async () => {
      seen.push(stepInWork());
      await endStep('history', async () => {
        await sleep(1);
        seen.push(stepInWork());
      });
      seen.push(stepInWork());
      await expect(endStep('fills', () => Promise.reject(new Error('no store')))).rejects.toThrow('no store');
      seen.push(stepInWork());
    });
    seen.push(stepInWork());
    expect(seen).toEqual([null, 'all', 'history', 'all', 'all', null]);
  });

  it('that take long are reported until they have ended', async () => {
    const lines: string[] = [];
    const print = (line: string): void => void lines.push(line);
    await reportSlowEnd(print, () => endStep('the history of signals', () => sleep(100)), 20);
    const told = lines.length;
    await sleep(60);
    expect(told).toBeGreaterThan(0);
    expect(lines).toHaveLength(told);
    expect(lines[0]).toBe('Still ends after 0 s: waits for the history of signals.');
  });

  it('name what Node still has open', async () => {
    const timer = setTimeout(() => undefined, 60_000);
    expect(openResources()).toMatch(/\bTimeout\b/);
    clearTimeout(timer);
  });
});
