import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readActive } from '../shared/bundle/bundle.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import { chromiumPath, openContext, startBrowser } from './browser.ts';
import { eventually, isRunning, processTree, startProgram, type Running } from './cli_process.ts';
import {
  activateBundle,
  approveAsAnother,
  changeIsApplied,
  endOfTraining,
  faultsOf,
  forgive,
  linkIn,
  logIn,
  PAGES,
  proposeChange,
  signalOf,
  startTraining,
  stopTraining,
  takePictures,
  watchSubject,
  watchTiles,
} from './dashboard_steps.ts';
import { skipNote } from './skip_note.ts';

/** The compilation of SQLite, the build and a training take a quarter of it on idle cores. */
const MINUTES = 25;
vi.setConfig({ testTimeout: MINUTES * 60_000, hookTimeout: MINUTES * 60_000 });

const { pairs } = loadSettings({ env: {} }).minutehand;
const isSkipped = chromiumPath() === null || process.platform !== 'linux';

/** The last commit, with the delivered configuration, as somebody starts it who has just cloned it. */
describe.skipIf(isSkipped)(
  `npm start in a fresh clone, in Chromium${skipNote(isSkipped, 'Chromium is not installed, or this is not Linux')}`,
  () => {
    let folder: string;
    let clone: string;
    let home: string;
    let env: NodeJS.ProcessEnv;
    let up: Running;
    let browser: Browser;
    let page: Page;
    let link: string;
    let faults: string[];
    let hasEnded = false;
    /** @throws Error when `npm start` has ended */
    const output = (): string => {
      const text = up.stdout() + up.stderr();
      if (hasEnded) throw new Error(text);
      return text;
    };
    const minutehand = (...args: string[]): string => {
      const command = [join(clone, 'bin', 'minutehand.mjs'), ...args];
      return execFileSync(process.execPath, command, { cwd: clone, env, encoding: 'utf8' });
    };
    const activeBundle = (): string => readActive(join(home, 'models'))!.version;
    const carries = (what: 'model_version' | 'policy_hash', fits: (value: string | null) => boolean): Promise<true> =>
      eventually(
        () => `${what} in a signal: ${output()}`,
        () => fits(signalOf(home, pairs[0]!)[what]) || undefined,
      );

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'minutehand-clone-'));
      clone = join(folder, 'minutehand');
      home = join(folder, 'home');
      execFileSync('git', ['clone', '--quiet', packageRoot(), clone]);
      const own = Object.entries(process.env).filter(
        ([name]) => !/^(MINUTEHAND_|VITEST|NODE_(ENV|OPTIONS)$)/.test(name),
      );
      const ports = { MINUTEHAND_DAEMON_PORT: '0', MINUTEHAND_TRAINER_PORT: '0' };
      env = { ...Object.fromEntries(own), MINUTEHAND_HOME: home, ...ports };
      up = startProgram('npm', ['start'], clone, env);
      void up.ended.then(() => (hasEnded = true));
      browser = (await startBrowser())!;
      page = await (await openContext(browser, { locale: 'en-US', colorScheme: 'dark' })).newPage();
      faults = faultsOf(page);
    });
    afterAll(async () => {
      await browser?.close();
      if (up !== undefined && isRunning(up.pid)) up.killGroup('SIGKILL');
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    it('logs in by a link, and shows a signal of every pair once the first models are trained', async () => {
      // Where nobody sees the output, no link is printed.
      await eventually(output, () => output().includes('minutehand token link') || undefined, MINUTES);
      link = linkIn(minutehand('token', 'link'))!;
      await logIn(page, link);
      await eventually(output, () => output().includes('Training run 1: models') || undefined, MINUTES);
      await watchTiles(page, pairs.length);
      await watchSubject(page);
      expect(faults).toEqual([]);
    });

    it('a pair trades within the first hour of the simulated market', async () => {
      const entries = ['signals', 'list', '--action', 'ENTER', '--limit', '1000', '--json'];
      const first = await eventually(
        () => `an entry: ${output()}`,
        () => (JSON.parse(minutehand(...entries)) as { signals: { seq: number }[] }).signals[0],
      );
      expect(first.seq).toBeLessThanOrEqual(60);
    });

    it('starts a training, shows its progress and stops it', async () => {
      await startTraining(page, link);
      expect(await stopTraining(page)).toBe('stopped');
    });

    it('shows another training to its end, rolls back to the first models and promotes the others: the daemon uses the ones chosen', async () => {
      const first = activeBundle();
      // Without the search, which takes an hour where cores are shared.
      const { token } = JSON.parse(minutehand('token', 'create', '--role', 'operator', '--json')) as { token: string };
      const begun = await fetch(new URL('/api/ml-training/train', link), {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ optimization_settings: { enabled: false } }),
      });
      expect(begun.status).toBe(202);
      await page.waitForSelector('progress');
      // On almost the same bars the gates may reject what is not better; an approver may promote it all the same.
      const status = await endOfTraining(page, MINUTES);
      expect(status).toMatch(/^(adopted|rejected)$/);
      const row = page.getByRole('region', { name: 'Training runs' }).first().locator('tbody tr').first();
      const second = (await row.locator('.mono').first().innerText()).trim();
      const back = ['Roll back', second, first] as const;
      const steps =
        status === 'adopted'
          ? [back, ['Roll back', first, second] as const]
          : [['Promote', first, second] as const, back];
      for (const [button, from, to] of steps) {
        await page.goto(new URL('/app/models', link).href);
        await activateBundle(page, { button, from, to });
        // The first answer to a bundle whose gates failed.
        forgive(faults, /422/);
        await carries('model_version', (version) => version === to);
      }
      expect(faults).toEqual([]);
    });

    it('proposes a policy change, which another person approves and the next signals carry', async () => {
      const { policy_hash: before } = signalOf(home, pairs[0]!);
      await proposeChange(page, link, 'core.theta1_initial', '0.71');
      forgive(faults, /403/);
      await approveAsAnother(browser, linkIn(minutehand('token', 'link', '--name', 'another'))!);
      await carries('policy_hash', (hash) => hash !== before);
      await changeIsApplied(page, link, output);
      forgive(faults, /net::ERR_/);
      expect(faults).toEqual([]);
    });

    it('leaves pictures where MINUTEHAND_PICTURES names a folder', { timeout: 2 * MINUTES * 60_000 }, () =>
      takePictures(page, link, [...PAGES, `/app/subjects/${pairs[0]!}`]),
    );

    it('ends on Ctrl-C and leaves neither a process nor a change in the clone', async () => {
      const pids = processTree(up.pid);
      up.killGroup('SIGINT');
      await up.ended;
      await eventually('the end of all processes', () => !pids.some(isRunning));
      expect(execFileSync('git', ['status', '--porcelain'], { cwd: clone, encoding: 'utf8' })).toBe('');
    });
  },
);
