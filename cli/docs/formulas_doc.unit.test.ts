import { expect, it } from 'vitest';
import { renderFormulasDoc } from './formulas_doc.ts';

it('the page of formulas has the operators with their signatures and look-backs', () => {
  const page = renderFormulasDoc();
  expect(page).toContain('|`rsi(x = close, n)`|');
  expect(page).toContain('|2 … 8191|8n + 1|');
});
