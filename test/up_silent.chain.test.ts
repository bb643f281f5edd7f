import { describe, expect, it, vi } from 'vitest';
import { commandOf, createWorkplace, eventually, isRunning, processTree } from './cli_process.ts';
import { skipNote } from './skip_note.ts';

vi.setConfig({ testTimeout: 300_000 });

interface Places {
  readonly daemons: { port: number }[];
  readonly trainer: { port: number };
}

const isLinux = process.platform === 'linux';
describe.runIf(isLinux)(`minutehand up${skipNote(!isLinux, 'processes are found in /proc')}`, () => {
  it('ends a daemon and a trainer that hang after a minute without an answer, and starts them again', async () => {
    const place = createWorkplace({ minutehand: { log: { level: 'info' } } });
    const up = place.start(['up', '--no-paper', '--json']);
    const { daemons, trainer } = JSON.parse(await eventually(up.stderr, up.stdout)) as Places;
    const childOf = (name: string): number => processTree(up.pid).find((pid) => commandOf(pid).includes(name))!;
    const hung = [childOf(' daemon --shard'), childOf(' trainer')];
    const answers = (port: number): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(5000) }).then(
        () => true,
        () => false,
      );
    const ports = [daemons[0]!.port, trainer.port];
    expect(await Promise.all(ports.map(answers))).toEqual([true, true]);
    const stoppedMs = performance.now();
    // As a process that hangs: it keeps its port, accepts connections, and answers none.
    for (const pid of hung) process.kill(pid, 'SIGSTOP');
    await eventually(up.stderr, () => hung.every((pid) => !isRunning(pid)), 3);
    const seconds = (performance.now() - stoppedMs) / 1000;
    // Six checks, one every ten seconds: not earlier, as a long pause is no hang.
    expect(seconds).toBeGreaterThan(45);
    expect(seconds).toBeLessThan(120);
    await eventually(
      up.stderr,
      async () => (await Promise.all([freshPort('daemon'), freshPort('trainer')])).every(Boolean),
      2,
    );
    for (const name of ['daemon ', 'trainer']) {
      expect(up.stderr()).toContain(`${name} │ has not answered for 60 s, and is ended.`);
      expect(up.stderr()).toContain(`${name} │ ended with SIGKILL; it is started again`);
    }
    up.kill('SIGTERM');
    expect(await up.ended).toBe(0);
    await place.remove();

    /** Whether the process that took the place of a hung one answers. */
    async function freshPort(kind: string): Promise<boolean> {
      const told = [...up.stderr().matchAll(/(Daemon|Trainer) listens on \S+:(\d+)/g)].filter(
        ([, name]) => name!.toLowerCase() === kind,
      );
      return told.length >= 2 && answers(Number(told.at(-1)![2]));
    }
  });
});
