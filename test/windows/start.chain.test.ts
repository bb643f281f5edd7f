import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LONGEST_BELOW_PROGRAM } from '../../shared/windows_places.ts';
import { eventually } from '../cli_process.ts';
import {
  createWindowsWorkplace,
  IS_WINDOWS,
  signalsOf,
  windowsPath,
  windowsRoot,
  WINDOWS_NOTE,
  type WindowsWorkplace,
} from './windows.ts';

const PAIRS = 10;

describe.runIf(IS_WINDOWS)(`the program on Windows${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  beforeAll(() => void (place = createWindowsWorkplace()));
  afterAll(() => place.remove(), 60_000);

  it('finds itself well: doctor', { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await place.run('doctor');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/[✓!] node +\d+\.\d+\.\d+, (tested: 24, )?win32 x64/);
    for (const part of ['onnxruntime-node', 'better-sqlite3']) expect(stdout).toMatch(new RegExp(`✓ ${part} +loads`));
    expect(stdout).toMatch(/✓ folders +not in OneDrive/);
    expect(stdout).not.toContain('✗');
    expect(code).toBe(0);
  });

  it('warns of folders in OneDrive, and of deep ones', { timeout: 240_000 }, async () => {
    const deep = join(place.folder, 'x'.repeat(170));
    for (const [folder, warning] of [
      [join(place.folder, 'OneDrive - Ann', 'home'), /! folders +The home .* is in OneDrive/],
      [deep, /! folders +The home .* is too deep/],
    ] as const) {
      const doctor = place.start(['dist/cli/minutehand.js', 'doctor'], { MINUTEHAND_HOME: windowsPath(folder) });
      await doctor.ended;
      expect(doctor.stdout()).toMatch(warning);
    }
    const below = readdirSync(windowsRoot(), { recursive: true, encoding: 'utf8' }).map((path) => path.length);
    expect(Math.max(...below)).toBeLessThanOrEqual(LONGEST_BELOW_PROGRAM);
  });

  it(
    'brings its configuration into a home with letters outside ASCII, as the released package',
    { timeout: 120_000 },
    async () => {
      const command = join(windowsRoot(), 'bin', 'released_command.mjs');
      copyFileSync(join(windowsRoot(), 'bin', 'release', 'minutehand.mjs'), command);
      try {
        const home = join(place.folder, 'José Muñoz 分');
        const env = { MINUTEHAND_HOME: windowsPath(home), MINUTEHAND_CONFIG: '' };
        const check = place.start(['bin/released_command.mjs', 'config', 'check'], env);
        expect(await check.ended, check.stdout() + check.stderr()).toBe(0);
        expect(readdirSync(join(home, 'config'), { recursive: true }).sort()).toEqual(
          readdirSync(join(windowsRoot(), 'config'), { recursive: true }).sort(),
        );
      } finally {
        rmSync(command);
      }
    },
  );

  it('starts by what npm start runs, trains, and gives ten good signals', { timeout: 600_000 }, async () => {
    const up = place.start(['bin/start.mjs']);
    let end: number | string | null = null;
    void up.ended.then((code) => (end = code));
    const port = await eventually(
      () => `a daemon that listens\n${up.stdout()}${up.stderr()}`,
      () => (end === null ? /Daemon listens on 127.0.0.1:(\d+)/.exec(up.stdout())?.[1] : 'ended'),
      5,
    );
    expect(end, up.stderr()).toBe(null);
    expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()).toMatchObject({ market: 'simulated' });
    const good = () => signalsOf(place.home).filter(({ mode }) => mode === 'OK');
    await eventually(
      () => `${PAIRS} good signals\n${up.stdout()}`,
      () => good().length === PAIRS,
      8,
    );
    expect(up.stderr()).not.toMatch(/compiling|built in/);

    const files = join(place.home, 'signals', '*', 'signal.json');
    const verified = await place.run('signal', 'verify', files);
    expect(verified).toMatchObject({ code: 0 });
    expect(verified.stdout).toContain(`${PAIRS} of ${PAIRS} signals accepted`);
    for (const command of [
      ['status'],
      ['signals', 'list'],
      ['models', 'list'],
      ['trades', 'list'],
      ['token', 'link'],
    ]) {
      const { code, stdout, stderr } = await place.run(...command);
      expect(code, `${command.join(' ')}: ${stdout}${stderr}`).toBe(0);
    }

    const live = await place.run('golive', '--json');
    const { checks } = JSON.parse(live.stdout) as { checks: { id: string; verdict: string; code: string }[] };
    const seen = new Map(checks.map(({ id, verdict, code }) => [id, `${verdict} ${code}`]));
    expect(seen.get('folders')).toBe('ok folders_right');
    expect(seen.get('exchange')).toBe('ask exchange_elsewhere');
    expect(seen.get('service')).toBe('ask service_none');
    // Wine has neither power plans nor a time service; Windows has both.
    expect(seen.get('sleep')).toMatch(/^(?:ok sleep_never|todo sleep_after|ask sleep_unknown)$/);
    expect(seen.get('time')).toMatch(/^(?:ok time_kept|ask time_(?:free|unknown))$/);

    // Windows ends the children of Node with their parent, at once: locks end with them, and the next start resumes.
    await up.terminate();
    const [before] = good();
    const again = place.start(['bin/start.mjs']);
    await eventually(
      () => `signals of another boot\n${again.stdout()}`,
      () => good().length === PAIRS && good().every(({ boot_id }) => boot_id !== before!.boot_id),
      5,
    );
    expect(again.stdout()).not.toContain('Training run 2');

    // All end as by Ctrl-C, the children first, and what was answered is stored.
    const stopped = await place.run('stop');
    expect(stopped.stdout + stopped.stderr).toMatch(/^ended  up  process \d+$/m);
    expect(stopped.code).toBe(0);
    expect(await again.ended).toBe(0);
    expect(again.stdout()).toContain('minutehand stop: ending');
    expect(again.stdout()).toContain('All processes have ended.');
    const log = readFileSync(join(place.home, 'log', 'daemon_main.log'), 'utf8');
    expect(log).toContain('the process that started this one ends');
    expect((await place.run('stop')).stdout).toContain('Nothing runs in');
  });
});
