import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const LOCK_MODULE = pathToFileURL(join(import.meta.dirname, '..', 'bin', 'lock.mjs')).href;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `body` in its own process, with `withLock`, `lock` (its path) and `log(text)` in scope. */
function inProcess(body: string) {
  const script = `
    import { appendFileSync } from 'node:fs';
    import { withLock } from ${JSON.stringify(LOCK_MODULE)};
    const lock = ${JSON.stringify(join(folder, 'lock'))};
    const log = (text) => appendFileSync(${JSON.stringify(join(folder, 'log'))}, text + '\\n');
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    ${body}`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
}

const logged = () =>
  existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8').trim().split('\n') : [];

describe('the lock of the set-up', () => {
  it('lets one process work at a time, and eventually all of them', async () => {
    const processes = Array.from({ length: 5 }, () =>
      inProcess(`for (let i = 0; i < 3; i++) await withLock(lock, () => {}, async () => {
        log('in ' + process.pid); await sleep(10); log('out ' + process.pid);
      });`),
    );
    const codes = await Promise.all(processes.map(async (child) => (await once(child, 'exit'))[0] as number));
    expect(codes).toEqual([0, 0, 0, 0, 0]);
    const lines = logged();
    expect(lines).toHaveLength(30);
    for (let i = 0; i < lines.length; i += 2) {
      expect(lines[i]).toMatch(/^in /);
      expect(lines[i + 1]).toBe(lines[i]!.replace('in', 'out'));
    }
    expect(readdirSync(folder)).toEqual(['log']);
  });

  it('is taken over by exactly one waiting process when its owner is killed', async () => {
    const owner = inProcess(`await withLock(lock, () => {}, async () => { log('owner'); await sleep(60_000); });`);
    await expect.poll(logged).toEqual(['owner']);
    const waiting = Array.from({ length: 4 }, () =>
      inProcess(`await withLock(lock, (pid) => log('waits for ' + pid), async () => {
        log('in ' + process.pid); await sleep(50); log('out ' + process.pid);
      });`),
    );
    const exits = waiting.map((child) => once(child, 'exit'));
    await expect.poll(() => logged().filter((line) => line === `waits for ${owner.pid}`).length).toBe(4);
    owner.kill('SIGKILL');
    await Promise.all(exits);
    const work = logged().filter((line) => /^(in|out) /.test(line));
    expect(work).toHaveLength(8);
    for (let i = 0; i < work.length; i += 2) expect(work[i + 1]).toBe(work[i]!.replace('in', 'out'));
  });

  it('is released when the work throws and when the process exits in the middle of it', async () => {
    const thrower = inProcess(
      `await withLock(lock, () => {}, async () => { throw new Error('x'); }).catch(() => log('threw'));`,
    );
    await once(thrower, 'exit');
    const leaver = inProcess(`await withLock(lock, () => {}, async () => { log('leaves'); process.exit(3); });`);
    await once(leaver, 'exit');
    expect(logged()).toEqual(['threw', 'leaves']);
    expect(readdirSync(folder)).toEqual(['log']);
  });

  it('of an earlier process with the same pid does not count', async () => {
    if (process.platform !== 'linux') return;
    // The pid is this running test's, but with a different start time.
    const stale = inProcess(`await withLock(lock, () => {}, async () => { process.kill(process.pid, 'SIGKILL'); });`);
    await once(stale, 'exit');
    const ownerPath = join(folder, 'lock', 'owner.json');
    const owner = JSON.parse(readFileSync(ownerPath, 'utf8')) as object;
    writeFileSync(ownerPath, JSON.stringify({ ...owner, pid: process.pid }));
    const next = inProcess(`await withLock(lock, () => log('waits'), async () => log('in'));`);
    await once(next, 'exit');
    expect(logged()).toEqual(['in']);
  });
});
