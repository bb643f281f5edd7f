import { useState } from 'preact/hooks';
import { api, ApiError } from '../api.ts';
import { Failure } from '../parts/basics.tsx';
import { t } from '../text/text.ts';

export function Login() {
  const [error, setError] = useState<ApiError | null>(null);
  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    setError(null);
    const token = String(new FormData(event.currentTarget as HTMLFormElement).get('token') ?? '').trim();
    try {
      await api.post('/api/session', { body: { token } });
      location.reload();
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      setError(caught);
    }
  }
  return (
    <main class="login">
      <img src="/favicon.svg" alt="" width="48" height="48" />
      <h1>minutehand</h1>
      <p>{t('login.link')}</p>
      <p>{t('login.command')}</p>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          {t('login.token')}
          <input name="token" type="password" autocomplete="off" required />
        </label>
        <button type="submit" class="button primary">
          {t('login.submit')}
        </button>
      </form>
      {error !== null && <Failure error={error} />}
    </main>
  );
}
