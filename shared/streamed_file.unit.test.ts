import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeStreamed, writeTexts } from './streamed_file.ts';

describe('a streamed file', () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'streamed'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function* lines(): AsyncGenerator<string, void> {
    await Promise.resolve();
    yield 'one\n';
    yield 'two\n';
  }

  it('has all texts, compressed or not, and what there was before is gone', async () => {
    const plain = join(folder, 'plain.csv');
    writeFileSync(plain, 'earlier and longer than the new text');
    await writeStreamed(plain, (temporary) => writeTexts(temporary, lines(), false));
    expect(readFileSync(plain, 'utf8')).toBe('one\ntwo\n');
    const zipped = join(folder, 'zipped.csv.gz');
    await writeStreamed(zipped, (temporary) => writeTexts(temporary, lines(), true));
    expect(gunzipSync(readFileSync(zipped)).toString()).toBe('one\ntwo\n');
    expect(readdirSync(folder).sort()).toEqual(['plain.csv', 'zipped.csv.gz']);
  });

  it('leaves no temporary file when its texts fail at once, also not a moment later', async () => {
    // eslint-disable-next-line require-yield -- it fails before its first text
    async function* failing(): AsyncGenerator<string, void> {
      throw new Error('the store has gone');
    }
    const names = readdirSync(folder);
    for (let i = 0; i < 200; i++) {
      const writing = writeStreamed(join(folder, `never${i}`), (temporary) => writeTexts(temporary, failing(), false));
      await expect(writing).rejects.toThrow('the store has gone');
    }
    await setTimeout(50);
    expect(readdirSync(folder)).toEqual(names);
  });

  it('says which path cannot be written', async () => {
    const path = join(folder, 'absent', 'file');
    const writing = writeStreamed(path, (temporary) => writeTexts(temporary, lines(), false));
    await expect(writing).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });
});
