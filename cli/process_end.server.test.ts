import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { skipNote } from '../test/skip_note.ts';

const isLinux = process.platform === 'linux';
const compiled = (name: string): string => pathToFileURL(join(packageRoot(), 'dist', 'cli', name)).href;

/** A process that serves, and leaves a timer open when it has ended its work. */
const SERVER = `
  const { stopSignal } = await import('${compiled('stop_signal.js')}');
  const { endProcess } = await import('${compiled('process_end.js')}');
  setInterval(() => undefined, 60_000);
  const stopping = stopSignal();
  console.log('ready');
  await stopping;
  endProcess(0);
`;

describe('the end of a process', () => {
  const title = 'comes although something was left open, which is named, once it was asked to stop';
  it.runIf(isLinux)(`${title}${skipNote(!isLinux, 'SIGTERM')}`, { timeout: 30_000 }, async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', SERVER], { stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (errors += part));
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(errors).toMatch(/^Ended although something was still open: .*\bTimeout\b.*\.$/m);
  });

  it('is that of the program that was asked to stop: none is imported beside its bundle', () => {
    const bin = join(packageRoot(), 'bin');
    const imported = ['minutehand.mjs', 'start.mjs', 'release/minutehand.mjs'].flatMap((name) =>
      [...readFileSync(join(bin, name), 'utf8').matchAll(/import\('[./]+(dist\/[^']+)'\)/g)].map(([, path]) => path!),
    );
    expect(imported).toHaveLength(3);
    for (const path of imported)
      expect(readFileSync(join(packageRoot(), path), 'utf8')).toMatch(/^export \* from '[^']*bundle\//);
  });
});
