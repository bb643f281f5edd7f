import fc from 'fast-check';
import { Command } from 'ioredis';
import { expect, it } from 'vitest';
import { BatchCommands } from './redis_commands.ts';

it('the commands of a batch are the bytes that ioredis makes of their arguments', () => {
  const [channel, script] = ['minutehand:signals', "return 'é'"];
  const commands = new BatchCommands({ channel, script, firstArguments: [150_000, 'x'] });
  const message = fc.record({
    pairId: fc.constantFrom('A_B', 'XAUUSD_XAGUSD', 'é_円'),
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
      const pairs = batch.flatMap(({ pairId }, i) => [pairId, texts[i]!]);
      const expected = [
        new Command('PUBLISH', [channel, texts.join('\n')]),
        new Command('EVAL', [script, 0, 150_000, 'x', ...pairs]),
      ].map((command) => Buffer.from(command.toWritable({} as never)));
      expect(commands.of(batch).map((command) => command.toWritable({} as never))).toEqual(expected);
    }),
  );
});
