import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { announce } from './address.ts';
import { FATAL_BOUNDS, noteFatal, noteKilled, readFatals } from './fatal.ts';
import { homePaths } from './home.ts';
import { appendBounded, newestLines } from './line_file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-lines-'));
  path = join(folder, 'lines.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a file of lines with a bound', () => {
  it('never exceeds it, and keeps its newest whole lines, the last one always', () => {
    const bounds = { maxBytes: 400, keptBytes: 200 };
    for (let index = 0; index < 1000; index++) {
      appendBounded(path, `line ${index}`, bounds);
      expect(statSync(path).size).toBeLessThanOrEqual(bounds.maxBytes);
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      const first = index - lines.length + 1;
      expect(lines).toEqual(lines.map((_, at) => `line ${first + at}`));
      expect(lines.length).toBeGreaterThanOrEqual(Math.min(index + 1, 18));
    }
  });

  it('does not join a line to what is left of one that was not written whole', () => {
    const bounds = { maxBytes: 400, keptBytes: 200 };
    appendBounded(path, 'first', bounds);
    appendFileSync(path, '{"half":');
    appendBounded(path, 'second', bounds);
    appendBounded(path, 'third', bounds);
    expect(readFileSync(path, 'utf8')).toBe('first\n{"half":\nsecond\nthird\n');
  });

  it('is read from its end: whole lines only, none when it is absent', () => {
    expect(newestLines(path, 100)).toEqual([]);
    writeFileSync(path, 'first\nsecond\n\nthird\n');
    expect(newestLines(path, 100)).toEqual(['first', 'second', 'third']);
    // The second line is whole in the last fourteen bytes, and not in the last thirteen.
    expect(newestLines(path, 14)).toEqual(['second', 'third']);
    expect(newestLines(path, 13)).toEqual(['third']);
    expect(newestLines(path, 3)).toEqual([]);
  });
});

describe('the errors that ended a daemon', () => {
  it('are the newest twenty, however often it was started and however long its messages are', () => {
    const paths = homePaths({ MINUTEHAND_HOME: folder });
    for (let at = 0; at < 500; at++) noteFatal(paths, 'main', new Error(`${at} ${'x'.repeat(5000)}`), at);
    expect(statSync(join(folder, 'daemon_main.fatal.jsonl')).size).toBeLessThanOrEqual(FATAL_BOUNDS.maxBytes);
    expect(readFatals(paths, 'main').map(({ at_ms }) => at_ms)).toEqual(Array.from({ length: 20 }, (_, i) => 480 + i));
  });

  it('say that the daemon before was killed, by the address that it left, once, unless it told its own error', () => {
    const paths = homePaths({ MINUTEHAND_HOME: folder });
    const codes = (): string[] => readFatals(paths, 'main').map(({ code }) => code);
    const startMs = Date.now();
    noteKilled(paths, 'main', startMs);
    const leave = announce(paths.address('daemon_main'), { host: '127.0.0.1', port: 7400 });
    leave();
    noteKilled(paths, 'main', startMs + 1000);
    expect(codes()).toEqual([]);
    // Killed: the address stays.
    announce(paths.address('daemon_main'), { host: '127.0.0.1', port: 7400 });
    noteKilled(paths, 'main', startMs + 2000);
    expect(codes()).toEqual(['DAEMON_KILLED']);
    expect(readFatals(paths, 'main')[0]!.message).toContain(`process ${process.pid}`);
    // A process that ended with an error has recorded that error: no kill is reported.
    announce(paths.address('daemon_main'), { host: '127.0.0.1', port: 7400 });
    noteFatal(paths, 'main', new Error('an end'), Date.now() + 1);
    noteKilled(paths, 'main', Date.now() + 2);
    expect(codes()).toEqual(['DAEMON_KILLED', 'INTERNAL']);
  });
});
