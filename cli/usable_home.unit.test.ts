import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
    expect(() => refuseUnusableHome('status', join(file, 'home'))).toThrow();
    for (const home of [folder, join(folder, 'none')]) expect(() => refuseUnusableHome('status', home)).not.toThrow();
    expect(() => refuseUnusableHome('config', file)).not.toThrow();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
