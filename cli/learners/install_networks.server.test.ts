import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { MinutehandError } from '../../shared/errors.ts';
import { packageRoot } from '../../shared/root.ts';
import { networksPython, pythonEnvironment } from '../../trainer/learning/learners/networks/python_environment.ts';
import { skipNote } from '../../test/skip_note.ts';
import { installNetworks } from './install_networks.ts';

const note = skipNote(process.platform === 'win32', 'the fake Python is a shell script');
const TAG = 'cp311-linux-x86_64';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-install-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A Python that notes what it is asked for. @param pip what `pip install` does */
function fakePython({ version = '[3, 11, 7]', tag = TAG, pip = 'exit 0' } = {}): string {
  const file = join(folder, 'python3');
  writeFileSync(
    file,
    `#!/bin/sh
echo "$@" | head -n 1 >> ${folder}/asked
case "$1 $2" in
  "-m venv") mkdir -p "$4/bin"; cp "$0" "$4/bin/python";;
  "-m pip") ${pip};;
  "-c import"*) echo '{"version": ${version}, "tag": "${tag}"}';;
  *) echo '{"torch": "2.13.0", "numpy": "2.4.6"}';;
esac
`,
  );
  chmodSync(file, 0o755);
  return file;
}

const asked = (): string[] => readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n');

it.skipIf(note !== '')(
  `installs what the lock of this machine names, compares hashes, and is found${note}`,
  async () => {
    const env = { MINUTEHAND_HOME: join(folder, 'home') };
    const environment = pythonEnvironment(env);
    const wheels = [folder];
    const installed = await installNetworks(environment, { python: fakePython(), wheels, onLine: () => undefined });
    expect(installed).toEqual({ python: '3.11.7', packages: { torch: '2.13.0', numpy: '2.4.6' }, hashes: true });
    const pip = asked().find((line) => line.startsWith('-m pip'))!;
    expect(pip).toContain(`--no-index --find-links ${folder} --require-hashes`);
    expect(pip).toContain(join(packageRoot(), 'learners', 'python', `lock-${TAG}.txt`));
    expect(networksPython(env)).toBe(environment.python);
  },
);

it.skipIf(note !== '')(`takes exact versions where there is no lock, and says so${note}`, async () => {
  const lines: string[] = [];
  const environment = pythonEnvironment({ MINUTEHAND_HOME: join(folder, 'home') });
  const python = fakePython({ version: '[3, 13, 1]', tag: 'cp313-darwin-arm64' });
  const { hashes } = await installNetworks(environment, { python, wheels: [], onLine: (line) => lines.push(line) });
  expect(hashes).toBe(false);
  expect(lines.join()).toContain('hashes are not compared');
  const pip = asked().find((line) => line.startsWith('-m pip'))!;
  expect(pip).toContain('requirements.txt');
  expect(pip).not.toContain('--require-hashes');
});

it.skipIf(note !== '')(
  `that fails is an error with pip’s last lines, and leaves nothing that counts${note}`,
  async () => {
    const env = { MINUTEHAND_HOME: join(folder, 'home') };
    const environment = pythonEnvironment(env);
    const options = { wheels: [folder], onLine: () => undefined };
    await installNetworks(environment, { ...options, python: fakePython() });
    const failing = fakePython({ pip: 'echo "no wheel of torch" >&2; exit 1' });
    await expect(installNetworks(environment, { ...options, python: failing })).rejects.toMatchObject({
      code: 'LEARNER_INSTALL',
      seen: expect.stringContaining('no wheel of torch') as string,
    });
    expect(existsSync(environment.installedFile)).toBe(false);
    expect(() => networksPython(env)).toThrow(expect.objectContaining({ code: 'LEARNER_MISSING' }) as Error);
    const old = fakePython({ version: '[3, 9, 2]' });
    await expect(installNetworks(environment, { ...options, python: old })).rejects.toMatchObject({
      code: 'LEARNER_INSTALL',
      seen: expect.stringContaining('3.9.2') as string,
    });
    for (const [name, lines] of [
      ['no_python', null],
      ['false', 'exit 1'],
      ['true', 'exit 0'],
    ] as const) {
      const python = join(folder, name);
      if (lines !== null) writeFileSync(python, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
      const refusal = (await installNetworks(environment, { ...options, python }).catch(
        (error: unknown) => error,
      )) as MinutehandError;
      expect(refusal).toMatchObject({ code: 'LEARNER_INSTALL', expected: 'Python 3.11 or newer' });
      // pip has not run, and the program that it was asked to run is nobody's business.
      expect(refusal.next).toMatch(/^Name another one: minutehand learners install --python .*apt-get install/);
      expect(refusal.seen).toContain(python);
      expect(refusal.seen).not.toContain('json.dumps');
    }
  },
);

it('locks exactly the packages and versions of the requirements', () => {
  const lines = (name: string): string[] =>
    readFileSync(join(packageRoot(), 'learners', 'python', name), 'utf8')
      .split('\n')
      .flatMap((line) => /^([a-z-]+==[\d.]+)/.exec(line)?.[1] ?? []);
  expect(lines(`lock-${TAG}.txt`)).toEqual(lines('requirements.txt'));
  expect(lines('requirements.txt').length).toBeGreaterThan(10);
});
