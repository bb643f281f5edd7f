import { expect, it } from 'vitest';
import { isOfForm, STORED_FILES, storedFileOf } from './files.ts';

it('forms of stored files each mean their own files', () => {
  for (const { path } of STORED_FILES) expect(() => isOfForm(path, 'x')).not.toThrow();
  expect(storedFileOf('home', 'daemon_main.fatal.jsonl')?.what).toBe('Errors that ended a daemon.');
  expect(storedFileOf('home', 'daemon_main.fatal.jsonl.bak')).toBeNull();
  expect(storedFileOf('home', 'cache/fleet_traces/20261125T193200123Z_4711.json')?.what).toMatch(/^Where the fits/);
  expect(storedFileOf('models', '20261125_1932/ai1.onnx')?.what).toBe('Bundles of pairs.');
  expect(storedFileOf('models', 'ai1.onnx')).toBeNull();
  expect(storedFileOf('log', 'trainer.log.1')).toBeNull();
});
