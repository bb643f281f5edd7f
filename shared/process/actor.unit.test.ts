import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../root.ts';
import { actorName } from './actor.ts';

describe('actorName', () => {
  it.each([
    ['ann', {}, 'ann'],
    ['ann', { MINUTEHAND_ACTOR: 'bob' }, 'ann'],
    ['minutehand', {}, 'minutehand'],
    ['minutehand', { MINUTEHAND_ACTOR: 'bob' }, 'bob'],
    ['minutehand', { MINUTEHAND_ACTOR: 'bob\nApproved-by: x' }, 'minutehand'],
    ['minutehand', { MINUTEHAND_ACTOR: '' }, 'minutehand'],
    ['minutehand', { MINUTEHAND_ACTOR: 'EXAMPLE\\ann' }, 'EXAMPLE\\ann'],
    ['minutehand', { MINUTEHAND_ACTOR: '李雷@example.com' }, '李雷@example.com'],
    ['minutehand', { MINUTEHAND_ACTOR: 'ann\u202e' }, 'minutehand'],
  ])('of %s with %j is %s', (user, env, name) => expect(actorName(env, user)).toBe(name));

  it('is what minutehandctl passes on', () => {
    const script = readFileSync(join(packageRoot(), 'systemd', 'minutehandctl.sh'), 'utf8');
    expect(script).toContain('--setenv=MINUTEHAND_ACTOR="$person"');
  });
});
