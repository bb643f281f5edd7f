import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../shared/store/sqlite.ts';
import { createWorkplace, type Finished, type Workplace } from './cli_process.ts';

let place: Workplace;
beforeAll(() => {
  place = createWorkplace({});
});
afterAll(() => place.remove());

const TOKEN = ['token', 'create', '--name', 'zoe'];
const VERIFY = ['audit', 'verify'];
const RESTART = ['audit', 'restart', '--reason', 'the disk lost the file'];
const codesOf = (finished: readonly Finished[]): Finished['code'][] => finished.map(({ code }) => code);

it('anchors that are gone, or an empty file of them, are a fault until the audit begins them anew', async () => {
  const anchors = join(place.home, 'audit_anchors.jsonl');
  expect(codesOf(await place.runEach([VERIFY, TOKEN, TOKEN, VERIFY]))).toEqual([0, 0, 0, 0]);
  for (const lose of [() => rmSync(anchors), () => writeFileSync(anchors, '')]) {
    lose();
    const [lost, restarted, whole, again] = await place.runEach([VERIFY, RESTART, VERIFY, RESTART]);
    expect([lost!.code, restarted!.code, whole!.code, again!.code]).toEqual([1, 0, 0, 1]);
    expect(lost!.stdout).toContain('No anchors: ');
    expect(lost!.stdout).not.toContain('Whole');
    expect(again!.stderr).toContain('AUDIT_WHOLE');
  }
});

it('anchors that are gone are a fault although later entries have theirs again', async () => {
  const anchors = join(place.home, 'audit_anchors.jsonl');
  expect(codesOf(await place.runEach([TOKEN, TOKEN, VERIFY]))).toEqual([0, 0, 0]);
  rmSync(anchors);
  const [, lost, restarted, later, whole, again] = await place.runEach([
    TOKEN,
    VERIFY,
    RESTART,
    TOKEN,
    VERIFY,
    RESTART,
  ]);
  expect([lost!.code, restarted!.code, later!.code, whole!.code, again!.code]).toEqual([1, 0, 0, 0, 1]);
  expect(lost!.stdout).toMatch(/No anchors: .* lacks those of 3 of \d+ entries/);
});

it('entries and anchors that are cut to the same entry contradict the certificates, also copies of them', async () => {
  const anchors = join(place.home, 'audit_anchors.jsonl');
  const [first, before] = await place.runEach([VERIFY, [...VERIFY, '--json']]);
  expect(first!.code).toBe(0);
  const { entries, head } = JSON.parse(before!.stdout) as { readonly entries: number; readonly head: string };
  const copies = join(place.home, 'copies');
  for (const folder of [join(place.home, 'parity'), copies]) {
    mkdirSync(folder);
    const certificate = {
      created_at: new Date().toISOString(),
      audit: { entries, head, breaks: 0, missing: null },
    };
    writeFileSync(join(folder, 'parity_simulated_main_2024-01-05.json'), JSON.stringify(certificate));
    writeFileSync(join(folder, 'parity_torn.json'), '{');
  }
  expect((await place.run(VERIFY)).code).toBe(0);

  const database = new Database(join(place.home, 'trainer.db'));
  const cut = database.prepare('DELETE FROM audit_api_writes WHERE hash = ?').run(head).changes;
  database.close();
  expect(cut).toBe(1);
  const lines = readFileSync(anchors, 'utf8').trimEnd().split('\n');
  expect(lines.at(-1)).toContain(head);
  writeFileSync(anchors, `${lines.slice(0, -1).join('\n')}\n`);

  const [lost, copied, none] = await place.runEach([
    VERIFY,
    [...VERIFY, '--certificates', copies],
    [...VERIFY, '--certificates', join(place.home, 'nowhere')],
  ]);
  expect(lost!.code).toBe(1);
  expect(lost!.stdout).toContain(`entry ${head}`);
  expect(lost!.stdout).not.toContain('Whole');
  expect(copied!.stdout).toContain(copies);
  expect(none!.code).not.toBe(0);
  const [restarted, whole, later, again] = await place.runEach([
    RESTART,
    VERIFY,
    [...VERIFY, '--certificates', copies],
    RESTART,
  ]);
  expect(codesOf([restarted!, whole!, later!, again!])).toEqual([0, 0, 0, 1]);

  // What a certificate has seen since then counts again.
  const certificate = {
    created_at: new Date(Date.now() + 60_000).toISOString(),
    audit: { entries: 9, head: 'f'.repeat(64), breaks: 0, missing: null },
  };
  writeFileSync(join(copies, 'parity_simulated_main_2024-01-06.json'), JSON.stringify(certificate));
  const contradicted = await place.run([...VERIFY, '--certificates', copies, '--json']);
  expect(contradicted.code).toBe(1);
  expect(JSON.parse(contradicted.stdout)).toMatchObject({
    contradicting: [join(copies, 'parity_simulated_main_2024-01-06.json')],
  });
});
