import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { insertChange, listChanges, updateChange } from './changes.ts';
import { openStore, type Store } from '../../store/store.ts';
import { EvidenceRunner } from './evidence.ts';
import type { Evidence } from './evidence_schema.ts';

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-evidence-'));
  store = await openStore(join(folder, 'trainer.db'));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const NOW_MS = Date.parse('2026-11-21T12:00:00Z');
const CHECK = { ok: true, policy_hash: 'a', text: '' };

/** An open change whose commit is there. @returns its id */
async function openChange(): Promise<number> {
  const change = { changes: {}, before: {}, reason: 'r', by: 'ann', expiresMs: NOW_MS + 1e9, policyHash: 'a' };
  const { change_id } = await insertChange(store, change, NOW_MS);
  await updateChange(store, change_id, { commit_id: 'c'.repeat(40) });
  return change_id;
}

/** A runner of a program in place of the command line. */
function runnerOf(source: string, limitMs?: number): EvidenceRunner {
  const program = join(folder, 'program.mjs');
  writeFileSync(program, source);
  let nowMs = NOW_MS;
  return new EvidenceRunner({
    command: [process.execPath, program],
    yields: false,
    clock: { nowMs: () => (nowMs += 2000) },
    log: pino({ level: 'silent' }),
    ...(limitMs === undefined ? {} : { limitMs }),
    store: () => Promise.resolve(store),
  });
}

async function evidenceWhen(id: number, holds: (evidence: Evidence) => boolean): Promise<Evidence> {
  for (;;) {
    const { evidence } = (await listChanges(store, NOW_MS, 10)).find(({ change_id }) => change_id === id)!;
    if (evidence !== null && holds(evidence)) return evidence;
    await delay(5);
  }
}

describe('the evidence of a change', () => {
  it('is what the command answers, with its progress until then', async () => {
    const id = await openChange();
    const gate = join(folder, 'gate');
    const runner = runnerOf(`
      import { existsSync } from 'node:fs';
      process.stderr.write(JSON.stringify({ progress: { stage: process.argv.slice(2).join(' '), share: 0.27 } }) + '\\n');
      while (!existsSync(${JSON.stringify(gate)})) await new Promise((resolve) => setTimeout(resolve, 5));
      process.stdout.write(JSON.stringify({ check: ${JSON.stringify(CHECK)}, backtest: null, replay: null }));
    `);
    runner.look();
    const running = await evidenceWhen(id, ({ percent }) => percent > 0);
    expect(running).toMatchObject({ status: 'running', stage: `policy evidence ${id} --json`, percent: 27 });
    writeFileSync(gate, '');
    const done = await evidenceWhen(id, ({ status }) => status !== 'running');
    expect(done).toMatchObject({ status: 'done', stage: 'done', percent: 100, error: null, check: CHECK });
    await runner.stop();
  });

  it.each([
    [
      'its error',
      `process.stdout.write('{"error":{"code":"DATA_MISSING","message":"no bars"}}'); process.exitCode = 1;`,
      'DATA_MISSING: no bars',
    ],
    [
      'its last line',
      `process.stderr.write('heap out of memory\\n'); process.exitCode = 134;`,
      'it ended with 134: heap out of memory',
    ],
  ])('has failed with %s', async (_, source, error) => {
    const id = await openChange();
    const runner = runnerOf(source);
    runner.look();
    expect(await evidenceWhen(id, ({ status }) => status !== 'running')).toMatchObject({
      status: 'failed',
      error,
      check: null,
    });
    await runner.stop();
  });

  it('is absent when the trainer stops before it is complete: the next one begins again', async () => {
    const id = await openChange();
    const runner = runnerOf('setInterval(() => undefined, 1000);');
    runner.look();
    await evidenceWhen(id, ({ status }) => status === 'running');
    await runner.stop();
    const [change] = await listChanges(store, NOW_MS, 10);
    expect(change!.evidence).toBeNull();
  });

  it('has failed when it takes too long', async () => {
    const id = await openChange();
    const runner = runnerOf('setInterval(() => undefined, 1000);', 100);
    runner.look();
    const failed = await evidenceWhen(id, ({ status }) => status !== 'running');
    expect(failed).toMatchObject({ status: 'failed', error: 'it ended with a signal' });
    await runner.stop();
  });

  it('is given up when the change is rejected, and not when it is approved', async () => {
    const approved = await openChange();
    const gate = join(folder, 'gate');
    const runner = runnerOf(`
      import { existsSync } from 'node:fs';
      while (!existsSync(${JSON.stringify(gate)})) await new Promise((resolve) => setTimeout(resolve, 5));
      process.stdout.write(JSON.stringify({ check: ${JSON.stringify(CHECK)}, backtest: null, replay: null }));
    `);
    runner.look();
    await evidenceWhen(approved, ({ status }) => status === 'running');
    await updateChange(store, approved, { status: 'approved' });
    runner.look();
    await delay(100);
    writeFileSync(gate, '');
    expect(await evidenceWhen(approved, ({ status }) => status !== 'running')).toMatchObject({ status: 'done' });
    rmSync(gate);
    const rejected = await openChange();
    await expect
      .poll(async () => {
        runner.look();
        return (await listChanges(store, NOW_MS, 10)).find(({ change_id }) => change_id === rejected)!.evidence?.status;
      })
      .toBe('running');
    await updateChange(store, rejected, { status: 'rejected' });
    runner.look();
    expect(await evidenceWhen(rejected, ({ status }) => status !== 'running')).toMatchObject({ status: 'failed' });
    await runner.stop();
  });
});
