import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
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
