import { expect, it } from 'vitest';
import { DEFAULT } from '../shared/core/features/features.fixture.ts';
import { loadSettings } from '../shared/policy/policy.ts';

it('the page of features, tested with the features, has the windows of config/minutehand.yaml', () => {
  expect(loadSettings({ env: {} }).minutehand.windows).toEqual(DEFAULT);
});
