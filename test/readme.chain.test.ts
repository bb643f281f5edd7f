import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activate } from './activate.ts';
import { packageRoot } from '../shared/root.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { skipNote } from './skip_note.ts';
import { tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const readme = readFileSync(join(packageRoot(), 'README.md'), 'utf8');
/** Commands to run beside `npm start`, as written; comments are bash's. */
const commands = /Beside it[^\n]*\n+```bash\n([^`]*)```/.exec(readme)![1]!.trimEnd().split('\n');
/**
 * Commands that run until they are ended, with evidence that they receive signals: printed text, or a file in the home.
 */
const ENDLESS: readonly (readonly [command: RegExp, file: string | null, text: string])[] = [
  [/^bash examples/, 'follow_sh.state', ''],
  [/^python3 examples/, 'follow_py.json', ''],
  [/^node examples/, 'follow_mjs.json', ''],
];

describe('README.md', () => {
  it('covers the real data, the license, and how to start and to test', () => {
    for (const text of [
      'On real data no pair earns more than it costs',
      'No license has been chosen yet',
      'npm start',
      'npm test',
    ])
      expect(readme).toContain(text);
  });
});

/** Programs that a command needs and that may be missing. In CI, skipping would hide a gap. */
const NEEDS: Readonly<Record<string, readonly string[]>> = { python3: ['python3'], bash: ['bash', 'jq', 'gzip'] };
const cases = commands.map((command) => {
  const needed = NEEDS[command.split(' ')[0]!] ?? [];
  const missing = process.env['CI'] ? [] : needed.filter((name) => spawnSync(name, ['--version']).status !== 0);
  const note = skipNote(missing.length > 0, `${missing.join(', ')} not found`);
  return { command, title: `${command.replace(/\s+#.*/, '')} runs${note}`, isSkipped: missing.length > 0 };
});

const isLinux = process.platform === 'linux';
describe.runIf(isLinux)(
  `the commands of README.md beside a running npm start${skipNote(!isLinux, 'Linux only')}`,
  () => {
    let place: Workplace;
    let folder: string;
    let up: Running;
    let env: NodeJS.ProcessEnv;

    beforeAll(async () => {
      place = createWorkplace({
        minutehand: {
          pairs: ['XAUUSD_XAGUSD', 'NZDUSD_USDCAD', 'GBPUSD_USDCHF'],
          simulated: { bar_interval_ms: 200 },
        },
      });
      mkdirSync(place.models, { recursive: true });
      activate(place.models, (await tinyModels(place.models, { settings: place.settings })).version);
      up = place.start(['up', '--json']);
      const text = await eventually(
        () => `the ready line of up: ${up.stderr()}`,
        () => up.stdout(),
      );
      const { daemons } = JSON.parse(text) as { daemons: { port: number }[] };
      // A folder that looks like this one, with its own home.
      folder = mkdtempSync(join(tmpdir(), 'minutehand-readme-'));
      symlinkSync(join(packageRoot(), 'examples'), join(folder, 'examples'));
      symlinkSync(place.home, join(folder, 'var'));
      mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true });
      symlinkSync(join(packageRoot(), 'bin', 'minutehand.mjs'), join(folder, 'node_modules', '.bin', 'minutehand'));
      env = {
        ...process.env,
        NODE_OPTIONS: '',
        PYTHONDONTWRITEBYTECODE: '1',
        MINUTEHAND_HOME: place.home,
        MINUTEHAND_CONFIG: place.config,
        MINUTEHAND_DAEMON_PORT: String(daemons[0]!.port),
      };
      const signals = place.settings.minutehand.pairs.map((pair) => join(place.home, 'signals', pair, 'signal.json'));
      await eventually('a signal of each pair', () => signals.every(existsSync));
    });
    afterAll(async () => {
      await place.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    for (const { command, title, isSkipped } of cases) it.skipIf(isSkipped)(title, () => holds(command));

    async function holds(command: string): Promise<void> {
      // In a process group, which is ended as a whole.
      const child = spawn('bash', ['-c', command], {
        cwd: folder,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      const output = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const)
        child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
      let code: number | null = null;
      const ended = new Promise<void>((resolve) =>
        child.once('close', (status) => {
          code = status ?? -1;
          resolve();
        }),
      );
      const shown = (): string => `${command}: ${code} ${output.stdout} ${output.stderr}`;
      const endless = ENDLESS.find(([pattern]) => pattern.test(command));
      if (endless === undefined) {
        await ended;
        expect(code, shown()).toBe(0);
        return;
      }
      const [, file, text] = endless;
      await eventually(shown, () => {
        if (code !== null) throw new Error(shown());
        return (file === null || existsSync(join(place.home, file))) && output.stdout.includes(text);
      });
      process.kill(-child.pid!, 'SIGINT');
      await ended;
      expect(output.stderr).not.toMatch(/Traceback|Error/);
    }
  },
);
