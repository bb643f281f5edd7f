import { expect, it } from 'vitest';
import { createWorkplace } from './cli_process.ts';

it.each([[['config', 'check']], [['models', 'list']], [['bars', 'history']]])(
  'minutehand %j says which variable nothing reads, and does its work',
  async (argv) => {
    const place = createWorkplace();
    try {
      const misspelt = await place.call(argv, { env: { MINUTEHAND_MARKE: 'live' } });
      const right = await place.call(argv, { env: { MINUTEHAND_MARKET: 'simulated' } });
      const warning = 'warning: MINUTEHAND_MARKE is not a variable of minutehand and has no effect';
      expect(misspelt.stderr).toContain(warning);
      expect(right.stderr).not.toContain('is not a variable');
      expect(misspelt.code).toBe(right.code);
    } finally {
      await place.remove();
    }
  },
);
