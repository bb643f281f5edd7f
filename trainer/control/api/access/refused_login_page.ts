import type { MinutehandError } from '../../../../shared/errors.ts';

interface Texts {
  readonly language: string;
  readonly title: string;
  readonly reason: string;
  readonly wait: string;
  readonly next: string;
}

const ENGLISH: Texts = {
  language: 'en',
  title: 'This login link is not valid',
  reason: 'A login link works once, within 15 minutes. This one was used, has expired, or is incomplete.',
  wait: 'There were too many attempts from this machine. Wait a minute, then use a new link.',
  next: 'Create another one where minutehand runs:',
};

const JAPANESE: Texts = {
  language: 'ja',
  title: 'このログインリンクは無効です',
  reason: 'ログインリンクは15分以内に1回だけ使えます。使用済み、期限切れ、または不完全です。',
  wait: 'この端末からの試行が多すぎます。1分待ってから、新しいリンクを使ってください。',
  next: 'minutehand が動作している環境で新しいリンクを作成してください:',
};

/** What a browser shows for a login link that was used, has expired or is wrong. */
export function refusedLoginPage(error: MinutehandError, acceptLanguage: string | undefined): string {
  const texts = acceptLanguage?.trimStart().toLowerCase().startsWith('ja') === true ? JAPANESE : ENGLISH;
  const reason = error.code === 'ATTEMPTS_TOO_MANY' ? texts.wait : texts.reason;
  return `<!doctype html>
<html lang="${texts.language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${texts.title}</title></head>
<body>
<main>
<h1>${texts.title}</h1>
<p>${reason}</p>
<p>${texts.next}</p>
<pre><code>minutehand token link</code></pre>
<p><small>${error.code}</small></p>
</main>
</body>
</html>
`;
}
