import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { decisionRecord, parseDecisionRecord } from './decision_record.ts';
import { packagedValues } from './delivered.ts';
import { loadSettings } from './policy.ts';

const settings = loadSettings({ env: {} });

it('a decision record has the hash of what steers decisions, and is restored from its text', () => {
  const { core, minutehand } = settings;
  const { decision, symbols } = minutehand;
  const record = decisionRecord(settings);
  expect(JSON.parse(record.text)).toEqual({ core, decision, symbols });
  expect(record.policyHash).toBe(createHash('sha256').update(record.text).digest('hex').slice(0, 16));
  expect(record.policyHash).toBe(settings.policyHash);
  expect(record.policy).toMatchObject({ ...decision, require_edge: core.require_edge });
  expect(record.costs['XAUUSD']).toMatchObject(symbols['XAUUSD']!);
  expect(record.costs['XAUUSD']!.profile).toHaveLength(7 * 24 * 60);
  expect(parseDecisionRecord(record.text)).toEqual(record);
  expect(() => parseDecisionRecord('{')).toThrow(SyntaxError);
});

it('the packaged files have a value for every key of the policies, and none of minutehand.yaml', () => {
  expect(packagedValues('core')).toEqual(settings.core);
  expect(packagedValues('signals')).toEqual(settings.signals);
  expect(packagedValues('minutehand')).toEqual({});
});
