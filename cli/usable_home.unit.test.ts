import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { refuseUnusableHome } from './usable_home.ts';

it('a home that is a file is refused by every command that uses one, and one that is not there by none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-home-'));
  try {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const command of ['status', 'models', 'golive', 'doctor', 'up', 'backtest'])
      expect(() => refuseUnusableHome(command, file)).toThrow(expect.objectContaining({ code: 'HOME_UNUSABLE' }));
    const loop = join(folder, 'loop');
    symlinkSync(loop, loop);
    for (const home of [join(file, 'home'), loop, join(folder, 'x'.repeat(300))])
      expect(() => refuseUnusableHome('status', home), home).toThrow(
        expect.objectContaining({ code: 'HOME_UNUSABLE', message: expect.stringContaining(home) as unknown }),
      );
    for (const home of [folder, join(folder, 'none')]) expect(() => refuseUnusableHome('status', home)).not.toThrow();
    expect(() => refuseUnusableHome('config', file)).not.toThrow();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
