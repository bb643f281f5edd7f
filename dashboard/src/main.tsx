import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app.tsx';
import { start } from './live.ts';
import './style.css';
import { language } from './text/text.ts';

effect(() => {
  document.documentElement.lang = language.value;
});
render(<App />, document.body);
void start();
