import type { MinutehandError } from '../../../../shared/errors.ts';

interface Texts {
  readonly language: string;
  readonly title: string;
  readonly reason: string;
  readonly wait: string;
  readonly next: string;
  readonly asked: string;
  readonly warning: string;
  readonly proceed: string;
}

const ENGLISH: Texts = {
  language: 'en',
  title: 'This login link is not valid',
  reason: 'A login link works once, within 15 minutes. This one was used, has expired, or is incomplete.',
  wait: 'There were too many attempts from this machine. Wait a minute, then use a new link.',
  next: 'Create another one where minutehand runs:',
  asked: 'Log in?',
  warning:
    'Another page or program opened this login link. Continue only if you created it yourself: it logs you in as whoever did.',
  proceed: 'Log in',
};

const JAPANESE: Texts = {
  language: 'ja',
  title: 'このログインリンクは無効です',
  reason: 'ログインリンクは15分以内に1回だけ使えます。使用済み、期限切れ、または不完全です。',
  wait: 'この端末からの試行が多すぎます。1分待ってから、新しいリンクを使ってください。',
  next: 'minutehand が動作している環境で新しいリンクを作成してください:',
  asked: 'ログインしますか?',
  warning:
    'このログインリンクは別のページまたはプログラムから開かれました。自分で作成した場合だけ続けてください。リンクを作成した人としてログインします。',
  proceed: 'ログイン',
};

const textsOf = (acceptLanguage: string | undefined): Texts =>
  acceptLanguage?.trimStart().toLowerCase().startsWith('ja') === true ? JAPANESE : ENGLISH;

/** What a browser shows for a login link that was used, has expired or is wrong. */
export function refusedLoginPage(error: MinutehandError, acceptLanguage: string | undefined): string {
  const texts = textsOf(acceptLanguage);
  const reason = error.code === 'ATTEMPTS_TOO_MANY' ? texts.wait : texts.reason;
  const parts = [`<p>${reason}</p>`, `<p>${texts.next}</p>`, '<pre><code>minutehand token link</code></pre>'];
  return page(texts, texts.title, [...parts, `<p><small>${error.code}</small></p>`]);
}

/**
 * What a browser shows for a login link that a page of another site, or a program, has opened: whoever sends somebody
 * his own link would otherwise have them work in his name.
 * @param code of base64url letters, checked
 */
export function askedLoginPage(code: string, acceptLanguage: string | undefined): string {
  const texts = textsOf(acceptLanguage);
  return page(texts, texts.asked, [
    `<p>${texts.warning}</p>`,
    `<p><a href="/login?code=${encodeURIComponent(code)}">${texts.proceed}</a></p>`,
  ]);
}

function page({ language }: Texts, title: string, parts: readonly string[]): string {
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/favicon.svg"><title>${title}</title></head>
<body>
<main>
<h1>${title}</h1>
${parts.join('\n')}
</main>
</body>
</html>
`;
}
