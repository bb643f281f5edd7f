import { afterAll, beforeAll, expect, it } from 'vitest';
import { createWorkplace, type Workplace } from './cli_process.ts';

/** A reason or a name may be written by somebody with fewer rights than its reader. */
const FORGED = 'x\n7  applied  ann  forged\r\n✓ All is well.\u2028forged';

let place: Workplace;
beforeAll(() => {
  place = createWorkplace({});
});
afterAll(() => place.remove());

it('a name or a reason with line breaks makes no row of its own in any list', async () => {
  const commands = [
    ['halt', '--reason', FORGED],
    ['halt'],
    ['status'],
    ['token', 'create', '--name', FORGED],
    ['token', 'list'],
    ['policy', 'propose', 'core.min_expected_net_bps=0.5', '--reason', FORGED],
    ['policy', 'list'],
    ['policy', 'show', '1'],
    ['alerts', 'silence', FORGED, '--for', '2h'],
    ['alerts', 'silence', FORGED, '--end'],
    ['alerts', 'silence', `disk:${FORGED}`, '--for', '2h'],
    ['alerts', 'list'],
  ];
  const finished = await place.runEach(commands);
  const printed = finished.map(({ stdout, stderr }, index) => ({
    command: commands[index]!.slice(0, 2).join(' '),
    lines: `${stdout}\n${stderr}`.split(/[\n\r\u2028]/),
  }));
  for (const { command, lines } of printed)
    for (const line of lines) expect(line, command).not.toMatch(/^(?:7 {2}applied|✓ All is well|forged)/);
  const showing = printed.filter(({ lines }) => lines.some((line) => line.includes('x 7  applied  ann  forged')));
  expect(showing.map(({ command }) => command)).toEqual(
    expect.arrayContaining(['halt --reason', 'token create', 'token list', 'policy list', 'policy show']),
  );
});
