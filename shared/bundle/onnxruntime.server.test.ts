import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InferenceSession } from './onnxruntime.ts';

describe('onnxruntime', () => {
  it('is loaded with its telemetry switched off, and does not even open its log', async () => {
    await expect(InferenceSession.create(new Uint8Array([1, 2, 3]))).rejects.toThrow();
    expect(process.env['ORT_DISABLE_TELEMETRY']).toBe('1');
    expect(existsSync(join(tmpdir(), `mat-debug-${process.pid}.log`))).toBe(false);
  });
});
