import { describe, expect, it } from 'vitest';
import { readUnitStates, unitLines } from './unit_state.ts';

/** As systemd 252 answered. */
const SHOWN = `Id=minutehand.target
LoadState=loaded
ActiveState=active
SubState=active
UnitFileState=enabled
StateChangeTimestamp=@1795206158

MainPID=410
StatusText=last bar 2026-11-20 12:34 UTC, a=b
Result=watchdog
NRestarts=1
MemoryCurrent=123456789
Id=minutehand-daemon@main.service
LoadState=loaded
ActiveState=activating
SubState=start
UnitFileState=disabled
StateChangeTimestamp=@1795206217

MainPID=0
StatusText=
Result=success
NRestarts=0
MemoryCurrent=[not set]
Id=minutehand-daemon@gone.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
StateChangeTimestamp=
`;

describe('the answer of systemctl show', () => {
  const states = readUnitStates(SHOWN);

  it('is read unit by unit, in any order of its lines', () => {
    expect(states.map(({ unit, active }) => [unit, active])).toEqual([
      ['minutehand.target', 'active'],
      ['minutehand-daemon@main.service', 'activating'],
      ['minutehand-daemon@gone.service', 'not-found'],
    ]);
    expect(states[1]).toEqual({
      unit: 'minutehand-daemon@main.service',
      active: 'activating',
      sub: 'start',
      enabled: false,
      status: 'last bar 2026-11-20 12:34 UTC, a=b',
      pid: 410,
      since: '2026-11-20T20:23:37.000Z',
      restarts: 1,
      memory_bytes: 123456789,
      result: 'watchdog',
    });
    expect(states[2]).toMatchObject({ pid: null, since: null, restarts: 0, memory_bytes: null });
  });

  it('is shown with anything unusual, and the status of the process below', () => {
    const lines = unitLines(states);
    expect(lines[0]).toBe('minutehand.target               active (active), since 2026-11-20T20:22:38.000Z');
    expect(lines[1]).toMatch(/pid 410, 123 MB, started again 1 time, ended last with watchdog, does not start with/);
    expect(lines[2]!.trim()).toBe('last bar 2026-11-20 12:34 UTC, a=b');
    expect(lines).toHaveLength(4);
  });

  it('is empty when systemd has no such unit', () => {
    expect(readUnitStates('\n')).toEqual([]);
  });
});
