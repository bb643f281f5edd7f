import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchGpu } from './gpu_watch.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-gpu-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program with the output of nvidia-smi. */
function smi(...lines: string[]): string {
  const path = join(folder, 'nvidia-smi');
  writeFileSync(path, `#!/bin/sh\n${lines.map((line) => `echo "${line}"`).join('\n')}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('watchGpu', () => {
  it('sums the memory that a process has on all GPUs, and the time in which it is listed', async () => {
    const watch = watchGpu(77, smi('77, 1024', '12, 9000', '77, 512'), 5);
    await sleep(50);
    const { gpu_seconds, gpu_memory_bytes } = await watch.stop();
    expect(gpu_memory_bytes).toBe(1536 * 1024 * 1024);
    expect(gpu_seconds).toBeGreaterThan(0);
  });

  it('is 0 for a process that uses none, and null without nvidia-smi', async () => {
    expect(await watchGpu(77, smi('12, 9000')).stop()).toEqual({ gpu_seconds: 0, gpu_memory_bytes: 0 });
    expect(await watchGpu(77, join(folder, 'absent')).stop()).toEqual({ gpu_seconds: null, gpu_memory_bytes: null });
  });
});
