import { describe, expect, it } from 'vitest';
import { clangDiagnostics, clangNote, hasClang } from './clang.ts';

const PROGRAMS = ['agent.cpp', 'wake.cpp'];

describe.skipIf(!hasClang())(`the expert advisor, read by clang${clangNote()}`, { timeout: 120_000 }, () => {
  it('has no warning of -Wall -Wextra -Wconversion -Wshadow', () => {
    expect(clangDiagnostics(PROGRAMS)).toEqual([]);
  });

  it('has a diagnostic for a lossy conversion, a shadowed name and an unused variable', () => {
    const wrong = 'uchar small = GetTickCount64(); { int text = small; text++; } int unused = 0;';
    const diagnostics = clangDiagnostics(['wake.cpp'], (path, text) =>
      path.endsWith('Text.mqh') ? text.replace('ArrayResize(bytes, 0);', wrong) : text,
    ).join('\n');
    for (const message of ['implicit-int-conversion', 'shadow', 'unused-variable'])
      expect(diagnostics).toContain(message);
  });
});
