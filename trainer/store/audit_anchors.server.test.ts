import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildProgram } from '../../test/program.ts';
import { ANCHOR_BOUNDS, appendAnchors, readAnchors, setAnchorsAside } from './audit_anchors.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-anchors-'));
  path = join(folder, 'audit_anchors.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const BOUNDS = { maxBytes: 2000, keptBytes: 1000 };
const anchorOf = (entry_id: number) => ({ entry_id, hash: entry_id.toString(16).padStart(64, '0') });

describe('the anchors of the audit', () => {
  it('are the newest ones, in a file that never exceeds its bound', async () => {
    for (let entry = 1; entry <= 300; entry++) {
      await appendAnchors(path, [anchorOf(entry)], BOUNDS);
      expect(statSync(path).size).toBeLessThanOrEqual(BOUNDS.maxBytes);
      const anchors = readAnchors(path);
      expect(anchors.at(-1)).toEqual(anchorOf(entry));
      expect(anchors).toEqual(anchors.map((_, index) => anchorOf(entry - anchors.length + 1 + index)));
      expect(anchors.length).toBeGreaterThanOrEqual(Math.min(entry, 10));
    }
  });

  it('of a file that is longer than its bound are read from the end of it', async () => {
    const long = Array.from({ length: 60_000 }, (_, index) => JSON.stringify(anchorOf(index + 1))).join('\n');
    writeFileSync(path, `${long}\n`);
    expect(statSync(path).size).toBeGreaterThan(2 * ANCHOR_BOUNDS.maxBytes);
    const anchors = readAnchors(path);
    expect(anchors.at(-1)).toEqual(anchorOf(60_000));
    expect(anchors.length).toBeLessThan(30_000);
    await appendAnchors(path, [anchorOf(60_001)]);
    expect(statSync(path).size).toBeLessThanOrEqual(ANCHOR_BOUNDS.maxBytes);
    expect(readAnchors(path).at(-1)).toEqual(anchorOf(60_001));
  });

  it('of several processes are all there, also while one of them shortens the file', async () => {
    const program = await buildProgram('store_program');
    const both = [1000, 2000].map((first) => program.start(['anchor', path, `${first}`]));
    expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([0, 0]);
    await program.remove();
    const ids = readAnchors(path).map(({ entry_id }) => entry_id);
    // Of each, the last ones without a gap.
    for (const first of [1000, 2000]) {
      const own = ids.filter((id) => id >= first && id < first + 1000);
      expect(own).toEqual(own.map((_, index) => first + 60 - own.length + index));
    }
    expect(ids.length).toBeGreaterThanOrEqual(40);
  });

  it('that were set aside stay ten times', async () => {
    for (let time = 0; time < 25; time++) {
      await appendAnchors(path, [anchorOf(time)], BOUNDS);
      setAnchorsAside(path, Date.UTC(2026, 0, 1 + time));
    }
    const aside = readdirSync(folder).filter((name) => name.startsWith('audit_anchors.jsonl.2'));
    expect(aside).toHaveLength(10);
    expect(aside.sort()[0]).toBe('audit_anchors.jsonl.20260116T000000000Z');
  });
});
