import { describe, expect, it } from 'vitest';
import { allowedInJapanese } from '../dashboard/src/text/allowed_ja.ts';
import { allowed, jsonSchemas, propertiesOf, type JsonSchema } from '../shared/policy/json_schema.ts';

describe('the policy page', () => {
  it('shows the allowed values of each policy key in Japanese, except names and examples', () => {
    const texts = Object.values(jsonSchemas()).flatMap((schema) => allowedTexts(schema));
    expect(texts.length).toBeGreaterThan(100);
    const left = texts.map((text) => [text, allowedInJapanese(text).replace(/"(?:[^"\\]|\\.)*"/g, '')] as const);
    expect(
      left.filter(([, rest]) => /\b(a|the|at|above|below|from|each|of|with|and|such|whole|number)\b/.test(rest)),
    ).toEqual([]);
  });
});

/** Allowed values of a schema and all its parts. */
function allowedTexts(schema: JsonSchema): string[] {
  return [allowed(schema), ...Object.values(propertiesOf(schema)).flatMap(allowedTexts)];
}
