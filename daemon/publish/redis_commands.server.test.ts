import fc from 'fast-check';
import { Command } from 'ioredis';
import { expect, it } from 'vitest';
import { BatchCommands } from './redis_commands.ts';

it('the commands of a batch are the bytes that ioredis makes of their arguments, a key living as long as the bars of its pair', () => {
  const channel = 'minutehand:signals';
  const script = "return 'é'";
  const commands = new BatchCommands({ channel, script, firstArguments: [10, 'x'], keyTtlMs: 150_000 });
  const ttls = { A_B: 150_000, 'A_B@5m': 390_000, 'XAUUSD_XAGUSD@1h': 3_690_000, é_円: 150_000 };
  const message = fc.record({
    pairId: fc.constantFrom(...(Object.keys(ttls) as (keyof typeof ttls)[])),
    text: fc.string({ unit: 'binary' }),
    hasBytes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 12 }), (drawn) => {
      const batch = drawn.map(({ pairId, text, hasBytes }) => ({
        pairId,
        text,
        ...(hasBytes ? { bytes: Buffer.from(text) } : {}),
      }));
      const texts = batch.map(({ text }) => Buffer.from(text).toString());
      const pairs = batch.flatMap(({ pairId }, i) => [ttls[pairId], pairId, texts[i]!]);
      const expected = [
        new Command('PUBLISH', [channel, texts.join('\n')]),
        new Command('EVAL', [script, 0, 10, 'x', ...pairs]),
      ].map((command) => Buffer.from(command.toWritable({} as never)));
      expect(commands.of(batch).map((command) => command.toWritable({} as never))).toEqual(expected);
    }),
  );
});
