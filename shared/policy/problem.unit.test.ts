import { describe, expect, it } from 'vitest';
import { keyText, problemsError, problemText, valueText, type ConfigProblem } from './problem.ts';

const problem = (change: Partial<ConfigProblem> = {}): ConfigProblem => ({
  code: 'CONFIG_INVALID',
  where: 'minutehand.yaml:61:3',
  key: 'decision.z_entry',
  text: 'is -1, expected a number above 0',
  ...change,
});

describe('the text of a problem', () => {
  it('has the path of its key', () => {
    expect([keyText([]), keyText(['pairs', 2]), keyText(['a', 'b', 'c', 0])]).toEqual(['', 'pairs[2]', 'a.b.c[0]']);
    expect(problemText(problem())).toBe('minutehand.yaml:61:3: decision.z_entry is -1, expected a number above 0');
    expect(problemText(problem({ key: '', text: 'cannot be read' }))).toBe('minutehand.yaml:61:3: cannot be read');
  });

  it('has values as JSON, cut after 60 characters, without user and password', () => {
    expect([valueText(NaN), valueText(2), valueText('a b'), valueText(null), valueText(undefined)]).toEqual([
      'NaN',
      '2',
      '"a b"',
      'null',
      'nothing',
    ]);
    expect(valueText('redis://me:secret@host')).toBe('"redis://…@host"');
    expect(valueText(['u:p@a', 'u:p@b'])).toBe('["…@a","…@b"]');
    expect(valueText('x'.repeat(58))).toBe(`"${'x'.repeat(58)}"`);
    expect(valueText('x'.repeat(59))).toBe(`"${'x'.repeat(59)}…`);
  });
});

describe('the error of several problems', () => {
  it('has the code of the severest and lists all', () => {
    const unknown = problem({ code: 'CONFIG_UNKNOWN_KEY', key: 'x', text: 'is not a key of this file' });
    const missing = problem({ code: 'CONFIG_MISSING', where: 'core.yaml', key: '', text: 'cannot be read' });
    const syntax = problem({ code: 'CONFIG_SYNTAX', key: '', text: 'no YAML' });
    expect(problemsError([problem()])).toMatchObject({ code: 'CONFIG_INVALID', seen: problemText(problem()) });
    expect(problemsError([problem(), unknown])).toMatchObject({
      code: 'CONFIG_UNKNOWN_KEY',
      seen: `2 problems:\n  - ${problemText(problem())}\n  - ${problemText(unknown)}`,
    });
    expect(problemsError([unknown, syntax]).code).toBe('CONFIG_SYNTAX');
    expect(problemsError([syntax, unknown, missing]).code).toBe('CONFIG_MISSING');
  });
});
